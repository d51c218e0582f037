import type { NumberedUpdate } from "../sctp/index.ts";
import { ByteWriter } from "./encoding.ts";
import type { ReplicatedUpdate } from "./frames.ts";
import { encodeUpdate, expectedUpdateBytes } from "./update-codec.ts";

const slabBytes = 64 * 1024;

/**
 * Memory for the updates that an instance makes. Many share one buffer, which saves an allocation for each:
 * that cost more than the replication of a message otherwise. No byte is used twice, so the bytes of an update may be
 * kept as long as one likes.
 */
export class UpdateArena {
  #slab: Uint8Array = new Uint8Array(0);
  #used: number = 0;

  /** An update made here, ready for the link and the record. */
  replicate({ association, sequence, update }: NumberedUpdate & { association: number }): ReplicatedUpdate {
    const expected = expectedUpdateBytes(update);
    if (this.#used + expected > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(slabBytes, expected));
      this.#used = 0;
    }
    const bytes = encodeUpdate(update, new ByteWriter(this.#slab, this.#used));
    // What grew beyond its place has moved to a buffer of its own.
    if (bytes.buffer === this.#slab.buffer) this.#used += bytes.length;
    return { association, sequence, update, bytes };
  }
}
