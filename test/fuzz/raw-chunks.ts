import type { AssociationState } from "../../agents/sctp/index.ts";
import type { Dice } from "../sim/sctp/dice.ts";

/** Chunk types by number: all that have a name, and one of each action for unknown ones (RFC 9260 section 3.2). */
export const chunkTypes: readonly number[] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 64, 128, 130, 132, 192, 193, 194, 63, 100, 190, 254,
];

/** What a chunk is aimed with: the numbers of the association under attack, and what it has sent before. */
export interface Aim {
  readonly state: AssociationState | undefined;
  /** A cookie that the endpoint gave out, and the information of a HEARTBEAT of its own. */
  readonly cookie: Uint8Array | undefined;
  readonly heartbeat: Uint8Array | undefined;
}

const parameterTypes: readonly number[] = [
  1, 5, 6, 7, 8, 9, 11, 12, 0x8000, 0x8002, 0x8003, 0x8004, 0x8008, 0xc000, 0xc001, 0xc004, 0xc006, 13, 16,
  17, 0xc123,
];

/** Bytes of a chunk, put together piece by piece. */
class Bytes {
  readonly #bytes: number[] = [];

  u8(value: number): this {
    this.#bytes.push(value & 255);
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff);
  }

  add(bytes: Iterable<number>): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  get bytes(): number[] {
    return this.#bytes;
  }
}

const noise = (dice: Dice, length: number): number[] => Array.from({ length }, () => dice.uint32() & 255);
const near = (dice: Dice, base: number): number =>
  (base + dice.pick([-2, -1, 0, 1, 1, 1, 2, 3, 5, 100, 4095, 4096, 65_536, 0x7fffffff, -0x80000000])) >>> 0;

/** Parameters or causes, whose lengths are sometimes lies. */
function options(dice: Dice, types: readonly number[], aim: Aim): number[] {
  const out = new Bytes();
  for (let count = dice.pick([0, 0, 1, 2, 5, 40]); count > 0; count--) {
    const type = dice.chance(0.9) ? dice.pick(types) : dice.int(0, 0xffff);
    const cookie = type === 7 && aim.cookie !== undefined && dice.chance(0.7);
    const length = dice.pick([0, 1, 4, 4, 8, 16, 20, 60]);
    const value = cookie ? [...aim.cookie] : noise(dice, type === 5 ? 4 : type === 6 ? 16 : length);
    const stated = dice.chance(0.05) ? dice.pick([0, 3, 4, 0xffff]) : 4 + value.length;
    out.u16(type).u16(stated).add(value);
    while (out.bytes.length % 4 !== 0) out.u8(0);
  }
  return out.bytes;
}

function initBody(dice: Dice, out: Bytes, aim: Aim): void {
  out.u32(dice.pick([0, 1, dice.uint32(), aim.state?.agreement.peerTag ?? 5]));
  out.u32(dice.pick([0, 1499, 1500, 65_536, 0xffffffff]));
  out.u16(dice.pick([0, 1, 10, 0xffff])).u16(dice.pick([0, 1, 10, 0xffff]));
  out.u32(dice.pick([0, 0xffffffff, dice.uint32()]));
  out.add(options(dice, parameterTypes, aim));
}

function sackBody(dice: Dice, out: Bytes, aim: Aim): void {
  const gaps = dice.pick([0, 0, 1, 3, 300]);
  const duplicates = dice.pick([0, 0, 1, 300]);
  out.u32(near(dice, aim.state?.send.cumulativeAck ?? 0)).u32(dice.pick([0, 1, 1500, 100_000, 0xffffffff]));
  out.u16(dice.chance(0.9) ? gaps : 0xffff).u16(dice.chance(0.9) ? duplicates : 0xffff);
  for (let count = 0; count < gaps; count++)
    out.u16(dice.pick([0, 1, 2, 3, dice.int(0, 0xffff)])).u16(dice.int(0, 20));
  for (let count = 0; count < duplicates; count++) out.u32(dice.uint32());
}

function dataBody(dice: Dice, out: Bytes, aim: Aim, interleaved: boolean): void {
  const streamId = dice.pick([0, 0, 1, 15, 16, 0xffff]);
  const ssn = (aim.state?.receive.nextSsn[streamId] ?? 0) + dice.pick([0, 0, 0, 1, -1, 32_768]);
  out.u32(near(dice, aim.state?.receive.cumulativeTsn ?? 0)).u16(streamId);
  if (interleaved)
    out
      .u16(0)
      .u32(ssn)
      .u32(dice.pick([0, 0, 1, 5]));
  else out.u16(ssn).u32(0);
  out.add(noise(dice, dice.pick([0, 1, 1, 100, 1400])));
}

/** The value of a chunk of this type, well formed or nearly so. */
function body(dice: Dice, type: number, aim: Aim): number[] {
  const out = new Bytes();
  const { state } = aim;
  if (type === 0 || type === 64) dataBody(dice, out, aim, type === 64);
  else if (type === 1 || type === 2) initBody(dice, out, aim);
  else if (type === 3) sackBody(dice, out, aim);
  else if (type === 4 || type === 5) {
    const info =
      aim.heartbeat !== undefined && dice.chance(0.6)
        ? aim.heartbeat
        : noise(dice, dice.pick([0, 8, 40, 1400]));
    out
      .u16(1)
      .u16(4 + info.length)
      .add(info);
  } else if (type === 6 || type === 9)
    out.add(options(dice, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xb0], aim));
  else if (type === 7) out.u32(near(dice, state?.send.cumulativeAck ?? 0));
  else if (type === 10)
    out.add(aim.cookie !== undefined && dice.chance(0.8) ? aim.cookie : noise(dice, dice.int(0, 300)));
  else if (type === 12 || type === 13) out.u32(near(dice, state?.send.nextTsn ?? 0));
  else if (type === 15)
    out
      .u16(dice.int(0, 2))
      .u16(dice.int(0, 3))
      .add(noise(dice, dice.pick([0, 20, 32])));
  else if (type === 128 || type === 193)
    out.u32(dice.uint32()).add(options(dice, [5, 0xc001, 0xc002, 0xc003, 0xc004, 0xc005, 0xc006], aim));
  else if (type === 130) out.add(options(dice, [13, 14, 15, 16, 17, 18], aim));
  else if (type === 192 || type === 194) {
    out.u32(near(dice, state?.receive.cumulativeTsn ?? 0));
    for (let count = dice.pick([0, 1, 5]); count > 0; count--) out.add(noise(dice, type === 192 ? 4 : 8));
  } else if (![8, 11, 14].includes(type)) out.add(noise(dice, dice.pick([0, 1, 4, 60, 1400, 20_000])));
  return out.bytes;
}

/** One chunk with its header and padding. */
export function rawChunk(dice: Dice, type: number, aim: Aim): number[] {
  const value = body(dice, type, aim);
  // Now and then a byte is changed, or some are missing.
  if (value.length > 0 && dice.chance(0.1)) value[dice.int(0, value.length - 1)] = dice.uint32() & 255;
  if (dice.chance(0.05)) value.length = dice.int(0, value.length);
  const flags = dice.chance(0.8) ? dice.pick([0, 3, 7]) : dice.uint32() & 255;
  const stated = dice.chance(0.03) ? dice.int(0, 0xffff) : 4 + value.length;
  const out = new Bytes().u8(type).u8(flags).u16(stated).add(value);
  while (out.bytes.length % 4 !== 0) out.u8(0);
  return out.bytes;
}
