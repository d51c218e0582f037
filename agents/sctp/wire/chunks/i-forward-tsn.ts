import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * I-FORWARD-TSN, RFC 8260 section 2.3.1.
 *
 *   | type = 194    | flags = 0     | length = 8 + 8 N              |
 *   | new cumulative TSN                                            |
 *   | stream 1                      | reserved                    U |
 *   | message identifier 1                                      ... |
 */
export interface IForwardTsnChunk {
  readonly type: "I_FORWARD_TSN";
  readonly newCumulativeTsn: Tsn;
  /** Streams in which messages are skipped, with the highest message identifier skipped. */
  readonly streams: readonly {
    readonly streamId: number;
    readonly unordered: boolean;
    readonly messageId: number;
  }[];
}

const HEADER = 8;

export const iForwardTsn: Codec<IForwardTsnChunk> = {
  typeNumber: 194,
  parse: ({ view }, start, end) => {
    const short = tooShort("I-FORWARD-TSN", start, end, HEADER);
    if (short !== undefined) return short;
    const streams = [];
    for (let at = start + HEADER; at + 8 <= end; at += 8) {
      streams.push({
        streamId: view.getUint16(at),
        unordered: (view.getUint16(at + 2) & 1) !== 0,
        messageId: view.getUint32(at + 4),
      });
    }
    return { type: "I_FORWARD_TSN", newCumulativeTsn: tsn(view.getUint32(start + 4)), streams };
  },
  length: (chunk) => HEADER + 8 * chunk.streams.length,
  write: (chunk, { view }, start) => {
    view.setUint32(start + 4, chunk.newCumulativeTsn);
    chunk.streams.forEach((stream, index) => {
      const at = start + HEADER + 8 * index;
      view.setUint16(at, stream.streamId);
      view.setUint16(at + 2, stream.unordered ? 1 : 0);
      view.setUint32(at + 4, stream.messageId);
    });
  },
  describe: (chunk) => `I_FORWARD_TSN cum=${chunk.newCumulativeTsn} streams=${chunk.streams.length}`,
};
