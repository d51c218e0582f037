import { Heap } from "../../agents/sctp/base/heap.ts";

interface Entry<Item> {
  readonly atMs: number;
  readonly order: number;
  readonly item: Item;
}

/** What is under way on a virtual link, by the time of its arrival. */
export class Underway<Item> {
  readonly #heap: Heap<Entry<Item>> = new Heap<Entry<Item>>(
    (a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order),
  );
  #order: number = 0;

  get nextMs(): number {
    return this.#heap.first?.atMs ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#heap.size;
  }

  add(item: Item, atMs: number): void {
    this.#heap.push({ atMs, order: this.#order++, item });
  }

  /** The next one that has arrived by `nowMs`. */
  take(nowMs: number): Item | undefined {
    const { first } = this.#heap;
    if (first === undefined || first.atMs > nowMs) return undefined;
    return this.#heap.pop()?.item;
  }
}
