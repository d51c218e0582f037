import { padded } from "./bytes.ts";
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE,
  BLOCK_SECTION,
  BLOCK_STATISTICS,
  BYTE_ORDER_MAGIC,
  IF_DESCRIPTION,
  IF_FILTER,
  IF_NAME,
  IF_OS,
  IF_TSRESOL,
  ISB_DROPPED,
  ISB_RECEIVED,
  OPTION_COMMENT,
  SHB_APPLICATION,
  SHB_OS,
} from "./pcapng-codes.ts";
import { textOption, writeOptions, type OptionValue } from "./pcapng-options.ts";

/**
 * Writes pcapng (draft-ietf-opsawg-pcapng), little-endian, with stamps in nanoseconds: one function a
 * block. A file is a header, then each interface before the first packet that names it.
 */

export interface HeaderFields {
  readonly comment?: string;
  readonly application?: string;
  readonly os?: string;
}

export interface InterfaceFields {
  readonly linkType: number;
  readonly name?: string;
  readonly description?: string;
  /** Most bytes kept of a packet; absent: libpcap's own 262144. tcpdump reads no file whose interfaces differ in it. */
  readonly snapLength?: number;
  /** The libpcap filter expression that was in force. */
  readonly filter?: string;
  readonly os?: string;
  readonly comment?: string;
}

/** Whole micro- or nanoseconds since the Unix epoch, not negative. */
export type Stamp = { readonly atUs: number } | { readonly atNanos: bigint };

export type PacketFields = Stamp & {
  /** Position of its interface block in the file, from 0. */
  readonly interfaceIndex: number;
  readonly bytes: Uint8Array;
  /** Bytes on the wire; absent: as many as were captured. */
  readonly originalLength?: number;
  readonly comments?: readonly string[];
};

export type StatisticsFields = Stamp & {
  readonly interfaceIndex: number;
  readonly received?: number;
  readonly dropped?: number;
  readonly comment?: string;
};

const NANOSECONDS = 9;
const LIBPCAP_SNAP_LENGTH = 262_144;

function textOptions(list: readonly (readonly [code: number, text: string | undefined])[]): OptionValue[] {
  return list.flatMap(([code, text]) => (text === undefined ? [] : [textOption(code, text)]));
}

/** A block with room for `fixedBytes` after its first length, then `data`, then the options. */
function block(
  type: number,
  fixedBytes: number,
  data: Uint8Array,
  options: readonly OptionValue[],
): DataView {
  const optionBytes = writeOptions(options);
  const length = 12 + fixedBytes + padded(data.length) + optionBytes.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  bytes.set(data, 8 + fixedBytes);
  bytes.set(optionBytes, 8 + fixedBytes + padded(data.length));
  view.setUint32(length - 4, length, true);
  return view;
}

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer);
const NO_DATA = new Uint8Array(0);

/** High half first, as the packet and statistics blocks have it whatever the byte order. */
function setStamp(view: DataView, at: number, stamp: Stamp): void {
  const nanos = "atNanos" in stamp ? stamp.atNanos : BigInt(stamp.atUs) * 1000n;
  view.setUint32(at, Number(BigInt.asUintN(32, nanos >> 32n)), true);
  view.setUint32(at + 4, Number(BigInt.asUintN(32, nanos)), true);
}

/** Section Header Block, of unstated length. */
export function pcapngHeader(fields: HeaderFields): Uint8Array {
  const options = textOptions([
    [OPTION_COMMENT, fields.comment],
    [SHB_OS, fields.os],
    [SHB_APPLICATION, fields.application],
  ]);
  const view = block(BLOCK_SECTION, 16, NO_DATA, options);
  view.setUint32(8, BYTE_ORDER_MAGIC, true);
  view.setUint16(12, 1, true);
  view.setBigInt64(16, -1n, true);
  return bytesOf(view);
}

/** Interface Description Block. Two interfaces of link type 101 (raw IP) make a file that tcpdump cannot read: use 228. */
export function interfaceBlock(fields: InterfaceFields): Uint8Array {
  const options = textOptions([
    [OPTION_COMMENT, fields.comment],
    [IF_NAME, fields.name],
    [IF_DESCRIPTION, fields.description],
  ]);
  options.push({ code: IF_TSRESOL, value: Uint8Array.of(NANOSECONDS) });
  const filter = fields.filter === undefined ? undefined : `\0${fields.filter}`;
  options.push(
    ...textOptions([
      [IF_FILTER, filter],
      [IF_OS, fields.os],
    ]),
  );
  const view = block(BLOCK_INTERFACE, 8, NO_DATA, options);
  view.setUint16(8, fields.linkType, true);
  view.setUint32(12, fields.snapLength ?? LIBPCAP_SNAP_LENGTH, true);
  return bytesOf(view);
}

/** Enhanced Packet Block. */
export function packetBlock(fields: PacketFields): Uint8Array {
  const options = (fields.comments ?? []).map((comment) => textOption(OPTION_COMMENT, comment));
  const view = block(BLOCK_ENHANCED_PACKET, 20, fields.bytes, options);
  view.setUint32(8, fields.interfaceIndex, true);
  setStamp(view, 12, fields);
  view.setUint32(20, fields.bytes.length, true);
  view.setUint32(24, fields.originalLength ?? fields.bytes.length, true);
  return bytesOf(view);
}

/** Interface Statistics Block: what the interface counted until the stamp. */
export function interfaceStatisticsBlock(fields: StatisticsFields): Uint8Array {
  const options = textOptions([[OPTION_COMMENT, fields.comment]]);
  const counters = [
    [ISB_RECEIVED, fields.received],
    [ISB_DROPPED, fields.dropped],
  ] as const;
  for (const [code, count] of counters) {
    if (count === undefined) continue;
    const value = new Uint8Array(8);
    new DataView(value.buffer).setBigUint64(0, BigInt(count), true);
    options.push({ code, value });
  }
  const view = block(BLOCK_STATISTICS, 12, NO_DATA, options);
  view.setUint32(8, fields.interfaceIndex, true);
  setStamp(view, 12, fields);
  return bytesOf(view);
}
