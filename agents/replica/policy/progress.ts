import type { AssociationState, AssociationUpdate, Tsn } from "../../sctp/index.ts";
import { tsnDistance } from "../../sctp/index.ts";

interface Position {
  readonly inbound: Tsn;
  readonly outbound: Tsn;
}

interface Made {
  readonly association: number;
  readonly update: AssociationUpdate;
}

/** Counts by how much the cumulative TSNs of associations move on, in both directions together. */
export class Progress {
  #tsns: number = 0;
  readonly #positions: Map<number, Position> = new Map<number, Position>();

  get tsns(): number {
    return this.#tsns;
  }

  /** A new beginning of the count; where the associations stand is not forgotten. */
  clear(): void {
    this.#tsns = 0;
  }

  /** `updates` are those of one turn, `stateOf` answers the states at its end. */
  follow(updates: readonly Made[], stateOf: (association: number) => AssociationState | undefined): void {
    const touched = new Set<number>();
    for (const { association, update } of updates) {
      touched.add(association);
      if (update.kind === "opened") this.#positions.set(association, positionOf(update.state));
      // TSNs after a reset have nothing to do with those before (RFC 6525 section 5.2.4).
      if (update.kind === "tsnReset" || update.kind === "outboundTsnReset")
        this.#positions.delete(association);
    }
    for (const association of touched) this.#move(association, stateOf(association));
  }

  #move(association: number, state: AssociationState | undefined): void {
    if (state === undefined) {
      this.#positions.delete(association);
      return;
    }
    const now = positionOf(state);
    const before = this.#positions.get(association);
    if (before !== undefined) {
      this.#tsns += tsnDistance(before.inbound, now.inbound) + tsnDistance(before.outbound, now.outbound);
    }
    this.#positions.set(association, now);
  }
}

const positionOf = ({ receive, send }: AssociationState): Position => ({
  inbound: receive.cumulativeTsn,
  outbound: send.cumulativeAck,
});
