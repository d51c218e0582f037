import type { ClusterFrame, ReplicatedUpdate } from "./frames.ts";

/** Updates that the secondary may lack before nothing is taken in any more, as if the network lost it. */
const maxUnacknowledgedBytes = 4 * 1024 * 1024;
/** Updates go over the link in frames of about this size at most, unless a single one is larger. */
const frameBytes = 256 * 1024;
/** What an update costs beside its bytes. */
const updateOverheadBytes = 128;

/** Updates that were made and are not known to be held by the secondary, in the order in which they were made. */
export class UpdateBacklog {
  #updates: ReplicatedUpdate[] = [];
  #bytes: number = 0;
  /** Associations that ended, until the secondary holds that; with the number of their last update. */
  readonly #ending: Map<number, number> = new Map<number, number>();

  get updates(): readonly ReplicatedUpdate[] {
    return this.#updates;
  }

  get isFull(): boolean {
    return this.#bytes > maxUnacknowledgedBytes;
  }

  add(updates: readonly ReplicatedUpdate[]): void {
    for (const each of updates) {
      this.#updates.push(each);
      this.#bytes += each.bytes.length + updateOverheadBytes;
      const { update, association, sequence } = each;
      if (update.kind === "phaseEntered" && update.phase === "closed")
        this.#ending.set(association, sequence);
      else if (update.kind === "opened") this.#ending.delete(association);
    }
  }

  /** The secondary holds everything up to `sequence`; true when that was the end of the association. */
  acknowledge(association: number, sequence: number): boolean {
    this.#updates = this.#updates.filter((each) => {
      if (each.association !== association || each.sequence > sequence) return true;
      this.#bytes -= each.bytes.length + updateOverheadBytes;
      return false;
    });
    const end = this.#ending.get(association);
    if (end === undefined || end > sequence) return false;
    this.#ending.delete(association);
    return true;
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
