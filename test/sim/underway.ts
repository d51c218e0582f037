/** Things on their way, by time of arrival; what arrives at the same time keeps its order. A binary heap. */
export class Underway<T> {
  readonly #heap: { readonly atMs: number; readonly order: number; readonly thing: T }[] = [];
  #order: number = 0;

  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  clear(): void {
    this.#heap.length = 0;
  }

  add(thing: T, atMs: number): void {
    this.#heap.push({ atMs, order: this.#order++, thing });
    for (let at = this.#heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  takeDue(nowMs: number): T[] {
    const due: T[] = [];
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= nowMs; first = this.#heap[0]) {
      due.push(first.thing);
      this.#removeFirst();
    }
    return due;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    for (let at = 0; ;) {
      let smallest = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#before(child, smallest)) smallest = child;
      }
      if (smallest === at) return;
      this.#swap(at, smallest);
      at = smallest;
    }
  }

  #before(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a]!, this.#heap[b]!];
    return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b]!, this.#heap[a]!];
  }
}
