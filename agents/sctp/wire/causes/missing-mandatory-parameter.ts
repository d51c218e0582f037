import { readUint16s, writeUint16s } from "../../base/bytes.ts";
import { tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Missing Mandatory Parameter, RFC 9260 section 3.3.10.2.
 *
 *   | code = 2                      | length = 8 + 2 N              |
 *   | number of missing parameters = N                              |
 *   | parameter type 1              | parameter type 2 ...          |
 */
export interface MissingMandatoryParameterCause {
  readonly type: "MISSING_MANDATORY_PARAMETER";
  readonly code: 2;
  readonly parameterTypes: readonly number[];
}

export const missingMandatoryParameter: Codec<MissingMandatoryParameterCause> = {
  typeNumber: 2,
  parse: ({ view }, start, end) => {
    const short = tooShort("Missing Mandatory Parameter", start, end, 8);
    if (short !== undefined) return short;
    const count = view.getUint32(start + 4);
    if (count > (end - start - 8) / 2) {
      return new WireFlaw(
        start + 4,
        `Missing Mandatory Parameter says ${count} types, more than it has room for`,
      );
    }
    const parameterTypes = readUint16s(view, start + 8, start + 8 + 2 * count);
    return { type: "MISSING_MANDATORY_PARAMETER", code: 2, parameterTypes };
  },
  length: (cause) => 8 + 2 * cause.parameterTypes.length,
  write: (cause, { view }, start) => {
    view.setUint32(start + 4, cause.parameterTypes.length);
    writeUint16s(view, start + 8, cause.parameterTypes);
  },
  describe: (cause) => `Missing Mandatory Parameter types=${cause.parameterTypes.join(",")}`,
};
