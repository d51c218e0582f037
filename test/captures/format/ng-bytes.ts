/** Builds capture files by hand, in either byte order, independently of the writer under test. */

export interface Order {
  u16(value: number): number[];
  u32(value: number): number[];
  u64(value: bigint): number[];
}

const bytesLittle = (value: bigint, count: number): number[] =>
  Array.from({ length: count }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));

export const order = (little: boolean): Order => {
  const lay = (value: bigint, count: number): number[] =>
    little ? bytesLittle(value, count) : bytesLittle(value, count).reverse();
  return { u16: (v) => lay(BigInt(v), 2), u32: (v) => lay(BigInt(v), 4), u64: (v) => lay(v, 8) };
};

const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
export const pad = (bytes: readonly number[]): number[] => [...bytes, ...zeros((4 - (bytes.length % 4)) % 4)];

export function ngBlock(o: Order, type: number, body: readonly number[]): number[] {
  const length = o.u32(12 + body.length);
  return [...o.u32(type), ...length, ...body, ...length];
}

export const ngOption = (o: Order, code: number, value: readonly number[]): number[] => [
  ...o.u16(code),
  ...o.u16(value.length),
  ...pad(value),
];

export const ngSection = (o: Order, options: readonly number[] = []): number[] =>
  ngBlock(o, 0x0a0d0d0a, [
    ...o.u32(0x1a2b3c4d),
    ...o.u16(1),
    ...o.u16(0),
    ...o.u64(0xffffffffffffffffn),
    ...options,
  ]);

export const ngInterface = (
  o: Order,
  linkType: number,
  snapLength: number,
  options: readonly number[] = [],
): number[] => ngBlock(o, 1, [...o.u16(linkType), ...o.u16(0), ...o.u32(snapLength), ...options]);

/** Enhanced Packet Block; the stamp goes high half first. */
export function ngPacket(o: Order, interfaceId: number, ticks: bigint, data: readonly number[]): number[] {
  const stamp = [...o.u32(Number(ticks >> 32n)), ...o.u32(Number(ticks & 0xffffffffn))];
  const lengths = [...o.u32(data.length), ...o.u32(data.length + 100)];
  return ngBlock(o, 6, [...o.u32(interfaceId), ...stamp, ...lengths, ...pad(data)]);
}

export const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));
