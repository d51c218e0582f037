import { Fifo } from "../sctp/index.ts";
import type { ClusterFrame, ReplicatedUpdate } from "./frames.ts";

/** Updates that the holder may lack before nothing is taken in any more, as if the network lost it. */
const maxUnheldBytes = 4 * 1024 * 1024;
/** Updates go over the link in frames of about this size at most, unless a single one is larger. */
const frameBytes = 256 * 1024;
/** What an update costs beside its bytes. */
const updateOverheadBytes = 128;

interface Unheld {
  readonly sequence: number;
  readonly bytes: number;
}

/** How much was made and is not known to be held, by association. */
export class UnheldUpdates {
  readonly #byAssociation: Map<number, Fifo<Unheld>> = new Map<number, Fifo<Unheld>>();
  #bytes: number = 0;

  get isFull(): boolean {
    return this.#bytes > maxUnheldBytes;
  }

  add(updates: readonly ReplicatedUpdate[]): void {
    for (const { association, sequence, bytes } of updates) {
      let unheld = this.#byAssociation.get(association);
      if (unheld === undefined) {
        unheld = new Fifo<Unheld>();
        this.#byAssociation.set(association, unheld);
      }
      const cost = bytes.length + updateOverheadBytes;
      unheld.push({ sequence, bytes: cost });
      this.#bytes += cost;
    }
  }

  /** The holder has everything up to `sequence`. */
  acknowledge(association: number, sequence: number): void {
    const unheld = this.#byAssociation.get(association);
    if (unheld === undefined) return;
    for (let { first } = unheld; first !== undefined && first.sequence <= sequence; first = unheld.first) {
      unheld.shift();
      this.#bytes -= first.bytes;
    }
    if (unheld.length === 0) this.#byAssociation.delete(association);
  }

  has(association: number): boolean {
    return this.#byAssociation.has(association);
  }

  clear(): void {
    this.#byAssociation.clear();
    this.#bytes = 0;
  }
}

/** Updates as frames for the link, of a size that suits it. */
export function updateFrames(epoch: number, updates: readonly ReplicatedUpdate[]): ClusterFrame[] {
  const batches: ReplicatedUpdate[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const each of updates) {
    if (bytes + each.bytes.length > frameBytes) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1)?.push(each);
    bytes += each.bytes.length;
  }
  return batches.map((batch) => ({ kind: "updates", epoch, updates: batch }));
}
