import type { AssociationUpdate } from "../sctp/index.ts";

const slabBytes = 16 * 1024;
/** Larger payloads have memory of their own: one that stays for long must not keep much else in memory. */
const maxSharedBytes = slabBytes / 4;

/**
 * Memory for the payloads that stay in a held state. What was read from a frame lies in that frame, of up to
 * megabytes, which must not stay as long as a payload does. Small payloads share a buffer, which saves an
 * allocation for each.
 */
export class PayloadShelf {
  #slab: Uint8Array = new Uint8Array(0);
  #used: number = 0;

  #copy(payload: Uint8Array): Uint8Array {
    const { length } = payload;
    if (length > maxSharedBytes) return payload.slice();
    if (this.#used + length > this.#slab.length) {
      this.#slab = new Uint8Array(slabBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#slab.set(payload, start);
    this.#used += length;
    return this.#slab.subarray(start, this.#used);
  }

  /** The same update, whose payload may be kept. A chunk that is delivered at once does not stay. */
  lasting(update: AssociationUpdate): AssociationUpdate {
    switch (update.kind) {
      case "messageQueued":
        return { ...update, payload: this.#copy(update.payload) };
      case "dataReceived":
        return { ...update, chunk: { ...update.chunk, payload: this.#copy(update.chunk.payload) } };
      default:
        return update;
    }
  }
}
