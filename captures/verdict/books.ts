import type { Guard } from "./guard.ts";
import type { HostAcked, HostUpdate } from "./history.ts";
import type { Tenure } from "./tenures.ts";
import type { Tsn } from "../../agents/sctp/base/serial.ts";
import { tsn, tsnDistance } from "../../agents/sctp/base/serial.ts";

/** An update that the holder held, and since when by its own clock. */
export interface HeldUpdate {
  readonly at: number;
  readonly sequence: number;
}

/** What the holder held, looked up by what a packet promises. */
export interface HeldBooks {
  readonly opened: HeldUpdate | undefined;
  assigned(tsn: number): HeldUpdate | undefined;
  received(tsn: number): HeldUpdate | undefined;
  /** The holder wrote down something of this tenure at all. */
  readonly kept: boolean;
  /** The lowest received TSN that is known, where the set-up was not captured. */
  readonly firstReceived: number | undefined;
}

type ByTsn = Map<number, HeldUpdate>;

function keepEarliest(map: ByTsn, update: HostUpdate): void {
  if (update.tsn === undefined) return;
  const known = map.get(update.tsn);
  if (known === undefined || update.at < known.at) {
    map.set(update.tsn, { at: update.at, sequence: update.sequence });
  }
}

/** Updates by which the holder holds that a TSN was received, whatever became of the chunk. */
const countsAsReceived: ReadonlySet<string> = new Set(["dataReceived", "dataDelivered", "dataDiscarded"]);

interface Pages {
  readonly assigned: ByTsn;
  readonly received: ByTsn;
  opened: HeldUpdate | undefined;
}

function readPages(updates: readonly HostUpdate[], wanted: (update: HostUpdate) => boolean): Pages {
  const pages: Pages = { assigned: new Map(), received: new Map(), opened: undefined };
  for (const update of updates) {
    if (!wanted(update)) continue;
    if (update.change === "tsnAssigned") keepEarliest(pages.assigned, update);
    else if (countsAsReceived.has(update.change)) keepEarliest(pages.received, update);
    else if (update.change === "opened" && (pages.opened === undefined || update.at < pages.opened.at)) {
      pages.opened = { at: update.at, sequence: update.sequence };
    }
  }
  return pages;
}

/**
 * What `holder` held of what `tenure` changed: update by update, and what was known to the serving member when
 * all its state was synchronised, which from then on is held as a whole.
 */
export function readHeldBooks(
  updates: readonly HostUpdate[],
  holder: string,
  tenure: Tenure,
  guard: Guard,
): HeldBooks {
  const held = readPages(
    updates,
    ({ act, host, epoch }) => act === "held" && host === holder && epoch === tenure.epoch,
  );
  const known = readPages(updates, ({ host, act, epoch }) =>
    act === "made" ? epoch <= tenure.epoch : epoch < tenure.epoch || host === holder,
  );
  const asAWhole = (update: HeldUpdate | undefined): HeldUpdate | undefined => {
    if (update === undefined) return undefined;
    const at = guard.synchronisedAfter(update.at);
    return at === undefined ? undefined : { at, sequence: update.sequence };
  };
  const earlier = (one: HeldUpdate | undefined, other: HeldUpdate | undefined): HeldUpdate | undefined => {
    if (one === undefined || other === undefined) return one ?? other;
    return one.at <= other.at ? one : other;
  };
  return {
    opened: earlier(held.opened, asAWhole(known.opened)),
    assigned: (tsn) => earlier(held.assigned.get(tsn), asAWhole(known.assigned.get(tsn))),
    received: (tsn) => earlier(held.received.get(tsn), asAWhole(known.received.get(tsn))),
    kept: held.assigned.size + held.received.size > 0 || held.opened !== undefined,
    firstReceived: held.received.keys().next().value,
  };
}

/**
 * Since when everything from the first TSN up to a cumulative TSN was held. Answers must be asked for
 * in any order; the work is done once per TSN.
 */
export class HeldThrough {
  readonly #first: Tsn;
  readonly #received: (tsn: number) => HeldUpdate | undefined;
  /** Entry n: the latest and highest of the updates for the first n + 1 TSNs. Ends at the first that is missing. */
  readonly #latest: HeldUpdate[] = [];

  constructor(first: number, received: (tsn: number) => HeldUpdate | undefined) {
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
      const next = this.#received((this.#first + this.#latest.length) >>> 0);
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
