/**
 * Serial number arithmetic of RFC 1982 for TSNs (32 bits) and SSNs (16 bits), RFC 9260 section 1.6.
 *
 * The order is not transitive over the whole ring, so there is no comparator to sort by: compare two
 * numbers that are known to be close, or measure the distance from a common base.
 */

/** Transmission Sequence Number, 0 to 2^32 - 1. */
export type Tsn = number & { readonly brand: "Tsn" };
/** Stream Sequence Number, 0 to 2^16 - 1. */
export type Ssn = number & { readonly brand: "Ssn" };

export const tsn = (value: number): Tsn => (value >>> 0) as Tsn;
export const ssn = (value: number): Ssn => (value & 0xffff) as Ssn;

/** `from` plus `steps`, which may be negative, modulo 2^32. */
export const tsnAdd = (from: Tsn, steps: number): Tsn => ((from + steps) >>> 0) as Tsn;
export const tsnNext = (from: Tsn): Tsn => ((from + 1) >>> 0) as Tsn;
/** Signed number of steps from `base` to `value`: positive when `value` is later. */
export const tsnDistance = (base: Tsn, value: Tsn): number => (value - base) | 0;
export const tsnLess = (a: Tsn, b: Tsn): boolean => ((a - b) | 0) < 0;
export const tsnLessOrEqual = (a: Tsn, b: Tsn): boolean => ((a - b) | 0) <= 0;

export const ssnNext = (from: Ssn): Ssn => ((from + 1) & 0xffff) as Ssn;
/** Signed number of steps from `base` to `value`: positive when `value` is later. */
export const ssnDistance = (base: Ssn, value: Ssn): number => ((value - base) << 16) >> 16;
