import type { AckTimeline } from "./books.ts";
import type { HostUpdate } from "./history.ts";

/** Clocks drift: only updates this close in time say something about each other. */
const bucketMicros = 1_000_000;

interface Bounds {
  /** What to add to a stamp of the secondary at least and at most to get the primary's clock. */
  least: number;
  most: number;
}

const unbounded = (): Bounds => ({ least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY });

/**
 * The secondary's clock against the primary's, from causes and effects alone: an update is made before
 * it is held, and held before that is known. Every update bounds the difference of the two clocks, and
 * the fastest ones do so within the time of one way over the cluster link.
 */
export class CausalClock {
  readonly #buckets = new Map<number, Bounds>();

  constructor(updates: readonly HostUpdate[], acks: AckTimeline, primary: string, secondary: string) {
    const made = new Map<string, number>();
    for (const { act, host, epoch, sequence, at } of updates) {
      if (act === "made" && host === primary) made.set(`${epoch}/${sequence}`, at);
    }
    for (const { act, host, epoch, sequence, at } of updates) {
      if (act !== "held" || host !== secondary) continue;
      const bounds = this.#bucket(Math.floor(at / bucketMicros));
      const madeAt = made.get(`${epoch}/${sequence}`);
      if (madeAt !== undefined) bounds.least = Math.max(bounds.least, madeAt - at);
      const knownAt = acks.firstAt(sequence);
      if (knownAt !== undefined) bounds.most = Math.min(bounds.most, knownAt - at);
    }
  }

  /** When, by the primary's clock, it can have been `at` by the secondary's. */
  onPrimary(at: number): { readonly earliest: number; readonly latest: number } {
    const bucket = Math.floor(at / bucketMicros);
    let { least, most } = unbounded();
    for (const near of [bucket - 1, bucket, bucket + 1]) {
      const bounds = this.#buckets.get(near);
      if (bounds === undefined) continue;
      least = Math.max(least, bounds.least);
      most = Math.min(most, bounds.most);
    }
    return { earliest: at + least, latest: at + most };
  }

  #bucket(index: number): Bounds {
    let bounds = this.#buckets.get(index);
    if (bounds === undefined) {
      bounds = unbounded();
      this.#buckets.set(index, bounds);
    }
    return bounds;
  }
}
