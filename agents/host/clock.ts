/**
 * The host's clock for the protocol: milliseconds since the Unix epoch that never jump, because they are
 * counted from one reading by the monotonic clock. The reading is taken at the edge of a millisecond.
 */
export class HostClock {
  readonly #offsetMs: number;

  constructor() {
    const start = Date.now();
    let edge = start;
    // At most one millisecond of spinning, once.
    while (edge === start) edge = Date.now();
    this.#offsetMs = edge - performance.now();
  }

  nowMs(): number {
    return this.#offsetMs + performance.now();
  }
}
