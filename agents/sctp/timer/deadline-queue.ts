import { Heap } from "../base/heap.ts";

interface Entry {
  readonly atMs: number;
  readonly key: number;
}

const before = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.key < b.key);

/**
 * The earliest deadline of very many owners, each known by a number. A deadline that moves to a later
 * instant, as retransmission timers do all the time, costs nothing until its old instant comes.
 */
export class DeadlineQueue {
  readonly #atMs: Map<number, number> = new Map<number, number>();
  /** For each owner the instant of its entry in the heap; others of it are old and are passed over. */
  readonly #entered: Map<number, number> = new Map<number, number>();
  readonly #heap: Heap<Entry> = new Heap<Entry>(before);

  /** Sets the deadline of an owner, in milliseconds; undefined: it has none. */
  set(key: number, atMs: number | undefined): void {
    if (atMs === undefined) {
      this.#atMs.delete(key);
      return;
    }
    this.#atMs.set(key, atMs);
    const entered = this.#entered.get(key);
    if (entered === undefined || atMs < entered) this.#enter({ atMs, key });
  }

  earliestMs(): number | undefined {
    this.#settleTop();
    return this.#heap.first?.atMs;
  }

  /** Takes out the owner whose deadline fell due first, at `nowMs` or before; ties go by number. */
  takeDue(nowMs: number): number | undefined {
    this.#settleTop();
    const top = this.#heap.first;
    if (top === undefined || top.atMs > nowMs) return undefined;
    this.#heap.pop();
    this.#entered.delete(top.key);
    this.#atMs.delete(top.key);
    return top.key;
  }

  /** Brings the entry on top to the instant that its owner wants now, until they agree. */
  #settleTop(): void {
    for (let top = this.#heap.first; top !== undefined; top = this.#heap.first) {
      const current = this.#entered.get(top.key) === top.atMs;
      const atMs = this.#atMs.get(top.key);
      if (current && atMs === top.atMs) return;
      this.#heap.pop();
      if (!current) continue;
      this.#entered.delete(top.key);
      if (atMs !== undefined) this.#enter({ atMs, key: top.key });
    }
  }

  #enter(entry: Entry): void {
    this.#entered.set(entry.key, entry.atMs);
    this.#heap.push(entry);
  }
}
