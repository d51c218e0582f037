import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * AUTH, RFC 4895 section 4.1.
 *
 *   | type = 15     | flags = 0     | length = 8 + HMAC             |
 *   | shared key identifier         | HMAC identifier               |
 *   | HMAC over this chunk with zeros here and all chunks behind it |
 */
export interface AuthChunk {
  readonly type: "AUTH";
  readonly sharedKeyId: number;
  /** 1 is SHA-1, 3 is SHA-256. */
  readonly hmacId: number;
  readonly hmac: Uint8Array;
}

const HEADER = 8;

export const auth: Codec<AuthChunk> = {
  typeNumber: 15,
  parse: ({ bytes, view }, start, end) =>
    tooShort("AUTH", start, end, HEADER) ?? {
      type: "AUTH",
      sharedKeyId: view.getUint16(start + 4),
      hmacId: view.getUint16(start + 6),
      hmac: bytes.subarray(start + HEADER, end),
    },
  length: (chunk) => HEADER + chunk.hmac.length,
  write: (chunk, { bytes, view }, start) => {
    view.setUint16(start + 4, chunk.sharedKeyId);
    view.setUint16(start + 6, chunk.hmacId);
    bytes.set(chunk.hmac, start + HEADER);
  },
  describe: (chunk) => `AUTH key=${chunk.sharedKeyId} hmac=${chunk.hmacId}`,
};
