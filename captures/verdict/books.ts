import type { History, HostAcked, HostUpdate } from "./history.ts";
import type { Tenure } from "./tenures.ts";
import type { Tsn } from "../../agents/sctp/base/serial.ts";
import { tsn, tsnDistance } from "../../agents/sctp/base/serial.ts";

/** An update that the holder held, and since when by its own clock. */
export interface HeldUpdate {
  readonly at: number;
  readonly sequence: number;
  /** Known from the serving member alone, and `at` is when that heard of it: the holder was killed before it wrote it down. */
  readonly isHearsay?: boolean;
}

/** What the holder held, looked up by what a packet promises. */
export interface HeldBooks {
  readonly opened: HeldUpdate | undefined;
  assigned(tsn: number): HeldUpdate | undefined;
  received(tsn: number): HeldUpdate | undefined;
  /** The lowest received TSN that is known, where the set-up was not captured. */
  readonly firstReceived: number | undefined;
}

/** Updates by which the holder holds that a TSN was received, whatever became of the chunk. */
const countsAsReceived: ReadonlySet<string> = new Set(["dataReceived", "dataDelivered", "dataDiscarded"]);

/** One update for each TSN, and the one that opened the association. */
class Pages {
  readonly assigned = new Map<number, HostUpdate>();
  readonly received = new Map<number, HostUpdate>();
  opened: HostUpdate | undefined;

  /** @param before whether the first is to be kept rather than the second */
  constructor(updates: Iterable<HostUpdate>, before: (one: HostUpdate, other: HostUpdate) => boolean) {
    const keep = (map: Map<number, HostUpdate>, update: HostUpdate): void => {
      if (update.tsn === undefined) return;
      const known = map.get(update.tsn);
      if (known === undefined || before(update, known)) map.set(update.tsn, update);
    };
    for (const update of updates) {
      if (update.change === "tsnAssigned") keep(this.assigned, update);
      else if (countsAsReceived.has(update.change)) keep(this.received, update);
      else if (update.change === "opened" && (this.opened === undefined || before(update, this.opened)))
        this.opened = update;
    }
  }
}

const earlier = (one: HeldUpdate | undefined, other: HeldUpdate | undefined): HeldUpdate | undefined => {
  if (one === undefined || other === undefined) return one ?? other;
  return one.at <= other.at ? one : other;
};

/**
 * A keeper says that it was synchronised, and not with what: with all that the serving member had made when it
 * said the same, because it says so once everything is on its way.
 */
function synchronisations({ events, updates }: History, holder: string, tenure: Tenure): HeldUpdate[] {
  const { host, epoch, fromUs, toUs = Number.POSITIVE_INFINITY } = tenure;
  const by = (name: string): number[] =>
    events.filter((each) => each.name === "synchronised" && each.host === name).map(({ at }) => at);
  const sentAt = by(host).filter((at) => at >= fromUs && at < toUs);
  return by(holder).flatMap((at) => {
    const sent = sentAt.findLast((each) => each <= at);
    if (sent === undefined) return [];
    const made = updates.findLast(
      (each) => each.act === "made" && each.host === host && each.epoch === epoch && each.at <= sent,
    );
    return made === undefined ? [] : [{ at, sequence: made.sequence }];
  });
}

/**
 * A holder that was killed took the last of its records along: of what it had not written down, the serving member
 * knows what was acknowledged.
 */
function hearsay(
  { faults, acked }: History,
  holder: string,
  tenure: Tenure,
  own: readonly HostUpdate[],
): (update: HostUpdate | undefined) => HeldUpdate | undefined {
  if (!faults.some(({ fault, host }) => fault === "kill" && host === holder)) return () => undefined;
  const { fromUs, toUs = Number.POSITIVE_INFINITY } = tenure;
  const heard = new AckTimeline(
    acked.filter(({ host, at }) => host === tenure.host && at >= fromUs && at < toUs),
  );
  const written = own.reduce((highest, { sequence }) => Math.max(highest, sequence), 0);
  return (update) => {
    if (update === undefined || update.epoch !== tenure.epoch || update.sequence <= written) return undefined;
    const at = heard.firstAt(update.sequence);
    return at === undefined ? undefined : { at, sequence: update.sequence, isHearsay: true };
  };
}

/**
 * Up to the TSN of a `dataSkipped` everything counts as received, whatever never came (RFC 3758 section 3.6): a peer
 * that went on from an older state, as a cluster may, has moved the cumulative TSN on by FORWARD TSN.
 */
function passedOver(own: readonly HostUpdate[], received: number): HeldUpdate | undefined {
  return own.find(
    ({ change, tsn: upTo }) =>
      change === "dataSkipped" && upTo !== undefined && tsnDistance(tsn(received), tsn(upTo)) >= 0,
  );
}

/**
 * What `holder` held of what was so when `tenure` served: update by update; with a whole state, which it writes
 * down as `opened` with the number of the last update in it; and, after a switch-over, what it had itself.
 *
 * @param keeps whether it goes on holding what it held of earlier tenures, as a store does
 */
export function readHeldBooks(history: History, holder: string, tenure: Tenure, keeps: boolean): HeldBooks {
  const { updates } = history;
  const own = updates.filter(
    ({ act, host, epoch }) =>
      act === "held" && host === holder && (epoch === tenure.epoch || (keeps && epoch < tenure.epoch)),
  );
  const held = new Pages(own, (one, other) => one.at < other.at);
  const wholes: HeldUpdate[] = [
    ...own.filter(({ change }) => change === "opened"),
    ...synchronisations(history, holder, tenure),
  ].toSorted((one, other) => one.at - other.at);
  const known = new Pages(
    // A whole state, which is written down as `opened` too, is not when the association was opened.
    updates.filter(({ epoch, change, sequence }) => {
      return epoch <= tenure.epoch && (change !== "opened" || sequence === 1);
    }),
    // After a roll-back a TSN may have been received by two updates: the later epoch's is the one that counts.
    (one, other) => one.epoch > other.epoch || (one.epoch === other.epoch && one.at < other.at),
  );
  const asAWhole = (update: HostUpdate | undefined): HeldUpdate | undefined => {
    if (update === undefined) return undefined;
    const { sequence, epoch } = update;
    if (tenure.began === "handover" && epoch < tenure.epoch) return { at: tenure.fromUs, sequence };
    return wholes.find((whole) => whole.sequence >= sequence);
  };
  const heard = hearsay(history, holder, tenure, own);
  const heldOf = (book: HostUpdate | undefined, update: HostUpdate | undefined): HeldUpdate | undefined =>
    earlier(book, asAWhole(update)) ?? heard(update);
  return {
    opened: heldOf(held.opened, known.opened),
    assigned: (tsn) => heldOf(held.assigned.get(tsn), known.assigned.get(tsn)),
    received: (tsn) => heldOf(held.received.get(tsn), known.received.get(tsn)) ?? passedOver(own, tsn),
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
        isHearsay: before.isHearsay === true || next.isHearsay === true,
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
