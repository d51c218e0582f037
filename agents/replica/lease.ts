/**
 * The primary's leave to send: it lasts `leaseMs` from the last sign of the secondary, which is shorter
 * than the secondary waits before it takes over. A primary that was frozen finds its lease expired.
 */
export class Lease {
  readonly #leaseMs: number;
  #heardAtMs: number = Number.NEGATIVE_INFINITY;
  #fenced: boolean = false;
  #refused: boolean = false;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
    if (leaseMs === Number.POSITIVE_INFINITY) this.#heardAtMs = 0;
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
    this.#refused = false;
  }

  fence(): void {
    this.#fenced = true;
  }

  get fenced(): boolean {
    return this.#fenced;
  }

  holds(nowMs: number): boolean {
    return !this.#fenced && nowMs - this.#heardAtMs <= this.#leaseMs;
  }

  /** True once for each time that the lease ran out: for a note in the record. */
  firstRefusal(): boolean {
    const first = !this.#refused;
    this.#refused = true;
    return first;
  }
}
