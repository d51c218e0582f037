import { byteSource } from "./bytes.ts";

/**
 * CRC32c, the checksum of SCTP (RFC 9260 section 6.8 and appendix A): reflected Castagnoli polynomial.
 * Slicing by 16 takes sixteen bytes in a step, read as four numbers, from sixteen tables.
 */

/** 0x1EDC6F41 with its bits reflected. */
const POLYNOMIAL = 0x82f63b78;

/** Sixteen tables of 256 entries, one behind the other. */
const TABLES: Int32Array = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      remainder = (remainder & 1) === 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1;
    }
    tables[byte] = remainder;
  }
  // Table n holds the effect of a byte that is followed by n zero bytes.
  for (let index = 256; index < tables.length; index += 1) {
    const previous = tables[index - 256]!;
    tables[index] = (previous >>> 8) ^ tables[previous & 0xff]!;
  }
  return tables;
}

/**
 * CRC32c of `bytes` from `from` up to, not including, `to`, as an unsigned number. The result for the
 * bytes before, given as `seed`, continues a checksum over several pieces. An SCTP packet carries the
 * number with its lowest byte first. `view` is over the same range as `bytes`, where there is one already.
 */
export function crc32c(
  bytes: Uint8Array,
  from: number = 0,
  to: number = bytes.length,
  seed: number = 0,
  view: DataView = byteSource(bytes).view,
): number {
  const table = TABLES;
  let crc = ~seed;
  let at = from;
  for (const lastStep = to - 16; at <= lastStep; at += 16) {
    const a = crc ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    crc =
      table[3840 + (a & 0xff)]! ^
      table[3584 + ((a >>> 8) & 0xff)]! ^
      table[3328 + ((a >>> 16) & 0xff)]! ^
      table[3072 + (a >>> 24)]! ^
      table[2816 + (b & 0xff)]! ^
      table[2560 + ((b >>> 8) & 0xff)]! ^
      table[2304 + ((b >>> 16) & 0xff)]! ^
      table[2048 + (b >>> 24)]! ^
      table[1792 + (c & 0xff)]! ^
      table[1536 + ((c >>> 8) & 0xff)]! ^
      table[1280 + ((c >>> 16) & 0xff)]! ^
      table[1024 + (c >>> 24)]! ^
      table[768 + (d & 0xff)]! ^
      table[512 + ((d >>> 8) & 0xff)]! ^
      table[256 + ((d >>> 16) & 0xff)]! ^
      table[d >>> 24]!;
  }
  for (; at < to; at += 1) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
