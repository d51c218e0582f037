/** More than can end in the life of a cookie without somebody wanting just that. */
const maxRetired = 16_384;

/**
 * Local tags of associations that ended a short time ago: a tag must not live twice (RFC 9260 section
 * 5.3.1), so a cookie that is played again after its association opens nothing.
 */
export class RetiredTags {
  readonly #untilMs: Map<number, number> = new Map<number, number>();

  add(tag: number, untilMs: number): void {
    this.#untilMs.delete(tag);
    this.#untilMs.set(tag, untilMs);
    const [oldest] = this.#untilMs.keys();
    if (this.#untilMs.size > maxRetired && oldest !== undefined) this.#untilMs.delete(oldest);
  }

  /** The tag lives again: both sides called each other, or the cookie was stale. */
  delete(tag: number): void {
    this.#untilMs.delete(tag);
  }

  has(tag: number, nowMs: number): boolean {
    return (this.#untilMs.get(tag) ?? Number.NEGATIVE_INFINITY) > nowMs;
  }

  snapshot(): readonly (readonly [tag: number, untilMs: number])[] {
    return [...this.#untilMs];
  }

  restore(entries: readonly (readonly [number, number])[]): void {
    for (const [tag, untilMs] of entries) this.#untilMs.set(tag, untilMs);
  }
}
