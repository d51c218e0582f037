import type { HostAcked, HostUpdate } from "./history.ts";
import type { Tsn } from "../../agents/sctp/base/serial.ts";
import { tsn, tsnDistance } from "../../agents/sctp/base/serial.ts";

/** An update that the secondary instance held, and since when by its own clock. */
export interface HeldUpdate {
  readonly at: number;
  readonly sequence: number;
}

/** What the secondary instance held, looked up by what a packet promises. */
export interface HeldBooks {
  readonly opened?: HeldUpdate;
  readonly assigned: ReadonlyMap<number, HeldUpdate>;
  readonly received: ReadonlyMap<number, HeldUpdate>;
}

function keepEarliest(map: Map<number, HeldUpdate>, update: HostUpdate): void {
  if (update.tsn === undefined) return;
  const known = map.get(update.tsn);
  if (known === undefined || update.at < known.at) {
    map.set(update.tsn, { at: update.at, sequence: update.sequence });
  }
}

/** Updates by which the secondary holds that a TSN was received, whatever became of the chunk. */
const countsAsReceived: ReadonlySet<string> = new Set(["dataReceived", "dataDelivered", "dataDiscarded"]);

/** @param host name of the secondary */
export function readHeldBooks(updates: readonly HostUpdate[], host: string): HeldBooks {
  const assigned = new Map<number, HeldUpdate>();
  const received = new Map<number, HeldUpdate>();
  let opened: HeldUpdate | undefined;
  for (const update of updates) {
    if (update.act !== "held" || update.host !== host) continue;
    if (update.change === "tsnAssigned") keepEarliest(assigned, update);
    else if (countsAsReceived.has(update.change)) keepEarliest(received, update);
    else if (update.change === "opened" && (opened === undefined || update.at < opened.at)) {
      opened = { at: update.at, sequence: update.sequence };
    }
  }
  return { assigned, received, ...(opened === undefined ? {} : { opened }) };
}

/**
 * Since when everything from the first TSN up to a cumulative TSN was held. Answers must be asked for
 * in any order; the work is done once per TSN.
 */
export class HeldThrough {
  readonly #first: Tsn;
  readonly #received: ReadonlyMap<number, HeldUpdate>;
  /** Entry n: the latest and highest of the updates for the first n + 1 TSNs. Ends at the first that is missing. */
  readonly #latest: HeldUpdate[] = [];

  constructor(first: number, received: ReadonlyMap<number, HeldUpdate>) {
    this.#first = tsn(first);
    this.#received = received;
  }

  /** Steps from the first TSN; negative: the cumulative TSN is older than all data. */
  stepsTo(cumulativeTsn: number): number {
    return tsnDistance(this.#first, tsn(cumulativeTsn));
  }

  /** Undefined: at least one TSN up to `cumulativeTsn` was never held. */
  lookUp(cumulativeTsn: number): HeldUpdate | undefined {
    const steps = this.stepsTo(cumulativeTsn);
    while (this.#latest.length <= steps) {
      const next = this.#received.get((this.#first + this.#latest.length) >>> 0);
      if (next === undefined) return undefined;
      const before = this.#latest.at(-1) ?? next;
      this.#latest.push({
        at: Math.max(before.at, next.at),
        sequence: Math.max(before.sequence, next.sequence),
      });
    }
    return this.#latest[steps];
  }
}

/** When the primary learned that the secondary holds a sequence, by the primary's clock. */
export class AckTimeline {
  readonly #sequences: number[] = [];
  readonly #times: number[] = [];

  /** @param acked records of one host, oldest first */
  constructor(acked: readonly HostAcked[]) {
    for (const record of acked) {
      const highest = this.#sequences.at(-1);
      if (highest !== undefined && record.sequence <= highest) continue;
      this.#sequences.push(record.sequence);
      this.#times.push(record.at);
    }
  }

  get empty(): boolean {
    return this.#sequences.length === 0;
  }

  /** The first instant at which `sequence` was known to be held; undefined: never. */
  firstAt(sequence: number): number | undefined {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sequences[middle] as number) >= sequence) high = middle;
      else low = middle + 1;
    }
    return this.#times[low];
  }
}
