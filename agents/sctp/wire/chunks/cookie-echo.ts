import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * COOKIE ECHO, RFC 9260 section 3.3.11.
 *
 *   | type = 10     | flags = 0     | length = 4 + cookie           |
 *   | cookie, as the State Cookie parameter carried it              |
 */
export interface CookieEchoChunk {
  readonly type: "COOKIE_ECHO";
  readonly cookie: Uint8Array;
}

export const cookieEcho: Codec<CookieEchoChunk> = {
  typeNumber: 10,
  parse: ({ bytes }, start, end) => ({
    type: "COOKIE_ECHO",
    cookie: bytes.subarray(start + HEADER_BYTES, end),
  }),
  length: (chunk) => HEADER_BYTES + chunk.cookie.length,
  write: (chunk, { bytes }, start) => bytes.set(chunk.cookie, start + HEADER_BYTES),
  describe: (chunk) => `COOKIE_ECHO (${chunk.cookie.length} B)`,
};
