import type { ByteSource } from "../base/bytes.ts";
import { byteSource } from "../base/bytes.ts";

const slabBytes = 64 * 1024;

/**
 * Memory for packets that are being written. Many packets share one buffer, which saves an allocation for
 * each; no byte of it is used twice, so a packet may be kept as long as one likes. All bytes are zero at first.
 */
export class PacketArena {
  #slab: ByteSource = byteSource(new Uint8Array(0));
  #used: number = 0;

  /** Where the next packet of at most `limitBytes` is to be written; `bytes` and `view` are those of `slab`. */
  begin(limitBytes: number): number {
    if (this.#used + limitBytes > this.#slab.bytes.length) {
      this.#slab = byteSource(new Uint8Array(Math.max(slabBytes, limitBytes)));
      this.#used = 0;
    }
    return this.#used;
  }

  get slab(): ByteSource {
    return this.#slab;
  }

  /** The packet that was begun is complete, up to `end`; the next one is aligned for the sake of speed. */
  finish(end: number): void {
    this.#used = (end + 7) & ~7;
  }
}
