/**
 * CRC32c, the checksum of SCTP (RFC 9260 section 6.8 and appendix A): reflected Castagnoli polynomial.
 * Slicing by 8 takes eight bytes per step from eight tables, about four times as fast as byte by byte.
 */

/** 0x1EDC6F41 with its bits reflected. */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables of 256 entries, one behind the other. */
const TABLES: Int32Array = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
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
 * number with its lowest byte first.
 */
export function crc32c(
  bytes: Uint8Array,
  from: number = 0,
  to: number = bytes.length,
  seed: number = 0,
): number {
  const table = TABLES;
  let crc = ~seed;
  let at = from;
  for (const lastStep = to - 8; at <= lastStep; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      table[1792 + (crc & 0xff)]! ^
      table[1536 + ((crc >>> 8) & 0xff)]! ^
      table[1280 + ((crc >>> 16) & 0xff)]! ^
      table[1024 + (crc >>> 24)]! ^
      table[768 + bytes[at + 4]!]! ^
      table[512 + bytes[at + 5]!]! ^
      table[256 + bytes[at + 6]!]! ^
      table[bytes[at + 7]!]!;
  }
  for (; at < to; at += 1) crc = table[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
