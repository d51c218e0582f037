import type { AssociationUpdate, Tsn } from "../sctp/index.ts";
import { Fifo, tsnDistance, tsnLess } from "../sctp/index.ts";
import { excuseOf } from "./policy/index.ts";

/** Updates that an asynchronous policy does not excuse, or excuses only below the lease: one, or a whole past. */
interface Demand {
  readonly first: number;
  readonly last: number;
  /** Undefined: structural, the holder must have it. */
  readonly tsn: Tsn | undefined;
}

/**
 * Which updates of one association are covered: held by the holder, or excused by the policy. All that is
 * asked is how far they are covered without a gap. Every update passes in and out once, so the cost of an
 * update does not depend on how many wait.
 */
export class Coverage {
  #heldUpTo: number = 0;
  /** Number of the last update that was made. */
  #made: number = 0;
  /** Not covered by an acknowledgement or a lease yet, in their order. */
  readonly #demands: Fifo<Demand> = new Fifo<Demand>();
  /** First TSN that the lease known to the holder does not cover. */
  #limitTsn: Tsn | undefined;
  /** Leases that were written and are not known to the holder yet. */
  readonly #writtenLimits: Fifo<Tsn> = new Fifo<Tsn>();

  get heldUpTo(): number {
    return this.#heldUpTo;
  }

  /** Every update, in its order. `solo`: there is no holder that could get it. */
  note(sequence: number, update: AssociationUpdate, solo: boolean): void {
    // It was not followed from its beginning: what was before is one whole.
    const before = sequence - 1;
    if (this.#made === 0 && before > this.#heldUpTo) this.#demand(this.#heldUpTo + 1, before);
    this.#made = sequence;
    if (update.kind === "outboundTsnReset") this.#forgetLeases();
    if (solo) return;
    const excuse = excuseOf(update);
    if (excuse.kind === "structural") this.#demand(sequence, sequence);
    else if (excuse.kind === "leased" && !this.#isLeased(excuse.tsn)) {
      this.#demand(sequence, sequence, excuse.tsn);
    }
  }

  #demand(first: number, last: number, tsn?: Tsn): void {
    this.#demands.push({ first, last, tsn });
  }

  #isLeased(tsn: Tsn | undefined): boolean {
    return tsn !== undefined && this.#limitTsn !== undefined && tsnLess(tsn, this.#limitTsn);
  }

  /** False for an acknowledgement that says nothing new. */
  acknowledge(sequence: number): boolean {
    if (sequence <= this.#heldUpTo) return false;
    this.#heldUpTo = sequence;
    this.#settle();
    return true;
  }

  /** A lease was written and goes to the holder. */
  leaseWritten(limitTsn: Tsn): void {
    this.#writtenLimits.push(limitTsn);
  }

  /** The holder knows a lease. One that was never written, or before an SSN/TSN reset, counts for nothing. */
  leaseHeld(limitTsn: Tsn): boolean {
    if (![...this.#writtenLimits].includes(limitTsn)) return false;
    while (this.#writtenLimits.shift() !== limitTsn);
    this.#limitTsn = limitTsn;
    this.#settle();
    return true;
  }

  /** Whether less than half a block is left of all leases that were written, where the next TSN is `nextTsn`. */
  leaseDue(nextTsn: Tsn, blockTsns: number): boolean {
    const limitTsn = this.#writtenLimits.last ?? this.#limitTsn;
    return limitTsn === undefined || tsnDistance(nextTsn, limitTsn) < blockTsns / 2;
  }

  #forgetLeases(): void {
    this.#limitTsn = undefined;
    this.#writtenLimits.clear();
  }

  /** The next holder has nothing: not before it has a whole state is anything covered. */
  holderLost(): void {
    this.#heldUpTo = 0;
    this.#forgetLeases();
    this.#demandAll();
  }

  /** From now on a holder is waited for; it must have everything that was made until now. */
  endSolo(): void {
    if (this.#heldUpTo < this.#made) this.#demandAll();
  }

  /** From now on every update is waited for, those too that a lease covered: the holder forgets it when it is told. */
  endLeases(): void {
    this.#forgetLeases();
    if (this.#heldUpTo < this.#made) this.#demandAll();
  }

  #demandAll(): void {
    this.#demands.clear();
    if (this.#made > 0) this.#demand(this.#heldUpTo + 1, this.#made);
  }

  #settle(): void {
    for (let first = this.#demands.first; first !== undefined; first = this.#demands.first) {
      if (first.last > this.#heldUpTo && !this.#isLeased(first.tsn)) return;
      this.#demands.shift();
    }
  }

  /** All updates up to this number are covered. `excuses`: the policy is an asynchronous one. */
  coveredUpTo(excuses: boolean): number {
    if (!excuses) return this.#heldUpTo;
    const { first } = this.#demands;
    return Math.max(first === undefined ? this.#made : first.first - 1, this.#heldUpTo);
  }
}
