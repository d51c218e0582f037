/**
 * Whether the desk still lives, counted in ticks of our own rather than in time: a freeze of this
 * process is not taken for the desk's silence.
 */
export class Presence {
  readonly #ticksAllowed: number;
  #silentTicks: number = 0;

  constructor(silenceMs: number, tickMs: number) {
    this.#ticksAllowed = Math.ceil(silenceMs / tickMs);
  }

  heard(): void {
    this.#silentTicks = 0;
  }

  /** One tick has passed; true once the desk has been silent for too long. */
  tick(): boolean {
    this.#silentTicks += 1;
    return this.#silentTicks > this.#ticksAllowed;
  }
}
