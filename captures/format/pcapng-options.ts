import { padded, readU16, readU64 } from "./bytes.ts";
import { OPTION_COMMENT, OPTION_END } from "./pcapng-codes.ts";
import { cutUtf8, utf8Decode, utf8Encode } from "./utf8.ts";

/** The options of one block: code, length, value, padding to 32 bits; closed by opt_endofopt. */
export interface Options {
  readonly comments: readonly string[];
  text(code: number): string | undefined;
  byte(code: number): number | undefined;
  u64(code: number): bigint | undefined;
}

/** Reads the options between `start` and `end`. A string says what is wrong with them. */
export function readOptions(
  bytes: Uint8Array,
  start: number,
  end: number,
  little: boolean,
): Options | string {
  const values = new Map<number, Uint8Array>();
  const comments: string[] = [];
  for (let at = start; at < end;) {
    if (end - at < 4) return "the options of a block end within an option header";
    const code = readU16(bytes, at, little);
    if (code === OPTION_END) break;
    const length = readU16(bytes, at + 2, little);
    if (at + 4 + length > end) return `option ${code} claims ${length} bytes, more than its block has left`;
    const value = bytes.subarray(at + 4, at + 4 + length);
    if (code === OPTION_COMMENT) comments.push(utf8Decode(value));
    else values.set(code, value);
    at += 4 + padded(length);
  }
  return {
    comments,
    text: (code) => {
      const value = values.get(code);
      return value === undefined ? undefined : utf8Decode(value);
    },
    byte: (code) => values.get(code)?.[0],
    u64: (code) => {
      const value = values.get(code);
      return value === undefined || value.length < 8 ? undefined : readU64(value, 0, little);
    },
  };
}

export interface OptionValue {
  readonly code: number;
  readonly value: Uint8Array;
}

const MAX_OPTION_BYTES = 0xffff;

/** Texts that do not fit into the 16-bit length are cut at a whole character. */
export const textOption = (code: number, text: string): OptionValue => ({
  code,
  value: cutUtf8(utf8Encode(text), MAX_OPTION_BYTES),
});

/** In little-endian order with their closing mark; no bytes at all where there are none. */
export function writeOptions(options: readonly OptionValue[]): Uint8Array {
  if (options.length === 0) return new Uint8Array(0);
  const length = options.reduce((sum, option) => sum + 4 + padded(option.value.length), 4);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { code, value } of options) {
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    bytes.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  return bytes;
}
