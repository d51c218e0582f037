import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Chunks that are a header only: SHUTDOWN ACK (RFC 9260 section 3.3.9), COOKIE ACK (3.3.12) and
 * SHUTDOWN COMPLETE (3.3.13), which has the T bit of ABORT.
 *
 *   | type = 8, 11, 14 | reserved T | length = 4                    |
 */
export interface ShutdownAckChunk {
  readonly type: "SHUTDOWN_ACK";
}

export interface CookieAckChunk {
  readonly type: "COOKIE_ACK";
}

export interface ShutdownCompleteChunk {
  readonly type: "SHUTDOWN_COMPLETE";
  /** T bit: the verification tag of the packet is the one that the receiver used (RFC 9260 section 8.5.1). */
  readonly tagReflected: boolean;
}

export const shutdownAck: Codec<ShutdownAckChunk> = {
  typeNumber: 8,
  parse: () => ({ type: "SHUTDOWN_ACK" }),
  length: () => HEADER_BYTES,
  write: () => {},
  describe: () => "SHUTDOWN_ACK",
};

export const cookieAck: Codec<CookieAckChunk> = {
  typeNumber: 11,
  parse: () => ({ type: "COOKIE_ACK" }),
  length: () => HEADER_BYTES,
  write: () => {},
  describe: () => "COOKIE_ACK",
};

export const shutdownComplete: Codec<ShutdownCompleteChunk> = {
  typeNumber: 14,
  parse: ({ view }, start) => ({
    type: "SHUTDOWN_COMPLETE",
    tagReflected: (view.getUint8(start + 1) & 1) !== 0,
  }),
  length: () => HEADER_BYTES,
  write: (chunk, { view }, start) => view.setUint8(start + 1, chunk.tagReflected ? 1 : 0),
  describe: (chunk) => (chunk.tagReflected ? "SHUTDOWN_COMPLETE T" : "SHUTDOWN_COMPLETE"),
};
