import { padded } from "../base/bytes.ts";
import type { ByteSource } from "../base/bytes.ts";
import { HEADER_BYTES, WireFlaw } from "./codec.ts";
import type { Codec } from "./codec.ts";

/**
 * Parameters and error causes share one layout: 16 bits of type, 16 bits of length that counts the
 * header but no padding, then the value, padded to 4 bytes (RFC 9260 section 3.2.1).
 */

/** One element and where it lies; `end` leaves out the padding. */
export interface TlvAt<T> {
  readonly typeNumber: number;
  readonly start: number;
  readonly end: number;
  readonly parsed: T | WireFlaw;
}

/** How to find the codec of a type number; unknown numbers get the codec of the unknown. */
export type CodecOf<T> = (typeNumber: number) => Codec<T>;

/** Reads the element at `start` of a list that ends at `limit`. */
export function parseTlvAt<T>(
  source: ByteSource,
  start: number,
  limit: number,
  codecOf: CodecOf<T>,
): TlvAt<T> {
  if (limit - start < HEADER_BYTES) {
    const parsed = new WireFlaw(start, `${limit - start} bytes are left where a header of 4 bytes should be`);
    return { typeNumber: -1, start, end: limit, parsed };
  }
  const typeNumber = source.view.getUint16(start);
  const length = source.view.getUint16(start + 2);
  if (length < HEADER_BYTES) {
    const parsed = new WireFlaw(start + 2, `length ${length} is less than the header of 4 bytes`);
    return { typeNumber, start, end: limit, parsed };
  }
  if (length > limit - start) {
    const parsed = new WireFlaw(
      start + 2,
      `length ${length} points ${length - (limit - start)} bytes beyond the end`,
    );
    return { typeNumber, start, end: limit, parsed };
  }
  const end = start + length;
  return { typeNumber, start, end, parsed: codecOf(typeNumber).parse(source, start, end) };
}

/** Reads all elements from `start` to `limit`, or the first flaw. */
export function parseTlvs<T>(
  source: ByteSource,
  start: number,
  limit: number,
  codecOf: CodecOf<T>,
): T[] | WireFlaw {
  const values: T[] = [];
  for (let at = start; at < limit;) {
    const element = parseTlvAt(source, at, limit, codecOf);
    if (element.parsed instanceof WireFlaw) return element.parsed;
    values.push(element.parsed);
    at = start + padded(element.end - start);
  }
  return values;
}

/** Bytes of a list: padding between elements counts, that behind the last one does not (RFC 9260 section 3.2). */
export function tlvsLength<T>(values: readonly T[], lengthOf: (value: T) => number): number {
  let total = 0;
  for (const value of values) total = padded(total) + lengthOf(value);
  return total;
}

export function writeTlvs<T>(
  values: readonly T[],
  out: ByteSource,
  start: number,
  writeOne: (value: T, out: ByteSource, start: number) => number,
): void {
  let at = start;
  for (const value of values) at += padded(writeOne(value, out, at));
}
