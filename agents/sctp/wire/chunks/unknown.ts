import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/** A chunk whose type no document that we implement defines; `chunkAction` says what to do about it. */
export interface UnknownChunk {
  readonly type: "UNKNOWN";
  readonly typeNumber: number;
  readonly flags: number;
  readonly value: Uint8Array;
}

export const unknownChunk: Codec<UnknownChunk> = {
  typeNumber: -1,
  parse: ({ bytes, view }, start, end) => ({
    type: "UNKNOWN",
    typeNumber: view.getUint8(start),
    flags: view.getUint8(start + 1),
    value: bytes.subarray(start + HEADER_BYTES, end),
  }),
  length: (chunk) => HEADER_BYTES + chunk.value.length,
  write: (chunk, { bytes, view }, start) => {
    view.setUint8(start, chunk.typeNumber);
    view.setUint8(start + 1, chunk.flags);
    bytes.set(chunk.value, start + HEADER_BYTES);
  },
  describe: (chunk) => `UNKNOWN(${chunk.typeNumber}) (${chunk.value.length} B)`,
};
