/** On a quiet machine the first edge of a millisecond is good enough; on a busy one many may have to be tried. */
const goodEnoughMs = 0.02;
const longestMs = 50;

/**
 * The host's clock for the protocol: milliseconds since the Unix epoch that never jump, because they are
 * counted by the monotonic clock from one comparison with the wall clock. `Date.now()` says only which
 * millisecond it is; each reading narrows down where the edge lies, and an interruption between two
 * readings costs nothing but that reading.
 */
export class HostClock {
  readonly #offsetMs: number;
  /** How far it may be from the wall clock, either way, in microseconds. */
  readonly errorMicros: number;

  constructor() {
    let lowest = Number.NEGATIVE_INFINITY;
    let highest = Number.POSITIVE_INFINITY;
    const endMs = performance.now() + longestMs;
    while (highest - lowest > goodEnoughMs && performance.now() < endMs) {
      const before = performance.now();
      const wholeMs = Date.now();
      const after = performance.now();
      lowest = Math.max(lowest, wholeMs - after);
      highest = Math.min(highest, wholeMs + 1 - before);
    }
    this.#offsetMs = (lowest + highest) / 2;
    this.errorMicros = Math.ceil(((highest - lowest) / 2) * 1000);
  }

  nowMs(): number {
    return this.#offsetMs + performance.now();
  }
}
