/**
 * The primary's leave to send: it lasts `leaseMs` from the instant at which it sent a beat that the
 * secondary has answered. That is shorter than the secondary waits after the beat before it takes over.
 * A primary that was frozen finds its lease expired, however many answers it finds waiting.
 */
export class Lease {
  readonly #leaseMs: number;
  #grantedAtMs: number = Number.NEGATIVE_INFINITY;
  #fenced: boolean = false;
  #refused: boolean = false;

  /** Without end where there is nobody to take over: `leaseMs` is infinite. */
  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
    if (leaseMs === Number.POSITIVE_INFINITY) this.#grantedAtMs = 0;
  }

  /** The secondary answered the beat that was sent at `sentAtMs`. */
  granted(sentAtMs: number, nowMs: number): void {
    if (sentAtMs > nowMs || sentAtMs <= this.#grantedAtMs) return;
    this.#grantedAtMs = sentAtMs;
    if (this.holds(nowMs)) this.#refused = false;
  }

  /** The link is gone: the secondary may take over at once. */
  revoke(): void {
    if (this.#leaseMs !== Number.POSITIVE_INFINITY) this.#grantedAtMs = Number.NEGATIVE_INFINITY;
  }

  fence(): void {
    this.#fenced = true;
  }

  get fenced(): boolean {
    return this.#fenced;
  }

  holds(nowMs: number): boolean {
    return !this.#fenced && nowMs - this.#grantedAtMs <= this.#leaseMs;
  }

  /** True once for each time that the lease ran out: for a note in the record. */
  firstRefusal(): boolean {
    const first = !this.#refused;
    this.#refused = true;
    return first;
  }
}
