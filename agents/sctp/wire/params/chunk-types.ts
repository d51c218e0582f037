import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Lists of chunk types: Chunk List (RFC 4895 section 3.2), Supported Extensions (RFC 5061 section 4.2.7).
 *
 *   | type = 0x8003 or 0x8008       | length = 4 + N                |
 *   | chunk type 1  | chunk type 2  | ...                           |
 */
export interface ChunkListParameter {
  readonly type: "CHUNK_LIST";
  /** Chunks that the sender wants authenticated. */
  readonly chunkTypes: readonly number[];
}

export interface SupportedExtensionsParameter {
  readonly type: "SUPPORTED_EXTENSIONS";
  readonly chunkTypes: readonly number[];
}

export const chunkList: Codec<ChunkListParameter> = {
  typeNumber: 0x8003,
  parse: ({ bytes }, start, end) => ({
    type: "CHUNK_LIST",
    chunkTypes: [...bytes.subarray(start + HEADER_BYTES, end)],
  }),
  length: (parameter) => HEADER_BYTES + parameter.chunkTypes.length,
  write: (parameter, { bytes }, start) => bytes.set(parameter.chunkTypes, start + HEADER_BYTES),
  describe: (parameter) => `Chunk List ${parameter.chunkTypes.join(",")}`,
};

export const supportedExtensions: Codec<SupportedExtensionsParameter> = {
  typeNumber: 0x8008,
  parse: ({ bytes }, start, end) => ({
    type: "SUPPORTED_EXTENSIONS",
    chunkTypes: [...bytes.subarray(start + HEADER_BYTES, end)],
  }),
  length: (parameter) => HEADER_BYTES + parameter.chunkTypes.length,
  write: (parameter, { bytes }, start) => bytes.set(parameter.chunkTypes, start + HEADER_BYTES),
  describe: (parameter) => `Supported Extensions ${parameter.chunkTypes.join(",")}`,
};
