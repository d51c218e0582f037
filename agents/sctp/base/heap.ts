/** A binary heap: what comes first by `before` is at hand, whatever the order in which things were added. */
export class Heap<T> {
  readonly #things: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#things.length;
  }

  get first(): T | undefined {
    return this.#things[0];
  }

  clear(): void {
    this.#things.length = 0;
  }

  push(thing: T): void {
    const things = this.#things;
    let at = things.length;
    things.push(thing);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(thing, things[parent]!)) break;
      things[at] = things[parent]!;
      at = parent;
    }
    things[at] = thing;
  }

  /** Takes out the first one. */
  pop(): T | undefined {
    const things = this.#things;
    const first = things[0];
    const last = things.pop();
    if (last === undefined || things.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= things.length) break;
      if (child + 1 < things.length && this.#before(things[child + 1]!, things[child]!)) child += 1;
      if (!this.#before(things[child]!, last)) break;
      things[at] = things[child]!;
      at = child;
    }
    things[at] = last;
    return first;
  }
}
