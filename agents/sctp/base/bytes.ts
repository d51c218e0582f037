import { assert } from "./assert.ts";

/** Bytes together with a DataView over exactly the same range, so that a packet needs only one view. */
export interface ByteSource {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function byteSource(bytes: Uint8Array): ByteSource {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** `length` rounded up to a multiple of 4, as SCTP pads chunks, parameters and causes. */
export const padded = (length: number): number => (length + 3) & ~3;

/** Big-endian numbers of 16 bits that fill the range from `start` to `end`; an odd last byte is left out. */
export function readUint16s(view: DataView, start: number, end: number): number[] {
  const values: number[] = [];
  for (let at = start; at + 2 <= end; at += 2) values.push(view.getUint16(at));
  return values;
}

export function writeUint16s(view: DataView, start: number, values: readonly number[]): void {
  values.forEach((value, index) => view.setUint16(start + 2 * index, value));
}

/** Dotted decimal text of the four bytes at `offset`. */
export function ipv4Text(view: DataView, offset: number): string {
  return `${view.getUint8(offset)}.${view.getUint8(offset + 1)}.${view.getUint8(offset + 2)}.${view.getUint8(offset + 3)}`;
}

/** Text of the sixteen bytes at `offset` in the one form that RFC 5952 recommends. */
export function ipv6Text(view: DataView, offset: number): string {
  const groups = readUint16s(view, offset, offset + 16);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${ipv4Text(view, offset + 12)}`;
  }
  const { start, length } = longestZeroRun(groups);
  const texts = groups.map((group) => group.toString(16));
  // RFC 5952 section 4.2.2: a single zero group is not shortened.
  if (length < 2) return texts.join(":");
  return `${texts.slice(0, start).join(":")}::${texts.slice(start + length).join(":")}`;
}

/** The first of the longest runs of zero groups (RFC 5952 section 4.2.3). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, index) => {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  });
  return best;
}

const DECIMAL_BYTE = /^(?:0|[1-9][0-9]{0,2})$/;
const HEX_GROUP = /^[0-9a-f]{1,4}$/i;

/** The four bytes of a dotted decimal address, or undefined where the text is none. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => DECIMAL_BYTE.test(part) && Number(part) <= 255))
    return undefined;
  return Uint8Array.from(parts, Number);
}

/** The sixteen bytes of an IPv6 address in any form of RFC 4291 section 2.2 without a zone, or undefined. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  const bytes = new Uint8Array(16);
  writeUint16s(new DataView(bytes.buffer), 0, groups);
  return bytes;
}

/** Groups of one side of "::"; only the end of an address may be dotted decimal. */
function parseGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (HEX_GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const dotted = mayEndDotted && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (dotted === undefined) return undefined;
    groups.push(...readUint16s(byteSource(dotted).view, 0, 4));
  }
  return groups;
}

/**
 * The bytes of an address that our own side gives out, `length` of them; a text that is no address of
 * that family breaks our own rule.
 */
export function addressBytes(text: string, length: 4 | 16): Uint8Array {
  const bytes = length === 4 ? parseIpv4(text) : parseIpv6(text);
  assert(bytes !== undefined, `"${text}" is an IPv${length === 4 ? 4 : 6} address`);
  return bytes;
}
