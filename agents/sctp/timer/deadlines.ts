/**
 * Named deadlines of one association. Nothing runs by itself: the owner asks for the earliest one and
 * comes back when it is due.
 */
export class Deadlines<Name extends string> {
  readonly #atMs: Map<Name, number> = new Map<Name, number>();

  set(name: Name, atMs: number): void {
    this.#atMs.set(name, atMs);
  }

  clear(name: Name): void {
    this.#atMs.delete(name);
  }

  clearAll(): void {
    this.#atMs.clear();
  }

  isSet(name: Name): boolean {
    return this.#atMs.has(name);
  }

  /** The earliest deadline in milliseconds, or undefined when none is set. */
  earliestMs(): number | undefined {
    let earliest: number | undefined;
    for (const atMs of this.#atMs.values()) {
      if (earliest === undefined || atMs < earliest) earliest = atMs;
    }
    return earliest;
  }

  /** Takes out the deadline that fell due first, at `nowMs` or before; ties go by name, so that a replay is exact. */
  takeDue(nowMs: number): Name | undefined {
    let due: Name | undefined;
    let dueAtMs = nowMs;
    for (const [name, atMs] of this.#atMs) {
      const earlier = atMs < dueAtMs || (atMs === dueAtMs && (due === undefined || name < due));
      if (earlier) {
        due = name;
        dueAtMs = atMs;
      }
    }
    if (due !== undefined) this.#atMs.delete(due);
    return due;
  }

  snapshot(): readonly (readonly [Name, number])[] {
    return [...this.#atMs];
  }

  restore(entries: readonly (readonly [Name, number])[]): void {
    this.#atMs.clear();
    for (const [name, atMs] of entries) this.#atMs.set(name, atMs);
  }
}
