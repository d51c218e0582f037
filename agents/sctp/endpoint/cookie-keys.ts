import type { CookieContent } from "./cookie.ts";
import { openCookie } from "./cookie.ts";

export interface CookieKeysSnapshot {
  readonly current: Uint8Array;
  readonly previous: Uint8Array | undefined;
  readonly previousUntilMs: number;
}

/** A cookie whose seal is good, with the key that sealed it. */
export interface OpenedCookie {
  readonly content: CookieContent;
  readonly key: Uint8Array;
}

/** The keys that seal cookies: they change, and cookies that are under way stay good (RFC 9260 section 5.1.3). */
export class CookieKeys {
  #current: Uint8Array;
  #previous: Uint8Array | undefined;
  #previousUntilMs: number = 0;

  constructor(key: Uint8Array) {
    this.#current = key;
  }

  get current(): Uint8Array {
    return this.#current;
  }

  /** Seals with `key` from now on; the key before it still opens cookies until `previousUntilMs`. */
  rotate(key: Uint8Array, previousUntilMs: number): void {
    this.#previous = this.#current;
    this.#previousUntilMs = previousUntilMs;
    this.#current = key;
  }

  open(cookie: Uint8Array, nowMs: number): OpenedCookie | undefined {
    for (const key of [this.#current, this.#previous]) {
      if (key === undefined || (key === this.#previous && nowMs > this.#previousUntilMs)) continue;
      const content = openCookie(cookie, key);
      if (content !== undefined) return { content, key };
    }
    return undefined;
  }

  snapshot(): CookieKeysSnapshot {
    return { current: this.#current, previous: this.#previous, previousUntilMs: this.#previousUntilMs };
  }

  restore(snapshot: CookieKeysSnapshot): void {
    this.#current = snapshot.current;
    this.#previous = snapshot.previous;
    this.#previousUntilMs = snapshot.previousUntilMs;
  }
}
