import type { ByteSource } from "../base/bytes.ts";

/** Why bytes are not what they should be. A peer's fault, hence an ordinary value. */
export class WireFlaw {
  /** Where in the bytes that were given to the parser. */
  readonly offset: number;
  /** One sentence. */
  readonly reason: string;

  constructor(offset: number, reason: string) {
    this.offset = offset;
    this.reason = reason;
  }
}

/** All of these have a header of 4 bytes: type (chunks: type and flags), then the length in 16 bits. */
export const HEADER_BYTES = 4;

/** How one kind of chunk, parameter or error cause is read, written and told. */
export interface Codec<T> {
  readonly typeNumber: number;
  /**
   * Reads the element whose header is at `start` and whose last byte, padding not counted, is before
   * `end`. The caller has checked that the header is there and that its length fits the bytes.
   * Byte arrays in the result alias the source.
   */
  readonly parse: (source: ByteSource, start: number, end: number) => T | WireFlaw;
  /** Bytes with the header and without the padding. */
  readonly length: (value: T) => number;
  /** Writes what comes behind the header (chunks: also their flags). The bytes there are zero before. */
  readonly write: (value: T, out: ByteSource, start: number) => void;
  /** One short line. */
  readonly describe: (value: T) => string;
}

/** Says that an element is too short for its fixed fields, or nothing where it is long enough. */
export function tooShort(name: string, start: number, end: number, minimum: number): WireFlaw | undefined {
  if (end - start >= minimum) return undefined;
  return new WireFlaw(start, `${name} is ${end - start} bytes long and needs at least ${minimum}`);
}
