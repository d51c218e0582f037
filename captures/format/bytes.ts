/** Unsigned numbers in either byte order. The caller has checked that they lie inside `bytes`. */

export function readU16(bytes: Uint8Array, at: number, little: boolean): number {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  return little ? first | (second << 8) : (first << 8) | second;
}

export function readU32(bytes: Uint8Array, at: number, little: boolean): number {
  const low = readU16(bytes, little ? at : at + 2, little);
  const high = readU16(bytes, little ? at + 2 : at, little);
  return high * 0x10000 + low;
}

export function readU64(bytes: Uint8Array, at: number, little: boolean): bigint {
  const low = readU32(bytes, little ? at : at + 4, little);
  const high = readU32(bytes, little ? at + 4 : at, little);
  return (BigInt(high) << 32n) | BigInt(low);
}

/** `length` rounded up to the 32-bit boundary on which pcapng lays everything. */
export const padded = (length: number): number => (length + 3) & ~3;

export const hex32 = (value: number): string => `0x${value.toString(16).padStart(8, "0")}`;
