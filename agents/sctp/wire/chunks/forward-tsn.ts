import { ssn, tsn } from "../../base/serial.ts";
import type { Ssn, Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * FORWARD TSN, RFC 3758 section 3.2.
 *
 *   | type = 192    | flags = 0     | length = 8 + 4 N              |
 *   | new cumulative TSN                                            |
 *   | stream 1                      | stream sequence number 1  ... |
 */
export interface ForwardTsnChunk {
  readonly type: "FORWARD_TSN";
  readonly newCumulativeTsn: Tsn;
  /** Ordered streams in which messages are skipped, with the highest SSN skipped. */
  readonly streams: readonly { readonly streamId: number; readonly ssn: Ssn }[];
}

const HEADER = 8;

export const forwardTsn: Codec<ForwardTsnChunk> = {
  typeNumber: 192,
  parse: ({ view }, start, end) => {
    const short = tooShort("FORWARD TSN", start, end, HEADER);
    if (short !== undefined) return short;
    const streams = [];
    for (let at = start + HEADER; at + 4 <= end; at += 4) {
      streams.push({ streamId: view.getUint16(at), ssn: ssn(view.getUint16(at + 2)) });
    }
    return { type: "FORWARD_TSN", newCumulativeTsn: tsn(view.getUint32(start + 4)), streams };
  },
  length: (chunk) => HEADER + 4 * chunk.streams.length,
  write: (chunk, { view }, start) => {
    view.setUint32(start + 4, chunk.newCumulativeTsn);
    chunk.streams.forEach((stream, index) => {
      view.setUint16(start + HEADER + 4 * index, stream.streamId);
      view.setUint16(start + HEADER + 4 * index + 2, stream.ssn);
    });
  },
  describe: (chunk) => `FORWARD_TSN cum=${chunk.newCumulativeTsn} streams=${chunk.streams.length}`,
};
