import type { AuthenticationOnWire, ExtensionOnWire } from "./extension-reader.ts";
import { extensionSummary, readAuthenticationTerms, readExtension } from "./extension-reader.ts";

/**
 * The checker's own reading of SCTP packets, straight from RFC 9260 section 3 (and RFC 3758, RFC 8260 for
 * their chunks). It shares nothing with the stack, so that one mistake cannot hide another.
 */

export interface DataOnWire {
  readonly kind: "data";
  readonly tsn: number;
  readonly streamId: number;
  /** I-DATA (RFC 8260). */
  readonly interleaved: boolean;
  /** Of DATA an SSN, of I-DATA a MID. */
  readonly messageNumber: number;
  /** Undefined in I-DATA that is not the first of its message. */
  readonly ppid: number | undefined;
  readonly unordered: boolean;
  readonly beginning: boolean;
  readonly ending: boolean;
  readonly payloadBytes: number;
  /** Where it begins in the packet. */
  readonly payloadOffset: number;
  /** With header and padding: what it takes of a congestion window. */
  readonly chunkBytes: number;
  /** The whole chunk without flags that may differ from one transmission to the next, to compare two of them. */
  readonly fingerprint: number;
}

export interface SackOnWire {
  readonly kind: "sack";
  readonly cumulativeTsn: number;
  readonly windowBytes: number;
  /** Pairs of offsets, both ends included. */
  readonly gaps: readonly (readonly [number, number])[];
  readonly duplicates: readonly number[];
}

export interface InitOnWire {
  readonly kind: "init" | "init-ack";
  readonly tag: number;
  readonly initialTsn: number;
  readonly windowBytes: number;
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  readonly authentication: AuthenticationOnWire | undefined;
}

export type ChunkOnWire =
  | DataOnWire
  | SackOnWire
  | InitOnWire
  | ExtensionOnWire
  | { readonly kind: "shutdown"; readonly cumulativeTsn: number }
  | { readonly kind: "forward-tsn"; readonly cumulativeTsn: number }
  | { readonly kind: "abort" | "error"; readonly causes: readonly number[]; readonly reflected: boolean }
  | { readonly kind: "heartbeat" | "heartbeat-ack"; readonly information: string }
  | { readonly kind: "other"; readonly name: string };

export interface PacketOnWire {
  readonly tag: number;
  readonly chunks: readonly ChunkOnWire[];
  /** The type number of each of them. */
  readonly types: readonly number[];
  readonly lengthBytes: number;
}

const names: Readonly<Record<number, string>> = {
  0: "DATA",
  1: "INIT",
  2: "INIT-ACK",
  3: "SACK",
  6: "ABORT",
  7: "SHUTDOWN",
  8: "SHUTDOWN-ACK",
  9: "ERROR",
  10: "COOKIE-ECHO",
  11: "COOKIE-ACK",
  14: "SHUTDOWN-COMPLETE",
  64: "I-DATA",
  132: "PAD",
  192: "FORWARD-TSN",
  194: "I-FORWARD-TSN",
};

