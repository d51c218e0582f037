interface Waiting {
  readonly epoch: number;
  readonly untilMs: number;
}

/** Claims that are not answered yet, one a link, each until an instant of its own. */
export class WaitingClaims {
  readonly #byLink: Map<string, Waiting> = new Map<string, Waiting>();

  add(link: string, claim: Waiting): void {
    this.#byLink.set(link, claim);
  }

  delete(link: string): void {
    this.#byLink.delete(link);
  }

  /** When the next one is due; infinite when none waits. */
  get nextDueMs(): number {
    return Math.min(...[...this.#byLink.values()].map(({ untilMs }) => untilMs));
  }

  /** Takes out what is due by then, as pairs of link and epoch. */
  take(dueMs: number): (readonly [link: string, epoch: number])[] {
    const due = [...this.#byLink].filter(([, { untilMs }]) => untilMs <= dueMs);
    for (const [link] of due) this.#byLink.delete(link);
    return due.map(([link, { epoch }]) => [link, epoch] as const);
  }
}
