import { hex32, padded, readU16, readU32 } from "./bytes.ts";
import { MAX_BLOCK_BYTES, type BlockDecoder, type CaptureItem, type InterfaceItem } from "./items.ts";
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE,
  BLOCK_PACKET,
  BLOCK_SECTION,
  BLOCK_SIMPLE_PACKET,
  BLOCK_STATISTICS,
  BYTE_ORDER_MAGIC,
  IF_DESCRIPTION,
  IF_FILTER,
  IF_NAME,
  IF_OS,
  IF_TSOFFSET,
  IF_TSRESOL,
  ISB_DROPPED,
  ISB_OS_DROPPED,
  ISB_RECEIVED,
  SHB_APPLICATION,
  SHB_HARDWARE,
  SHB_OS,
} from "./pcapng-codes.ts";
import { readOptions, type Options } from "./pcapng-options.ts";

/** pcapng, as in draft-ietf-opsawg-pcapng. Name resolution, secrets and custom blocks are stepped over. */

const MAX_INTERFACES = 4096;
const NANOS_PER_SECOND = 1_000_000_000n;
/** Bytes of each kind of block without data and options, type and both lengths included. */
const SECTION_BYTES = 28;
const INTERFACE_BYTES = 20;
const SIMPLE_PACKET_BYTES = 16;
const STATISTICS_BYTES = 24;
const PACKET_BYTES = 32;

interface Stamping {
  readonly item: InterfaceItem;
  readonly offsetNanos: bigint;
}

/** What the blocks of a file share while it is read. */
interface FileState {
  little: boolean;
  /** Interfaces of the current section; blocks name them by their position in it. */
  interfaces: Stamping[];
  interfaceTotal: number;
}

interface Block {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly length: number;
}

export function createPcapngDecoder(): BlockDecoder {
  const file: FileState = { little: true, interfaces: [], interfaceTotal: 0 };
  return {
    measure(bytes, start, available) {
      if (available < 12) return 12;
      // The type of a section header reads the same in both orders; what follows it tells the order.
      if (readU32(bytes, start, true) === BLOCK_SECTION) {
        const magic = readU32(bytes, start + 8, true);
        file.little = magic === BYTE_ORDER_MAGIC;
        if (!file.little && readU32(bytes, start + 8, false) !== BYTE_ORDER_MAGIC) {
          return `a section header has the unknown byte order mark ${hex32(magic)}`;
        }
      }
      const length = readU32(bytes, start + 4, file.little);
      if (length < 12 || length % 4 !== 0)
        return `a block claims a length of ${length} bytes, which no block can have`;
      if (length > MAX_BLOCK_BYTES)
        return `a block claims ${length} bytes, more than the ${MAX_BLOCK_BYTES} that are read`;
      return length;
    },
    decode(bytes, start, length, out) {
      const again = readU32(bytes, start + length - 4, file.little);
      if (again !== length)
        return `a block of ${length} bytes ends with the length ${again} instead of its own`;
      return decodeBlock(file, { bytes, start, length }, out);
    },
  };
}

function decodeBlock(file: FileState, block: Block, out: CaptureItem[]): string | undefined {
  switch (readU32(block.bytes, block.start, file.little)) {
    case BLOCK_SECTION:
      return decodeSection(file, block, out);
    case BLOCK_INTERFACE:
      return decodeInterface(file, block, out);
    case BLOCK_ENHANCED_PACKET:
      return decodePacket(file, block, readU32, out);
    case BLOCK_PACKET:
      return decodePacket(file, block, readU16, out);
    case BLOCK_SIMPLE_PACKET:
      return decodeSimplePacket(file, block, out);
    case BLOCK_STATISTICS:
      return decodeStatistics(file, block, out);
    default:
      return undefined;
  }
}

function optionsFrom(file: FileState, block: Block, headBytes: number): Options | string {
  const end = block.start + block.length - 4;
  return readOptions(block.bytes, block.start + headBytes - 4, end, file.little);
}

const tooShort = (what: string, block: Block): string => `${what} has only ${block.length} bytes`;

function decodeSection(file: FileState, block: Block, out: CaptureItem[]): string | undefined {
  if (block.length < SECTION_BYTES) return tooShort("a section header", block);
  const major = readU16(block.bytes, block.start + 12, file.little);
  if (major !== 1)
    return `the section is of pcapng version ${major}; version 1 is the only one that is known`;
  const options = optionsFrom(file, block, SECTION_BYTES);
  if (typeof options === "string") return options;
  file.interfaces = [];
  const hardware = options.text(SHB_HARDWARE);
  const os = options.text(SHB_OS);
  const application = options.text(SHB_APPLICATION);
  out.push({
    kind: "section",
    format: "pcapng",
    byteOrder: file.little ? "little" : "big",
    comments: options.comments,
    ...(hardware === undefined ? {} : { hardware }),
    ...(os === undefined ? {} : { os }),
    ...(application === undefined ? {} : { application }),
  });
  return undefined;
}

