import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * SACK, RFC 9260 section 3.3.4.
 *
 *   | type = 3      | flags = 0     | length = 16 + 4 N + 4 X       |
 *   | cumulative TSN ack                                            |
 *   | advertised receiver window credit, bytes                      |
 *   | number of gap blocks = N      | number of duplicates = X      |
 *   | gap 1 start                   | gap 1 end                 ... |
 *   | duplicate TSN 1                                           ... |
 */
export interface SackChunk {
  readonly type: "SACK";
  readonly cumulativeTsn: Tsn;
  /** Bytes. */
  readonly advertisedWindow: number;
  /** As on the wire: offsets from the cumulative TSN, both ends included. Order and sense are not checked here. */
  readonly gaps: readonly { readonly start: number; readonly end: number }[];
  readonly duplicates: readonly Tsn[];
}

const HEADER = 16;

export const sack: Codec<SackChunk> = {
  typeNumber: 3,
  parse: ({ view }, start, end) => {
    const short = tooShort("SACK", start, end, HEADER);
    if (short !== undefined) return short;
    const gapCount = view.getUint16(start + 12);
    const duplicateCount = view.getUint16(start + 14);
    const duplicatesAt = start + HEADER + 4 * gapCount;
    if (duplicatesAt + 4 * duplicateCount > end) {
      const room = Math.floor((end - start - HEADER) / 4);
      const counted = `${gapCount} gap blocks and ${duplicateCount} duplicates`;
      return new WireFlaw(start + 12, `SACK says ${counted} and has room for ${room} of both`);
    }
    const gaps = [];
    for (let at = start + HEADER; at < duplicatesAt; at += 4) {
      gaps.push({ start: view.getUint16(at), end: view.getUint16(at + 2) });
    }
    const duplicates = [];
    for (let index = 0; index < duplicateCount; index += 1)
      duplicates.push(tsn(view.getUint32(duplicatesAt + 4 * index)));
    return {
      type: "SACK",
      cumulativeTsn: tsn(view.getUint32(start + 4)),
      advertisedWindow: view.getUint32(start + 8),
      gaps,
      duplicates,
    };
  },
  length: (chunk) => HEADER + 4 * (chunk.gaps.length + chunk.duplicates.length),
  write: (chunk, { view }, start) => {
    view.setUint32(start + 4, chunk.cumulativeTsn);
    view.setUint32(start + 8, chunk.advertisedWindow);
    view.setUint16(start + 12, chunk.gaps.length);
    view.setUint16(start + 14, chunk.duplicates.length);
    let at = start + HEADER;
    for (const gap of chunk.gaps) {
      view.setUint16(at, gap.start);
      view.setUint16(at + 2, gap.end);
      at += 4;
    }
    for (const duplicate of chunk.duplicates) {
      view.setUint32(at, duplicate);
      at += 4;
    }
  },
  describe: (chunk) =>
    `SACK cum=${chunk.cumulativeTsn} gaps=${chunk.gaps.length} ` +
    `${chunk.duplicates.length > 0 ? `dups=${chunk.duplicates.length} ` : ""}a_rwnd=${chunk.advertisedWindow}`,
};
