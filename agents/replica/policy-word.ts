/**
 * What the holder was told on its link: whether packets may leave before it has what they depend on. It answers each
 * word in its order, so an answer may be older than the last word.
 */
export class PolicyWord {
  #last: boolean | undefined;
  /** Words that nothing is excused which the holder has not answered yet. */
  #strictUnanswered: number = 0;

  /** The last word; undefined: none on this link. */
  get last(): boolean | undefined {
    return this.#last;
  }

  linkLost(): void {
    this.#last = undefined;
    this.#strictUnanswered = 0;
  }

  told(excuses: boolean): void {
    this.#last = excuses;
    if (!excuses) this.#strictUnanswered += 1;
  }

  /** True where the holder now takes what it has for older than what leaves, and will until it is told something else. */
  answered(excuses: boolean): boolean {
    if (!excuses) this.#strictUnanswered = Math.max(0, this.#strictUnanswered - 1);
    return excuses && this.#last === true && this.#strictUnanswered === 0;
  }
}
