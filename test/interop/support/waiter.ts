/** Something that changes and is waited for, with a bound that only a broken stack reaches. */
export class Waiter {
  readonly #waiting: Set<() => void> = new Set<() => void>();
  #failure: Error | undefined;

  changed(): void {
    for (const look of this.#waiting) look();
  }

  /** Nothing will change any more. */
  failed(error: Error): void {
    this.#failure ??= error;
    this.changed();
  }

  /** Rejects with what `describe` says when it does not come true in time. */
  async until(holds: () => boolean, describe: () => string, boundMs: number = 25_000): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        act();
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`it did not come true: ${describe()}`))),
        boundMs,
      );
      const look = (): void => {
        const failure = this.#failure;
        if (holds()) finish(resolve);
        else if (failure !== undefined) finish(() => reject(failure));
      };
      this.#waiting.add(look);
      look();
    });
  }
}
