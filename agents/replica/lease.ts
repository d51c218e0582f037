/**
 * The primary's leave to send: it lasts `leaseMs` from the instant at which it sent a beat that the
 * secondary has answered. That is shorter than the secondary waits after the beat before it takes over.
 * A primary that was frozen finds its lease expired, however many answers it finds waiting.
 */
export class Lease {
  readonly #leaseMs: number;
  #grantedAtMs: number = Number.NEGATIVE_INFINITY;
  #fenced: boolean = false;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** The secondary answered the beat that was sent at `sentAtMs`. */
  granted(sentAtMs: number, nowMs: number): void {
    if (sentAtMs > nowMs || sentAtMs <= this.#grantedAtMs) return;
    this.#grantedAtMs = sentAtMs;
  }

  /** Whoever may take over may do so at once. */
  revoke(): void {
    this.#grantedAtMs = Number.NEGATIVE_INFINITY;
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
}
