import { Heap } from "../../agents/sctp/base/heap.ts";

interface Entry<T> {
  readonly atMs: number;
  readonly order: number;
  readonly thing: T;
}

/** Things on their way, by time of arrival; what arrives at the same time keeps its order. */
export class Underway<T> {
  readonly #heap: Heap<Entry<T>> = new Heap<Entry<T>>(
    (a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order),
  );
  #order: number = 0;

  get nextMs(): number | undefined {
    return this.#heap.first?.atMs;
  }

  clear(): void {
    this.#heap.clear();
  }

  add(thing: T, atMs: number): void {
    this.#heap.push({ atMs, order: this.#order++, thing });
  }

  takeDue(nowMs: number): T[] {
    const due: T[] = [];
    for (let first = this.#heap.first; first !== undefined && first.atMs <= nowMs; first = this.#heap.first) {
      due.push(first.thing);
      this.#heap.pop();
    }
    return due;
  }
}
