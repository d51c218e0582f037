import { setTimeout as sleep } from "node:timers/promises";

/** Long enough for every back-off in these tests; a test that hangs says what it waited for. */
const patienceMs = 40_000;
const pollMs = 50;

/** Something whose state changes by what it hears; `changed` is called after each change. */
export class Waiter {
  readonly #looking: Set<() => void> = new Set<() => void>();

  changed(): void {
    for (const look of this.#looking) look();
  }

  /** Resolves as soon as the condition holds. */
  until(what: string, holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#looking.delete(look);
      };
      const look = (): void => {
        if (!holds()) return;
        done();
        resolve();
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`waited in vain for: ${what}; ${this.describe()}`));
      }, patienceMs);
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
          `waited in vain for: ${what}; last answer: ${JSON.stringify(answer)}; ${this.describe()}`,
        );
      }
      await sleep(pollMs);
    }
  }

  /** For the message of a wait that was in vain. */
  protected describe(): string {
    return "";
  }
}
