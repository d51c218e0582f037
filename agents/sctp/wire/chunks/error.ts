import { causesLength, describeCause, parseCauses, writeCauses } from "../causes/index.ts";
import type { Cause } from "../causes/index.ts";
import { HEADER_BYTES, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * ERROR, RFC 9260 section 3.3.10.
 *
 *   | type = 9      | flags = 0     | length                        |
 *   | error causes, one or more                                     |
 */
export interface ErrorChunk {
  readonly type: "ERROR";
  readonly causes: readonly Cause[];
}

export const error: Codec<ErrorChunk> = {
  typeNumber: 9,
  parse: (source, start, end) => {
    const causes = parseCauses(source, start + HEADER_BYTES, end);
    return causes instanceof WireFlaw ? causes : { type: "ERROR", causes };
  },
  length: (chunk) => HEADER_BYTES + causesLength(chunk.causes),
  write: (chunk, out, start) => writeCauses(chunk.causes, out, start + HEADER_BYTES),
  describe: (chunk) => `ERROR ${chunk.causes.map(describeCause).join(", ")}`.trimEnd(),
};
