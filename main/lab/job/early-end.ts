/** Why a run ends before its time: Ctrl-C, or the first trouble that anybody reports. Every wait of the run hears of it. */
export class EarlyEnd {
  readonly signal: AbortSignal;
  readonly #trouble: AbortController = new AbortController();

  constructor(interruption: AbortSignal) {
    this.signal = AbortSignal.any([interruption, this.#trouble.signal]);
  }

  /** Ends the run with this error; what follows from the first trouble is not told again. */
  fail(error: unknown): void {
    this.#trouble.abort(error);
  }

  /** Settles as `work` does, or rejects with the reason of the early end when that comes first. */
  async race<T>(work: Promise<T>): Promise<T> {
    let stop = (): void => undefined;
    const ended = new Promise<never>((_resolve, reject) => {
      stop = () => reject(this.signal.reason);
      this.signal.addEventListener("abort", stop, { once: true });
      if (this.signal.aborted) stop();
    });
    try {
      return await Promise.race([work, ended]);
    } finally {
      this.signal.removeEventListener("abort", stop);
    }
  }
}
