import { causesLength, describeCause, parseCauses, writeCauses } from "../causes/index.ts";
import type { Cause } from "../causes/index.ts";
import { tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Error Cause Indication, RFC 5061 section 4.2.3: the answer of an ASCONF ACK to a refused request.
 *
 *   | type = 0xC003                 | length                        |
 *   | response correlation ID                                       |
 *   | error causes                                                  |
 */
export interface ErrorCauseIndicationParameter {
  readonly type: "ERROR_CAUSE_INDICATION";
  readonly correlationId: number;
  readonly causes: readonly Cause[];
}

export const errorCauseIndication: Codec<ErrorCauseIndicationParameter> = {
  typeNumber: 0xc003,
  parse: (source, start, end) => {
    const short = tooShort("Error Cause Indication", start, end, 8);
    if (short !== undefined) return short;
    const causes = parseCauses(source, start + 8, end);
    if (causes instanceof WireFlaw) return causes;
    return { type: "ERROR_CAUSE_INDICATION", correlationId: source.view.getUint32(start + 4), causes };
  },
  length: (parameter) => 8 + causesLength(parameter.causes),
  write: (parameter, out, start) => {
    out.view.setUint32(start + 4, parameter.correlationId);
    writeCauses(parameter.causes, out, start + 8);
  },
  describe: (parameter) =>
    `Error Cause Indication id=${parameter.correlationId} ${parameter.causes.map(describeCause).join(", ")}`,
};
