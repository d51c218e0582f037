import type { JobProgress } from "../lab/job/index.ts";
import { errColours } from "./colours.ts";

/** Steps with the time that each took, on stderr: stdout is for results. */
export class ConsoleProgress implements JobProgress {
  readonly #startedMs: number = performance.now();
  #stepStartedMs: number = 0;
  #open: boolean = false;

  step(title: string): void {
    this.end();
    this.#open = true;
    this.#stepStartedMs = performance.now();
    const elapsed = ((performance.now() - this.#startedMs) / 1000).toFixed(1).padStart(5);
    process.stderr.write(`${errColours.dim(`${elapsed} s`)}  ${title}\n`);
  }

  note(text: string): void {
    process.stderr.write(`${" ".repeat(9)}${errColours.dim(text)}\n`);
  }

  /** Says how long the last step took, where that is worth knowing. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    const took = (performance.now() - this.#stepStartedMs) / 1000;
    if (took >= 1) process.stderr.write(`${" ".repeat(9)}${errColours.dim(`took ${took.toFixed(1)} s`)}\n`);
  }
}
