/** Where randomness comes from: the host's generator, or a seeded one in the simulator. */
export interface RandomSource {
  /** Uniform over 0 to 2^32 - 1. */
  uint32(): number;
  /** `length` fresh bytes. */
  bytes(length: number): Uint8Array;
}

/**
 * A small seeded generator (the mulberry32 construction): the same seed gives the same numbers on
 * every machine. For simulation and jitter; never for secrets.
 */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    uint32,
    bytes: (length) => Uint8Array.from({ length }, () => uint32() & 0xff),
  };
}
