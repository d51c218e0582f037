import type { AssociationUpdate, Tsn } from "../sctp/index.ts";
import { Coverage } from "./coverage.ts";

/** Something that may leave once the updates of its association that it depends on are covered. */
export interface Gated<T> {
  readonly association: number;
  /** Number of the last update that it depends on; 0: on none. */
  readonly dependsOn: number;
  readonly item: T;
}

/** What covers an update beside the holder's acknowledgement. */
export interface ReleaseRule {
  /** The policy is an asynchronous one: see `excuseOf` for what it excuses. */
  readonly excuses: boolean;
  /** There is no holder to wait for: everything is excused. */
  readonly solo: boolean;
}

interface Waiting<T> {
  readonly gated: Gated<T>;
  /** Order in which things came. */
  readonly arrival: number;
}

/** One association: what of it is covered, and what waits for more. */
interface Lane<T> {
  readonly coverage: Coverage;
  /** By `dependsOn`, each in the order of arrival. */
  readonly waiting: Map<number, Waiting<T>[]>;
  /** Nothing that waits depends on this update or one before it. */
  openTo: number;
}

/**
 * Holds what depends on updates until these are covered: held by the holder, or excused by the rule in force.
 * What is covered passes at once and may overtake; what is released together leaves in the order in
 * which it came. With the rule `{ excuses: false, solo: false }` this is output commit.
 */
export class CommitGate<T> {
  readonly #lanes: Map<number, Lane<T>> = new Map<number, Lane<T>>();
  #rule: ReleaseRule;
  #waiting: number = 0;
  #arrivals: number = 0;

  /** `solo`: there is no holder to wait for. */
  constructor(solo: boolean) {
    this.#rule = { excuses: false, solo };
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Call with every update in its order, before what depends on it is submitted. */
  note(association: number, sequence: number, update: AssociationUpdate): void {
    const { solo } = this.#rule;
    if (solo && update.kind === "phaseEntered" && update.phase === "closed") this.forget(association);
    else this.#lane(association).coverage.note(sequence, update, solo);
  }

  /** What may leave at once: the thing itself, or nothing for the moment. */
  submit(gated: Gated<T>): Gated<T>[] {
    if (this.#rule.solo || gated.dependsOn === 0) return [gated];
    const lane = this.#lane(gated.association);
    if (gated.dependsOn <= lane.coverage.coveredUpTo(this.#rule.excuses)) return [gated];
    lane.openTo = Math.min(lane.openTo, gated.dependsOn - 1);
    const entry = { gated, arrival: this.#arrivals++ };
    const others = lane.waiting.get(gated.dependsOn);
    if (others === undefined) lane.waiting.set(gated.dependsOn, [entry]);
    else others.push(entry);
    this.#waiting += 1;
    return [];
  }

  /** The holder holds all updates of an association up to `sequence`: answers what may leave now. */
  acknowledge(association: number, sequence: number): Gated<T>[] {
    const lane = this.#lane(association);
    return lane.coverage.acknowledge(sequence) ? inOrder(this.#open(lane)) : [];
  }

  heldUpTo(association: number): number {
    return this.#lanes.get(association)?.coverage.heldUpTo ?? 0;
  }

  /** A lease goes to the holder; only then its acknowledgement counts. */
  leaseWritten(association: number, limitTsn: Tsn): void {
    this.#lane(association).coverage.leaseWritten(limitTsn);
  }

  /** The holder knows the lease up to `limitTsn`: answers what may leave now. */
  leaseHeld(association: number, limitTsn: Tsn): Gated<T>[] {
    const lane = this.#lanes.get(association);
    return lane?.coverage.leaseHeld(limitTsn) === true ? inOrder(this.#open(lane)) : [];
  }

  /** Whether the next lease is to be written: less than half a block is left of the last one. */
  leaseDue(association: number, nextTsn: Tsn, blockTsns: number): boolean {
    return this.#lanes.get(association)?.coverage.leaseDue(nextTsn, blockTsns) ?? true;
  }

  /** Another rule for what waits and for what comes: answers what may leave under it. */
  setRule(rule: ReleaseRule): Gated<T>[] {
    const before = this.#rule;
    this.#rule = rule;
    if (before.solo === rule.solo && before.excuses === rule.excuses) return [];
    const released: Waiting<T>[] = [];
    for (const lane of this.#lanes.values()) {
      if (before.solo && !rule.solo) lane.coverage.endSolo();
      if (before.excuses && !rule.excuses) lane.coverage.endLeases();
      for (const entry of this.#open(lane)) released.push(entry);
    }
    return inOrder(released);
  }

  /** The holder is gone. The next one must get whole states: nothing counts as held until it says so. */
  holderLost(): void {
    for (const lane of this.#lanes.values()) lane.coverage.holderLost();
  }

  /** Call when the holder holds the end of an association: nothing of it comes any more. */
  forget(association: number): void {
    for (const entries of this.#lanes.get(association)?.waiting.values() ?? [])
      this.#waiting -= entries.length;
    this.#lanes.delete(association);
  }

  #lane(association: number): Lane<T> {
    let lane = this.#lanes.get(association);
    if (lane === undefined) {
      lane = { coverage: new Coverage(), waiting: new Map<number, Waiting<T>[]>(), openTo: 0 };
      this.#lanes.set(association, lane);
    }
    return lane;
  }

  /**
   * Takes out what is covered now. Looks at each number that came under the cover once, or at all that waits
   * where that is less, so that an acknowledgement costs what it sets free.
   */
  #open(lane: Lane<T>): Waiting<T>[] {
    const { coverage, waiting, openTo } = lane;
    const coveredTo = this.#rule.solo ? Number.POSITIVE_INFINITY : coverage.coveredUpTo(this.#rule.excuses);
    if (coveredTo <= openTo) return [];
    lane.openTo = coveredTo;
    const released: Waiting<T>[] = [];
    const take = (dependsOn: number): void => {
      const entries = waiting.get(dependsOn);
      if (entries === undefined) return;
      waiting.delete(dependsOn);
      for (const entry of entries) released.push(entry);
    };
    if (coveredTo - openTo > waiting.size) {
      for (const dependsOn of waiting.keys()) if (dependsOn <= coveredTo) take(dependsOn);
    } else for (let dependsOn = openTo + 1; dependsOn <= coveredTo; dependsOn++) take(dependsOn);
    this.#waiting -= released.length;
    return released;
  }
}

function inOrder<T>(released: Waiting<T>[]): Gated<T>[] {
  return released.sort((a, b) => a.arrival - b.arrival).map(({ gated }) => gated);
}