function decodeInterface(file: FileState, block: Block, out: CaptureItem[]): string | undefined {
  if (block.length < INTERFACE_BYTES) return tooShort("an interface description", block);
  if (file.interfaceTotal === MAX_INTERFACES)
    return `the file describes more than ${MAX_INTERFACES} interfaces`;
  const options = optionsFrom(file, block, INTERFACE_BYTES);
  if (typeof options === "string") return options;
  const name = options.text(IF_NAME);
  const description = options.text(IF_DESCRIPTION);
  const filter = filterText(options);
  const os = options.text(IF_OS);
  const item: InterfaceItem = {
    kind: "interface",
    index: file.interfaceTotal++,
    linkType: readU16(block.bytes, block.start + 8, file.little),
    snapLength: readU32(block.bytes, block.start + 12, file.little),
    ticksPerSecond: ticksPerSecond(options.byte(IF_TSRESOL)),
    comments: options.comments,
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(filter === undefined ? {} : { filter }),
    ...(os === undefined ? {} : { os }),
  };
  const offsetSeconds = BigInt.asIntN(64, options.u64(IF_TSOFFSET) ?? 0n);
  file.interfaces.push({ item, offsetNanos: offsetSeconds * NANOS_PER_SECOND });
  out.push(item);
  return undefined;
}

/** if_filter begins with a byte that says what follows: 0 for a libpcap filter expression. */
function filterText(options: Options): string | undefined {
  const text = options.text(IF_FILTER);
  return text !== undefined && text.startsWith("\0") ? text.slice(1) : undefined;
}

/** if_tsresol: a power of ten, or with its top bit set a power of two; absent: microseconds. */
function ticksPerSecond(resolution: number | undefined): bigint {
  if (resolution === undefined) return 1_000_000n;
  const exponent = BigInt(resolution & 0x7f);
  return (resolution & 0x80) === 0 ? 10n ** exponent : 2n ** exponent;
}

function stampNanos(ticks: bigint, { item, offsetNanos }: Stamping): bigint {
  const nanos =
    item.ticksPerSecond === NANOS_PER_SECOND ? ticks : (ticks * NANOS_PER_SECOND) / item.ticksPerSecond;
  return nanos + offsetNanos;
}

function decodePacket(
  file: FileState,
  block: Block,
  readInterface: typeof readU32,
  out: CaptureItem[],
): string | undefined {
  const { bytes, start, length } = block;
  if (length < PACKET_BYTES) return tooShort("a packet block", block);
  const position = readInterface(bytes, start + 8, file.little);
  const stamping = file.interfaces[position];
  if (stamping === undefined)
    return `a packet names interface ${position}, which the section does not describe`;
  const capturedLength = readU32(bytes, start + 20, file.little);
  if (capturedLength > length - PACKET_BYTES)
    return `a packet claims ${capturedLength} captured bytes, more than its block holds`;
  const options = optionsFrom(file, block, PACKET_BYTES + padded(capturedLength));
  if (typeof options === "string") return options;
  const high = readU32(bytes, start + 12, file.little);
  const low = readU32(bytes, start + 16, file.little);
  const atNanos = stampNanos((BigInt(high) << 32n) | BigInt(low), stamping);
  out.push({
    kind: "packet",
    interfaceIndex: stamping.item.index,
    stamped: true,
    atNanos,
    atUs: Number(atNanos / 1000n),
    capturedLength,
    originalLength: readU32(bytes, start + 24, file.little),
    bytes: bytes.slice(start + 28, start + 28 + capturedLength),
    comments: options.comments,
  });
  return undefined;
}

/** A Simple Packet Block belongs to the first interface; its captured length must be worked out. */
function decodeSimplePacket(file: FileState, block: Block, out: CaptureItem[]): string | undefined {
  const { bytes, start, length } = block;
  if (length < SIMPLE_PACKET_BYTES) return tooShort("a simple packet block", block);
  const first = file.interfaces[0];
  if (first === undefined) return "a simple packet comes before any interface description";
  const originalLength = readU32(bytes, start + 8, file.little);
  const kept = first.item.snapLength === 0 ? originalLength : Math.min(originalLength, first.item.snapLength);
  const capturedLength = Math.min(kept, length - SIMPLE_PACKET_BYTES);
  out.push({
    kind: "packet",
    interfaceIndex: first.item.index,
    stamped: false,
    atNanos: 0n,
    atUs: 0,
    capturedLength,
    originalLength,
    bytes: bytes.slice(start + 12, start + 12 + capturedLength),
    comments: [],
  });
  return undefined;
}

function decodeStatistics(file: FileState, block: Block, out: CaptureItem[]): string | undefined {
  if (block.length < STATISTICS_BYTES) return tooShort("an interface statistics block", block);
  const position = readU32(block.bytes, block.start + 8, file.little);
  const stamping = file.interfaces[position];
  if (stamping === undefined)
    return `statistics name interface ${position}, which the section does not describe`;
  const options = optionsFrom(file, block, STATISTICS_BYTES);
  if (typeof options === "string") return options;
  const received = options.u64(ISB_RECEIVED);
  const dropped = options.u64(ISB_DROPPED);
  const osDropped = options.u64(ISB_OS_DROPPED);
  out.push({
    kind: "statistics",
    interfaceIndex: stamping.item.index,
    ...(received === undefined ? {} : { received: Number(received) }),
    ...(dropped === undefined ? {} : { dropped: Number(dropped) }),
    ...(osDropped === undefined ? {} : { osDropped: Number(osDropped) }),
  });
  return undefined;
}
