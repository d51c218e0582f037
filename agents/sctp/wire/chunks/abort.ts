import { causesLength, describeCause, parseCauses, writeCauses } from "../causes/index.ts";
import type { Cause } from "../causes/index.ts";
import { HEADER_BYTES, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * ABORT, RFC 9260 section 3.3.7.
 *
 *   | type = 6      | reserved    T | length                        |
 *   | error causes, none or more                                    |
 */
export interface AbortChunk {
  readonly type: "ABORT";
  /** T bit: the verification tag of the packet is the one that the receiver used (RFC 9260 section 8.5.1). */
  readonly tagReflected: boolean;
  readonly causes: readonly Cause[];
}

export const abort: Codec<AbortChunk> = {
  typeNumber: 6,
  parse: (source, start, end) => {
    const causes = parseCauses(source, start + HEADER_BYTES, end);
    if (causes instanceof WireFlaw) return causes;
    return { type: "ABORT", tagReflected: (source.view.getUint8(start + 1) & 1) !== 0, causes };
  },
  length: (chunk) => HEADER_BYTES + causesLength(chunk.causes),
  write: (chunk, out, start) => {
    out.view.setUint8(start + 1, chunk.tagReflected ? 1 : 0);
    writeCauses(chunk.causes, out, start + HEADER_BYTES);
  },
  describe: (chunk) =>
    ["ABORT", ...(chunk.tagReflected ? ["T"] : []), chunk.causes.map(describeCause).join(", ")]
      .join(" ")
      .trimEnd(),
};
