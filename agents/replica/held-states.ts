import type { AssociationState, TsnLease } from "../sctp/index.ts";
import { applyUpdate, deliveredPayload, openState } from "../sctp/index.ts";
import type { ClusterFrame, ReplicatedUpdate } from "./frames.ts";
import type { InstanceRecord } from "./records.ts";
import { deliveryRecord, updateRecord } from "./records.ts";
import { decodeUpdate } from "./update-codec.ts";

/** More than a primary can have ended without a word of it from us: what it may lack is bounded too. */
const maxEndedRemembered = 65_536;

/** What a holder has of one association. */
export interface HeldAssociation {
  readonly state: AssociationState;
  /** TSNs that the primary may use beyond the state, where the policy lets it. */
  lease: TsnLease | undefined;
}

/** What came of a frame of the primary. */
export interface HoldOutcome {
  /** To be said to the primary. */
  readonly answers: readonly ClusterFrame[];
  readonly records: readonly InstanceRecord[];
  /** The frame makes no sense: nothing of it was taken, and the link is to be given up. One sentence. */
  readonly flaw?: string;
}

/** The association states that a holder keeps for a primary, by applying its updates with the same reducer. */
export class HeldStates {
  readonly #held: Map<number, HeldAssociation> = new Map<number, HeldAssociation>();
  /** Number of the last update of associations that ended, oldest first: a primary may send it again. */
  readonly #ended: Map<number, number> = new Map<number, number>();
  #mayLag: boolean = false;
  /** Of an earlier link, and not named on this one yet. */
  #stale: Set<number> = new Set<number>();

  get associations(): ReadonlyMap<number, HeldAssociation> {
    return this.#held;
  }

  get states(): readonly AssociationState[] {
    return [...this.#held.values()].map(({ state }) => state);
  }

  /** Packets may have left that depend on more than what is held here. */
  get mayLag(): boolean {
    return this.#mayLag;
  }

  /** What an instance has that was the primary until now. */
  adopt(states: readonly AssociationState[]): void {
    for (const state of states) this.#held.set(state.agreement.localTag, { state, lease: undefined });
  }

  /** A primary begins to say everything anew: what it does not name until `synced` is no more. */
  beginSynchronisation(): void {
    this.#stale = new Set(this.#held.keys());
  }

  endSynchronisation(): void {
    for (const association of this.#stale) this.#held.delete(association);
    this.#stale.clear();
  }

  receive(frame: ClusterFrame, epoch: number, nowMs: number): HoldOutcome {
    switch (frame.kind) {
      case "updates":
        return this.#hold(frame.updates, frame.epoch, epoch, nowMs);
      case "state":
        return this.#holdState(frame.association, frame.bytes, frame.epoch, epoch, nowMs);
      case "lease": {
        const held = this.#held.get(frame.association);
        // Its state is still to come, with a lease of its own.
        if (held === undefined) return { answers: [], records: [] };
        held.lease = frame.lease;
        const { association } = frame;
        const { limitTsn } = frame.lease;
        return { answers: [{ kind: "leaseHeld", epoch, association, limitTsn }], records: [] };
      }
      case "policy":
        this.#mayLag = frame.excuses;
        if (!frame.excuses) for (const held of this.#held.values()) held.lease = undefined;
        return { answers: [{ ...frame, epoch }], records: [] };
      default:
        return { answers: [], records: [] };
    }
  }

  #holdState(
    association: number,
    bytes: Uint8Array,
    from: number,
    epoch: number,
    nowMs: number,
  ): HoldOutcome {
    const update = decodeUpdate(bytes);
    if (update?.kind !== "opened" || update.state.agreement.localTag !== association)
      return { answers: [], records: [], flaw: "a whole state that cannot be read" };
    const state = openState(update);
    const { sequence } = state;
    this.#held.set(association, { state, lease: undefined });
    this.#stale.delete(association);
    const record = updateRecord("held", { association, sequence, update, bytes }, from, nowMs);
    return { answers: [{ kind: "held", epoch, association, sequence }], records: [record] };
  }

  #hold(updates: readonly ReplicatedUpdate[], from: number, epoch: number, nowMs: number): HoldOutcome {
    const heldUpTo = new Map<number, number>();
    const records: InstanceRecord[] = [];
    for (const each of updates) {
      const { association, sequence } = each;
      const known = this.#held.get(association)?.state.sequence ?? this.#ended.get(association) ?? 0;
      heldUpTo.set(association, Math.max(known, sequence));
      // Said again: it was held before, and the word of that was lost.
      if (sequence <= known && !this.#stale.has(association)) continue;
      const flaw = this.#apply(each, records, nowMs);
      if (flaw !== undefined) return { answers: [], records, flaw };
      records.push(updateRecord("held", each, from, nowMs));
    }
    const answers = [...heldUpTo].map(
      ([association, sequence]) => ({ kind: "held", epoch, association, sequence }) as const,
    );
    return { answers, records };
  }

  #apply(each: ReplicatedUpdate, records: InstanceRecord[], nowMs: number): string | undefined {
    const { association, update, sequence } = each;
    if (update.kind === "opened") {
      this.#held.set(association, { state: openState(update), lease: undefined });
      this.#ended.delete(association);
      this.#stale.delete(association);
      return undefined;
    }
    const state = this.#held.get(association)?.state;
    if (state === undefined || sequence !== state.sequence + 1)
      return `update ${sequence} of association ${association} where ${(state?.sequence ?? 0) + 1} was due`;
    if (update.kind === "delivered" || update.kind === "dataDelivered") {
      const record = deliveryRecord(deliveredPayload(state, update), sequence, nowMs);
      if (record !== undefined) records.push(record);
    }
    applyUpdate(state, update);
    if (state.phase === "closed") this.#end(association, sequence);
    return undefined;
  }

  #end(association: number, sequence: number): void {
    this.#held.delete(association);
    this.#ended.set(association, sequence);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > maxEndedRemembered && oldest !== undefined) this.#ended.delete(oldest);
  }
}
