import { hex32, readU32 } from "./bytes.ts";
import { MAX_BLOCK_BYTES, type BlockDecoder, type CaptureItem } from "./items.ts";

/** Classic pcap, as in draft-ietf-opsawg-pcap: one header of 24 bytes, then records. */

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const MAGIC_MICROS = 0xa1b2c3d4;
const MAGIC_NANOS = 0xa1b23c4d;
/** Patched libpcaps of the nineties wrote longer records under this magic number. */
const MAGIC_KUZNETZOV = 0xa1b2cd34;

/** Byte order and stamp resolution that the first four bytes stand for; undefined: not pcap. */
export function pcapDialect(
  bytes: Uint8Array,
  start: number,
): { little: boolean; nanos: boolean } | string | undefined {
  for (const little of [true, false]) {
    const magic = readU32(bytes, start, little);
    if (magic === MAGIC_MICROS) return { little, nanos: false };
    if (magic === MAGIC_NANOS) return { little, nanos: true };
    if (magic === MAGIC_KUZNETZOV) {
      return "the file is in the modified pcap format (magic a1b2cd34): convert it with `editcap -F pcapng`";
    }
  }
  return undefined;
}

export function createPcapDecoder(little: boolean, nanos: boolean): BlockDecoder {
  let headerSeen = false;

  const decodeHeader = (bytes: Uint8Array, start: number, out: CaptureItem[]): void => {
    headerSeen = true;
    out.push({ kind: "section", format: "pcap", byteOrder: little ? "little" : "big", comments: [] });
    out.push({
      kind: "interface",
      index: 0,
      // The upper half of the field says whether frames carry their FCS.
      linkType: readU32(bytes, start + 20, little) & 0xffff,
      snapLength: readU32(bytes, start + 16, little),
      ticksPerSecond: nanos ? 1_000_000_000n : 1_000_000n,
      comments: [],
    });
  };

  return {
    measure(bytes, start, available) {
      if (!headerSeen) return FILE_HEADER_BYTES;
      if (available < RECORD_HEADER_BYTES) return RECORD_HEADER_BYTES;
      const captured = readU32(bytes, start + 8, little);
      if (captured > MAX_BLOCK_BYTES - RECORD_HEADER_BYTES) {
        return `a packet record claims ${hex32(captured)} captured bytes, more than any capture holds`;
      }
      return RECORD_HEADER_BYTES + captured;
    },
    decode(bytes, start, length, out) {
      if (!headerSeen) {
        decodeHeader(bytes, start, out);
        return undefined;
      }
      const seconds = readU32(bytes, start, little);
      const fraction = readU32(bytes, start + 4, little);
      out.push({
        kind: "packet",
        interfaceIndex: 0,
        stamped: true,
        atNanos: BigInt(seconds) * 1_000_000_000n + BigInt(nanos ? fraction : fraction * 1000),
        atUs: seconds * 1_000_000 + (nanos ? Math.floor(fraction / 1000) : fraction),
        capturedLength: length - RECORD_HEADER_BYTES,
        originalLength: readU32(bytes, start + 12, little),
        bytes: bytes.slice(start + RECORD_HEADER_BYTES, start + length),
        comments: [],
      });
      return undefined;
    },
  };
}