/** CRC32c bit by bit into one table of bytes, as in RFC 9260 appendix A. */
const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** The checksum of a packet, its own field taken as zero. */
export function checksumOf(packet: Uint8Array): number {
  let crc = 0xffffffff;
  for (let at = 0; at < packet.length; at++) {
    const byte = at >= 8 && at < 12 ? 0 : packet[at]!;
    crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** Reads a packet of one of our endpoints; throws with a sentence where it is not well formed. */
export function readPacket(bytes: Uint8Array): PacketOnWire {
  if (bytes.length < 16 || bytes.length % 4 !== 0) throw new Error(`a packet of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(8, true) !== checksumOf(bytes)) throw new Error("a packet with a wrong CRC32c");
  const chunks: ChunkOnWire[] = [];
  const types: number[] = [];
  for (let at = 12; at < bytes.length;) {
    const length = view.getUint16(at + 2);
    if (length < 4 || at + length > bytes.length) throw new Error(`a chunk of ${length} bytes at ${at}`);
    chunks.push(readChunk(view, at, length));
    types.push(view.getUint8(at));
    at += (length + 3) & ~3;
  }
  const alone = chunks.some((chunk) => chunk.kind === "init" || chunk.kind === "init-ack");
  if (alone && chunks.length > 1) throw new Error("INIT or INIT ACK is bundled with another chunk");
  return { tag: view.getUint32(4), chunks, types, lengthBytes: bytes.length };
}

function readChunk(view: DataView, at: number, length: number): ChunkOnWire {
  const type = view.getUint8(at);
  const flags = view.getUint8(at + 1);
  switch (type) {
    case 0:
      return readData(view, at, length, flags, 16, view.getUint16(at + 10));
    case 64:
      return readData(view, at, length, flags, 20, view.getUint32(at + 12));
    case 1:
    case 2:
      return {
        kind: type === 1 ? "init" : "init-ack",
        tag: view.getUint32(at + 4),
        windowBytes: view.getUint32(at + 8),
        outboundStreams: view.getUint16(at + 12),
        inboundStreams: view.getUint16(at + 14),
        initialTsn: view.getUint32(at + 16),
        authentication: readAuthenticationTerms(view, at, length),
      };
    case 3:
      return readSack(view, at);
    case 7:
      return { kind: "shutdown", cumulativeTsn: view.getUint32(at + 4) };
    case 192:
    case 194:
      return { kind: "forward-tsn", cumulativeTsn: view.getUint32(at + 4) };
    case 4:
    case 5: {
      const information = Buffer.from(view.buffer, view.byteOffset + at + 4, length - 4).toString("base64");
      return { kind: type === 4 ? "heartbeat" : "heartbeat-ack", information };
    }
    case 6:
    case 9:
      return {
        kind: type === 6 ? "abort" : "error",
        causes: readCauses(view, at, length),
        reflected: (flags & 1) === 1,
      };
    default:
      return readExtension(view, at, type, length) ?? { kind: "other", name: names[type] ?? `type ${type}` };
  }
}

function readData(
  view: DataView,
  at: number,
  length: number,
  flags: number,
  header: number,
  messageNumber: number,
): DataOnWire {
  if (length <= header) throw new Error("DATA without user data");
  let fingerprint = Math.imul(flags & 7, 0x9e3779b1) ^ length;
  for (let offset = 4; offset < length; offset++) {
    fingerprint = Math.imul(fingerprint ^ view.getUint8(at + offset), 0x01000193);
  }
  return {
    kind: "data",
    tsn: view.getUint32(at + 4),
    streamId: view.getUint16(at + 8),
    interleaved: header === 20,
    messageNumber,
    ppid: header === 16 || (flags & 2) !== 0 ? view.getUint32(at + header - 4) : undefined,
    unordered: (flags & 4) !== 0,
    beginning: (flags & 2) !== 0,
    ending: (flags & 1) !== 0,
    payloadBytes: length - header,
    payloadOffset: at + header,
    chunkBytes: (length + 3) & ~3,
    fingerprint,
  };
}

function readSack(view: DataView, at: number): SackOnWire {
  const cumulativeTsn = view.getUint32(at + 4);
  const gapCount = view.getUint16(at + 12);
  const duplicateCount = view.getUint16(at + 14);
  const gaps: (readonly [number, number])[] = [];
  const duplicates: number[] = [];
  let last = 1;
  for (let index = 0; index < gapCount; index++) {
    const start = view.getUint16(at + 16 + 4 * index);
    const end = view.getUint16(at + 18 + 4 * index);
    // Offset 1 would be next in sequence and so part of the cumulative TSN; blocks neither touch nor overlap.
    if (start <= last || end < start) throw new Error(`gap block ${start} to ${end} after ${last}`);
    gaps.push([start, end]);
    last = end + 1;
  }
  for (let index = 0; index < duplicateCount; index++) {
    duplicates.push(view.getUint32(at + 16 + 4 * gapCount + 4 * index));
  }
  return { kind: "sack", cumulativeTsn, windowBytes: view.getUint32(at + 8), gaps, duplicates };
}

function readCauses(view: DataView, at: number, length: number): number[] {
  const causes: number[] = [];
  for (let offset = 4; offset + 4 <= length;) {
    causes.push(view.getUint16(at + offset));
    offset += Math.max(4, (view.getUint16(at + offset + 2) + 3) & ~3);
  }
  return causes;
}

/** For the trace: what a packet carries, in a few words. */
export function summary(packet: PacketOnWire): string {
  return packet.chunks
    .map((chunk) => {
      switch (chunk.kind) {
        case "data": {
          const part = `${chunk.beginning ? "B" : "-"}${chunk.ending ? "E" : "-"}${chunk.unordered ? "U" : "-"}`;
          return `DATA ${chunk.tsn} s${chunk.streamId}.${chunk.messageNumber} ${part} ${chunk.payloadBytes}`;
        }
        case "sack": {
          const gaps = chunk.gaps.map(([start, end]) => `${start}-${end}`).join(",");
          return `SACK ${chunk.cumulativeTsn}${gaps && ` +${gaps}`} w${chunk.windowBytes} d${chunk.duplicates.length}`;
        }
        case "init":
        case "init-ack":
          return `${chunk.kind.toUpperCase()} tag ${chunk.tag} tsn ${chunk.initialTsn}`;
        case "heartbeat":
        case "heartbeat-ack":
          return chunk.kind.toUpperCase();
        case "shutdown":
        case "forward-tsn":
          return `${chunk.kind.toUpperCase()} ${chunk.cumulativeTsn}`;
        case "abort":
        case "error":
          return `${chunk.kind.toUpperCase()} causes [${chunk.causes.join(",")}]${chunk.reflected ? " T" : ""}`;
        case "other":
          return chunk.name;
        default:
          return extensionSummary(chunk);
      }
    })
    .join(" | ");
}
