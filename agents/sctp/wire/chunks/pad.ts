import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * PAD, RFC 4820 section 3.
 *
 *   | type = 0x84   | flags = 0     | length = 4 + padding          |
 *   | padding data                                                  |
 */
export interface PadChunk {
  readonly type: "PAD";
  readonly padding: Uint8Array;
}

export const pad: Codec<PadChunk> = {
  typeNumber: 0x84,
  parse: ({ bytes }, start, end) => ({ type: "PAD", padding: bytes.subarray(start + HEADER_BYTES, end) }),
  length: (chunk) => HEADER_BYTES + chunk.padding.length,
  write: (chunk, { bytes }, start) => bytes.set(chunk.padding, start + HEADER_BYTES),
  describe: (chunk) => `PAD (${chunk.padding.length} B)`,
};
