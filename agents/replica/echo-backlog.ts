import type { ApplicationMessage } from "../application/index.ts";

/** Echoes that may wait for room in the send buffer. */
const maxBytes = 4 * 1024 * 1024;

/** Echoes that the association has not taken yet, in their order. */
export class EchoBacklog {
  readonly #waiting: ApplicationMessage[] = [];
  #bytes: number = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** False where there are too many already. */
  add(echo: ApplicationMessage): boolean {
    if (this.#bytes + echo.payload.length > maxBytes) return false;
    this.#waiting.push(echo);
    this.#bytes += echo.payload.length;
    return true;
  }

  /** Hands out one after the other as long as `take` says that it is done with it. */
  drain(take: (echo: ApplicationMessage) => boolean): void {
    let done = 0;
    for (const echo of this.#waiting) {
      if (!take(echo)) break;
      done += 1;
      this.#bytes -= echo.payload.length;
    }
    if (done > 0) this.#waiting.splice(0, done);
  }
}
