/** What one end measured in its window; CPU is user and system time of the whole process. */
export interface Measured {
  readonly messages: number;
  readonly windowMicros: number;
  readonly cpuMicros: number;
}

/** Counts messages and CPU between the end of the ramp-up and the end of the window. */
export class Meter {
  messages: number = 0;
  readonly #rampMs: number;
  readonly #windowMs: number;
  readonly #done: (measured: Measured) => void;
  #started: boolean = false;

  constructor(rampMs: number, windowMs: number, done: (measured: Measured) => void) {
    this.#rampMs = rampMs;
    this.#windowMs = windowMs;
    this.#done = done;
  }

  count(): void {
    this.messages += 1;
    if (!this.#started) this.start();
  }

  /** Begins the ramp-up; the first message does as well. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    setTimeout(() => this.#open(), this.#rampMs);
  }

  #open(): void {
    const before = { messages: this.messages, atMs: performance.now(), cpu: process.cpuUsage() };
    setTimeout(() => {
      const cpu = process.cpuUsage(before.cpu);
      this.#done({
        messages: this.messages - before.messages,
        windowMicros: Math.round((performance.now() - before.atMs) * 1000),
        cpuMicros: cpu.user + cpu.system,
      });
    }, this.#windowMs);
  }
}
