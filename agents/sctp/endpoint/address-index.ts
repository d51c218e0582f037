/** What is known of peers, found by one of their transport addresses without looking at all the others. */
export class AddressIndex<T> {
  readonly #at: Map<string, T[]> = new Map<string, T[]>();

  add(item: T, addresses: readonly string[], port: number): void {
    for (const address of addresses) {
      const found = this.#at.get(keyOf(address, port));
      if (found === undefined) this.#at.set(keyOf(address, port), [item]);
      else if (!found.includes(item)) found.push(item);
    }
  }

  remove(item: T, addresses: readonly string[], port: number): void {
    for (const address of addresses) {
      const rest = this.#at.get(keyOf(address, port))?.filter((each) => each !== item) ?? [];
      if (rest.length === 0) this.#at.delete(keyOf(address, port));
      else this.#at.set(keyOf(address, port), rest);
    }
  }

  at(address: string, port: number): readonly T[] {
    return this.#at.get(keyOf(address, port)) ?? [];
  }
}

const keyOf = (address: string, port: number): string => `${port} ${address}`;
