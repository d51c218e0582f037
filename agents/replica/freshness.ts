/**
 * How long ago the process at the other end of a link was surely there, by our own clock alone: it has sent
 * back an instant that we named. When a word is read says nothing about that: a computer that stood still,
 * or is behind a link that did, reads old words, and takes the end that follows them for a fresh one.
 */
export class Freshness {
  #provedAtMs: number = Number.NEGATIVE_INFINITY;
  /** What the other end named last of its own clock: our next beat sends it back. */
  mirrorMs: number | undefined;

  /** A word came that was sent after `atMs`. */
  prove(atMs: number, nowMs: number): void {
    if (atMs <= nowMs) this.#provedAtMs = Math.max(this.#provedAtMs, atMs);
  }

  isFresh(nowMs: number, withinMs: number): boolean {
    return nowMs - this.#provedAtMs <= withinMs;
  }
}
