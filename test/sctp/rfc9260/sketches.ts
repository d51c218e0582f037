import { crc32c } from "../../../agents/sctp/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";

/**
 * A chunk as far as a script cares about it. What a sent one leaves out gets ordinary values; what an
 * expected one leaves out is not looked at. TSNs of both sides count from 1.
 */
export interface Sketch {
  readonly type: Chunk["type"];
  readonly [field: string]: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** `size` is that of the user data, in bytes; ordinary is a whole ordered message on stream 0. */
export const data = (tsn: number, fields: Fields = {}): Sketch => ({ type: "DATA", tsn, ...fields });

/** Gap blocks as first and last TSN, unlike on the wire; sent as if 65536 bytes of window were left. */
export function sack(
  cumulativeTsn: number,
  fields: {
    readonly gaps?: readonly (readonly [number, number])[];
    readonly duplicates?: readonly number[];
    readonly advertisedWindow?: number;
  } = {},
): Sketch {
  const { gaps = [], duplicates = [], ...rest } = fields;
  return {
    type: "SACK",
    cumulativeTsn,
    gaps: gaps.map(([first, last]) => ({
      start: (first - cumulativeTsn) >>> 0,
      end: (last - cumulativeTsn) >>> 0,
    })),
    duplicates,
    ...rest,
  };
}

export const init = (fields: Fields = {}): Sketch => ({ type: "INIT", ...fields });
export const initAck = (fields: Fields = {}): Sketch => ({ type: "INIT_ACK", ...fields });
export const cookieEcho = (fields: Fields = {}): Sketch => ({ type: "COOKIE_ECHO", ...fields });
export const cookieAck = (): Sketch => ({ type: "COOKIE_ACK" });
export const heartbeat = (fields: Fields = {}): Sketch => ({ type: "HEARTBEAT", ...fields });
export const heartbeatAck = (fields: Fields = {}): Sketch => ({ type: "HEARTBEAT_ACK", ...fields });
export const shutdown = (cumulativeTsn: number): Sketch => ({ type: "SHUTDOWN", cumulativeTsn });
export const shutdownAck = (): Sketch => ({ type: "SHUTDOWN_ACK" });
export const shutdownComplete = (fields: Fields = {}): Sketch => ({ type: "SHUTDOWN_COMPLETE", ...fields });
export const error = (...causes: readonly Fields[]): Sketch => ({ type: "ERROR", causes });
/** An expected ABORT says nothing about its causes unless they are given. */
export const abort = (fields: Fields = {}): Sketch => ({ type: "ABORT", ...fields });
export const unknown = (typeNumber: number, size = 4): Sketch => ({
  type: "UNKNOWN",
  typeNumber,
  flags: 0,
  value: new Uint8Array(size).fill(typeNumber),
});

/** An ABORT in answer to a packet that belongs nowhere: it reflects the tag (RFC 9260 section 8.4). */
export const outOfTheBlueAbort: Sketch = abort({ tagReflected: true });

export const ipv4 = (address: string): Fields => ({ type: "IPV4_ADDRESS", address });

/** One packet that is expected, with more than its chunks. */
export interface Envelope {
  readonly chunks: readonly Sketch[];
  readonly to?: string;
  readonly from?: string;
  readonly tag?: number;
}

export const to = (address: string, ...chunks: readonly Sketch[]): Envelope => ({ to: address, chunks });
export const withTag = (tag: number, ...chunks: readonly Sketch[]): Envelope => ({ tag, chunks });

/** What one packet should be: a chunk, chunks, or chunks with more. */
export type Expected = Sketch | readonly Sketch[] | Envelope;

export const asEnvelope = (expected: Expected): Envelope =>
  "chunks" in expected && Array.isArray(expected["chunks"])
    ? (expected as Envelope)
    : { chunks: Array.isArray(expected) ? (expected as readonly Sketch[]) : [expected as Sketch] };

/** A packet around bytes that need not be chunks, with the right checksum. */
export function rawPacket(
  header: { readonly sourcePort: number; readonly destinationPort: number; readonly tag: number },
  body: readonly number[],
): Uint8Array {
  const bytes = new Uint8Array(12 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, header.sourcePort);
  view.setUint16(2, header.destinationPort);
  view.setUint32(4, header.tag);
  bytes.set(body, 12);
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
}
