import type { HealthReading } from "./health.ts";
import { readHealth, worriesOf } from "./health.ts";

const intervalMs = 1000;

/** Looks once a second how this computer does, and tells each worry once as long as it lasts. */
export class HealthWatch {
  readonly #folder: string;
  readonly #onWorry: (reason: string) => void;
  readonly #timer: NodeJS.Timeout;
  #before: HealthReading | undefined;
  #told: Set<string> = new Set<string>();
  #isReading: boolean = false;

  constructor(folder: string, onWorry: (reason: string) => void) {
    this.#folder = folder;
    this.#onWorry = onWorry;
    this.#timer = setInterval(() => void this.#look(), intervalMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const reading = await readHealth(this.#folder, performance.now());
    this.#isReading = false;
    const worries = worriesOf(reading, this.#before);
    this.#before = reading;
    // What worries is named before the colon.
    const subjects = worries.map((worry) => worry.slice(0, worry.indexOf(":")));
    for (const [at, subject] of subjects.entries())
      if (!this.#told.has(subject)) this.#onWorry(worries[at] ?? subject);
    this.#told = new Set(subjects);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
