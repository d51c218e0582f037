import { assert } from "./assert.ts";

/**
 * A queue in a ring: taking from the front and looking at any place cost the same however long it is.
 * Places are counted from the front, which is 0.
 */
export class Fifo<T> {
  #ring: (T | undefined)[] = [];
  #head: number = 0;
  #length: number = 0;

  static of<T>(values: Iterable<T>): Fifo<T> {
    const fifo = new Fifo<T>();
    for (const value of values) fifo.push(value);
    return fifo;
  }

  get length(): number {
    return this.#length;
  }

  push(value: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = value;
    this.#length += 1;
  }

  #grow(): void {
    const ring: (T | undefined)[] = new Array(Math.max(4, this.#ring.length * 2)).fill(undefined);
    for (let place = 0; place < this.#length; place++) ring[place] = this.at(place);
    this.#ring = ring;
    this.#head = 0;
  }

  /** The value at a place; undefined where there is none. */
  at(place: number): T | undefined {
    if (place < 0 || place >= this.#length) return undefined;
    return this.#ring[(this.#head + place) & (this.#ring.length - 1)];
  }

  set(place: number, value: T): void {
    assert(place >= 0 && place < this.#length, "only what is in the queue is replaced");
    this.#ring[(this.#head + place) & (this.#ring.length - 1)] = value;
  }

  get first(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  get last(): T | undefined {
    return this.at(this.#length - 1);
  }

  /** Takes out the first value; the ring shrinks to nothing when it is empty, for the sake of idle queues. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length -= 1;
    if (this.#length === 0 && this.#ring.length > 64) this.clear();
    return value;
  }

  clear(): void {
    this.#ring = [];
    this.#head = 0;
    this.#length = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let place = 0; place < this.#length; place++) yield this.at(place) as T;
  }
}
