import { setTimeout as sleep } from "node:timers/promises";

/** Long enough for every back-off in these tests; a test that hangs says what it waited for. */
export const patienceMs = 40_000;
const pollMs = 50;

/** Something whose state changes by what it hears; `changed` is called after each change. */
export class Waiter {
  readonly #looking: Set<() => void> = new Set<() => void>();

  changed(): void {
    for (const look of this.#looking) look();
  }

  /** Resolves as soon as the condition holds. */
  async until(what: string, holds: () => boolean): Promise<void> {
    if (await this.holdsWithin(patienceMs, holds)) return;
    throw new Error(`waited in vain for: ${what}; ${await this.describe()}`);
  }

  /** True as soon as the condition holds, false when it did not in time. */
  protected holdsWithin(timeMs: number, holds: () => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (held: boolean): void => {
        clearTimeout(timer);
        this.#looking.delete(look);
        resolve(held);
      };
      const look = (): void => {
        if (holds()) end(true);
      };
      const timer = setTimeout(() => end(false), timeMs);
      this.#looking.add(look);
      look();
    });
  }

  /** Asks again and again until the answer satisfies. */
  async untilAnswered<Answer>(
    what: string,
    ask: () => Promise<Answer>,
    holds: (answer: Answer) => boolean,
  ): Promise<Answer> {
    const startMs = performance.now();
    while (true) {
      const answer = await ask();
      if (holds(answer)) return answer;
      if (performance.now() - startMs > patienceMs) {
        throw new Error(
          `waited in vain for: ${what}; last answer: ${JSON.stringify(answer)}; ${await this.describe()}`,
        );
      }
      await sleep(pollMs);
    }
  }

  /** For the message of a wait that was in vain. */
  protected describe(): Promise<string> {
    return Promise.resolve("");
  }
}
