import { assert } from "../base/assert.ts";
import { byteSource } from "../base/bytes.ts";
import type { ByteSource } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";
import { chunkLength, parseChunkIn, writeChunkInto } from "./chunks/index.ts";
import type { Chunk, ChunkAt } from "./chunks/index.ts";
import { WireFlaw } from "./codec.ts";

/**
 * The common header, RFC 9260 section 3.1.
 *
 *   | source port                   | destination port              |
 *   | verification tag                                              |
 *   | CRC32c, lowest byte first                                     |
 *   | chunks                                                        |
 */
export interface SctpPacket {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly verificationTag: number;
  readonly chunks: readonly Chunk[];
}

const COMMON_HEADER_BYTES = 12;
const CHECKSUM_AT = 8;

/** More than IP can carry: whoever gives us more has not received it in one packet. */
const MAX_PACKET_BYTES = 0xffff;

export interface PacketFlaw {
  /** Byte offset in the packet; its length where the bytes that should be there are missing. */
  readonly offset: number;
  /** One sentence. */
  readonly reason: string;
  /** The chunk that is malformed: as many chunks before it are good. */
  readonly chunkIndex: number;
  readonly typeNumber: number;
  /** Its length is that of bytes in the packet, and it is its content that cannot be read. */
  readonly isWhole: boolean;
}

export type ParsedPacket =
  | {
      readonly ok: true;
      readonly packet: SctpPacket;
      /** The checksum field read big-endian, which is how protocol analysers print it. */
      readonly checksum: number;
      readonly checksumGood: boolean;
      /** Set where a chunk is malformed: `packet.chunks` then holds the chunks before it. */
      readonly flaw?: PacketFlaw;
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads one SCTP packet, common header first. Never throws. Byte arrays in the result alias `bytes`.
 * A malformed chunk ends the reading. A bad checksum does not: the caller decides (RFC 9260 section 6.8).
 */
export function parsePacket(bytes: Uint8Array): ParsedPacket {
  if (bytes.length < COMMON_HEADER_BYTES) {
    return { ok: false, reason: `${bytes.length} bytes are fewer than the common header of 12 bytes` };
  }
  if (bytes.length > MAX_PACKET_BYTES) {
    return { ok: false, reason: `${bytes.length} bytes are more than a packet of 65535 bytes` };
  }
  const source = byteSource(bytes);
  const { view } = source;
  const chunks: Chunk[] = [];
  let flaw: PacketFlaw | undefined;
  for (let at = COMMON_HEADER_BYTES; at < bytes.length;) {
    const { parsed, next, typeNumber, statedLength, start, end } = parseChunkIn(source, at, bytes.length);
    if (parsed instanceof WireFlaw) {
      const { offset, reason } = parsed;
      const isWhole = statedLength > 0 && start + statedLength === end;
      flaw = { offset, reason, chunkIndex: chunks.length, typeNumber, isWhole };
      break;
    }
    chunks.push(parsed);
    at = next;
  }
  const packet = {
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    verificationTag: view.getUint32(4),
    chunks,
  };
  const checksumGood = view.getUint32(CHECKSUM_AT, true) === computeChecksum(source);
  const result = { ok: true, packet, checksum: view.getUint32(CHECKSUM_AT), checksumGood } as const;
  return flaw === undefined ? result : { ...result, flaw };
}

/** Reads one chunk of a packet and says where it lies; `offset` must be before the end of `bytes`. */
export const parseChunkAt = (bytes: Uint8Array, offset: number): ChunkAt =>
  parseChunkIn(byteSource(bytes), offset, bytes.length);

/** Writes a packet in one allocation, checksum included. */
export function writePacket(packet: SctpPacket): Uint8Array {
  let length = COMMON_HEADER_BYTES;
  for (const chunk of packet.chunks) length += chunkLength(chunk);
  assert(length <= MAX_PACKET_BYTES, "a packet is at most 65535 bytes long");
  const out: ByteSource = byteSource(new Uint8Array(length));
  out.view.setUint16(0, packet.sourcePort);
  out.view.setUint16(2, packet.destinationPort);
  out.view.setUint32(4, packet.verificationTag);
  let at = COMMON_HEADER_BYTES;
  for (const chunk of packet.chunks) {
    writeChunkInto(chunk, out, at);
    at += chunkLength(chunk);
  }
  sealPacket(out, 0, length);
  return out.bytes;
}

const ZEROS: ByteSource = byteSource(new Uint8Array(4));

/** CRC32c over the packet with zeros in the checksum field. */
function computeChecksum({ bytes, view }: ByteSource): number {
  const header = crc32c(ZEROS.bytes, 0, 4, crc32c(bytes, 0, CHECKSUM_AT, 0, view), ZEROS.view);
  return crc32c(bytes, COMMON_HEADER_BYTES, bytes.length, header, view);
}

/** Writes the checksum of the packet from `start` to `end`, whose checksum field is zero. */
export function sealPacket({ bytes, view }: ByteSource, start: number, end: number): void {
  view.setUint32(start + CHECKSUM_AT, crc32c(bytes, start, end, 0, view), true);
}

/** The checksum field of a packet of 12 bytes or more, in the same reading as `ParsedPacket.checksum`. */
export const packetChecksum = (bytes: Uint8Array): number => byteSource(bytes).view.getUint32(CHECKSUM_AT);
