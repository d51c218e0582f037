import { expect } from "vitest";

/** Byte `at` of message `number`, as usrsctp-end.c makes it too. */
export function content(number: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  for (let at = 0; at < lengthBytes; at++) bytes[at] = number * 31 + at * 7 + (at >> 8) + (at >> 16);
  return bytes;
}

export function isIntact(number: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== ((number * 31 + at * 7 + (at >> 8) + (at >> 16)) & 0xff)) return false;
  }
  return true;
}

/** A message as one of the ends got it; its number is its payload protocol identifier. */
export interface Message {
  readonly number: number;
  readonly stream: number;
  readonly lengthBytes: number;
  readonly unordered: boolean;
  readonly intact: boolean;
}

/** What is to be sent; its number says what it contains. */
export type Order = Omit<Message, "intact">;

/** Every length from one byte to a megabyte that meets an edge: padding, one packet, two, buffers. */
export const ladder: readonly number[] = [
  ...[1, 2, 3, 4, 5, 63, 64, 65],
  ...around(1472 - 12 - 16),
  ...around(1472 - 12 - 20),
  ...around(2 * (1472 - 12 - 16)),
  ...[4096, 65_536, 262_144, 2 ** 20],
];

function around(edge: number): readonly number[] {
  return Array.from({ length: 9 }, (_, index) => edge - 4 + index);
}

/** One message of each length. */
export const orders = (lengths: readonly number[], stream: number = 0, unordered: boolean = false): Order[] =>
  lengths.map((lengthBytes, index) => ({ number: index + 1, stream, lengthBytes, unordered }));

/** For `toEqual`: what was sent, as it should arrive. */
export const arrived = (sent: readonly Order[]): Message[] =>
  sent.map((order) => ({ ...order, intact: true }));

/** Messages of a stream in their order, and those without order by their number. */
export function sorted(messages: readonly Message[]): Message[] {
  return messages.toSorted(
    (a, b) =>
      a.stream - b.stream ||
      Number(a.unordered) - Number(b.unordered) ||
      (a.unordered ? a.number - b.number : 0),
  );
}

/** Nothing damaged, nothing twice, and the order of each stream kept, whatever is left out. */
export function expectSubsequence(messages: readonly Message[], sent: readonly Order[]): void {
  expect(messages.every(({ intact }) => intact)).toBe(true);
  const numbers = messages.map(({ number }) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
  const wanted = sent.filter(({ number }) => numbers.includes(number));
  expect(sorted(messages)).toEqual(sorted(arrived(wanted)));
}
