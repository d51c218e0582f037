import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { fragmentFlags } from "./data.ts";

/**
 * I-DATA, RFC 8260 section 2.1.
 *
 *   | type = 64     | res   I U B E | length = 20 + payload         |
 *   | TSN                                                           |
 *   | stream identifier             | reserved                      |
 *   | message identifier                                            |
 *   | B set: payload protocol identifier, else fragment number      |
 *   | user data                                                     |
 */
export interface IDataChunk {
  readonly type: "I_DATA";
  readonly tsn: Tsn;
  readonly streamId: number;
  readonly messageId: number;
  /** Payload protocol identifier where `beginning` is set, else 0. */
  readonly ppid: number;
  /** Fragment sequence number; 0 where `beginning` is set. */
  readonly fsn: number;
  readonly unordered: boolean;
  readonly beginning: boolean;
  readonly ending: boolean;
  readonly immediate: boolean;
  readonly payload: Uint8Array;
}

const HEADER = 20;

export const iData: Codec<IDataChunk> = {
  typeNumber: 64,
  parse: ({ bytes, view }, start, end) => {
    const short = tooShort("I-DATA", start, end, HEADER);
    if (short !== undefined) return short;
    const flags = view.getUint8(start + 1);
    const beginning = (flags & 0x02) !== 0;
    const ppidOrFsn = view.getUint32(start + 16);
    return {
      type: "I_DATA",
      tsn: tsn(view.getUint32(start + 4)),
      streamId: view.getUint16(start + 8),
      messageId: view.getUint32(start + 12),
      ppid: beginning ? ppidOrFsn : 0,
      fsn: beginning ? 0 : ppidOrFsn,
      unordered: (flags & 0x04) !== 0,
      beginning,
      ending: (flags & 0x01) !== 0,
      immediate: (flags & 0x08) !== 0,
      payload: bytes.subarray(start + HEADER, end),
    };
  },
  length: (chunk) => HEADER + chunk.payload.length,
  write: (chunk, { bytes, view }, start) => {
    view.setUint8(start + 1, fragmentFlags(chunk));
    view.setUint32(start + 4, chunk.tsn);
    view.setUint16(start + 8, chunk.streamId);
    view.setUint32(start + 12, chunk.messageId);
    view.setUint32(start + 16, chunk.beginning ? chunk.ppid : chunk.fsn);
    bytes.set(chunk.payload, start + HEADER);
  },
  describe: (chunk) => {
    const detail = chunk.beginning ? `ppid=${chunk.ppid}` : `fsn=${chunk.fsn}`;
    const where = `tsn=${chunk.tsn} sid=${chunk.streamId} mid=${chunk.messageId}`;
    return `I_DATA ${where} ${detail} (${chunk.payload.length} B)`;
  },
};
