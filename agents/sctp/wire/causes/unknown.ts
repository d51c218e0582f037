import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/** A cause whose code no document that we implement defines. */
export interface UnknownCause {
  readonly type: "UNKNOWN";
  readonly code: number;
  readonly value: Uint8Array;
}

export const unknownCause: Codec<UnknownCause> = {
  typeNumber: -1,
  parse: ({ bytes, view }, start, end) => ({
    type: "UNKNOWN",
    code: view.getUint16(start),
    value: bytes.subarray(start + HEADER_BYTES, end),
  }),
  length: (cause) => HEADER_BYTES + cause.value.length,
  write: (cause, { bytes }, start) => bytes.set(cause.value, start + HEADER_BYTES),
  describe: (cause) => `Cause ${cause.code} (${cause.value.length} B)`,
};
