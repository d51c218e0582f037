import { ssn, tsn } from "../../base/serial.ts";
import type { Ssn, Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * DATA, RFC 9260 section 3.3.1.
 *
 *   | type = 0      | res   I U B E | length = 16 + payload         |
 *   | TSN                                                           |
 *   | stream identifier             | stream sequence number        |
 *   | payload protocol identifier                                   |
 *   | user data                                                     |
 */
export interface DataChunk {
  readonly type: "DATA";
  readonly tsn: Tsn;
  readonly streamId: number;
  readonly ssn: Ssn;
  /** Payload protocol identifier, read big-endian. */
  readonly ppid: number;
  readonly unordered: boolean;
  readonly beginning: boolean;
  readonly ending: boolean;
  /** The sender asks for a SACK without delay. */
  readonly immediate: boolean;
  /** Empty only by a fault of the sender (RFC 9260 section 6.2). */
  readonly payload: Uint8Array;
}

const HEADER = 16;

export const data: Codec<DataChunk> = {
  typeNumber: 0,
  parse: ({ bytes, view }, start, end) => {
    const short = tooShort("DATA", start, end, HEADER);
    if (short !== undefined) return short;
    const flags = view.getUint8(start + 1);
    return {
      type: "DATA",
      tsn: tsn(view.getUint32(start + 4)),
      streamId: view.getUint16(start + 8),
      ssn: ssn(view.getUint16(start + 10)),
      ppid: view.getUint32(start + 12),
      unordered: (flags & 0x04) !== 0,
      beginning: (flags & 0x02) !== 0,
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
    view.setUint16(start + 10, chunk.ssn);
    view.setUint32(start + 12, chunk.ppid);
    bytes.set(chunk.payload, start + HEADER);
  },
  describe: (chunk) =>
    `DATA tsn=${chunk.tsn} sid=${chunk.streamId} ssn=${chunk.ssn} ppid=${chunk.ppid} (${chunk.payload.length} B)`,
};

interface FragmentBits {
  readonly unordered: boolean;
  readonly beginning: boolean;
  readonly ending: boolean;
  readonly immediate: boolean;
}

/** The flags of DATA, which I-DATA has too. */
export function fragmentFlags(bits: FragmentBits): number {
  return (
    (bits.immediate ? 0x08 : 0) |
    (bits.unordered ? 0x04 : 0) |
    (bits.beginning ? 0x02 : 0) |
    (bits.ending ? 0x01 : 0)
  );
}
