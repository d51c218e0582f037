import { writeLease } from "../sctp/index.ts";
import type { CommitGate } from "./commit-gate.ts";
import type { ClusterFrame } from "./frames.ts";
import type { StateSource } from "./full-synchronisation.ts";

/** TSNs of one lease: few enough that no peer takes the gap behind it for nonsense. */
const leaseBlockTsns = 512;

/** Writes leases ahead of what is sent, so that nothing waits for one while the holder answers. */
export class TsnLeases {
  readonly #epoch: number;
  readonly #source: StateSource;
  readonly #gate: Pick<CommitGate<unknown>, "leaseDue" | "leaseWritten">;

  constructor(
    epoch: number,
    source: StateSource,
    gate: Pick<CommitGate<unknown>, "leaseDue" | "leaseWritten">,
  ) {
    this.#epoch = epoch;
    this.#source = source;
    this.#gate = gate;
  }

  /** For the holder: the next leases of those of these associations that have less than half a block left. */
  renew(associations: Iterable<number>): ClusterFrame[] {
    const frames: ClusterFrame[] = [];
    for (const association of new Set(associations)) {
      const state = this.#source.state(association);
      if (state === undefined || !this.#gate.leaseDue(association, state.send.nextTsn, leaseBlockTsns))
        continue;
      const lease = writeLease(state, leaseBlockTsns);
      this.#gate.leaseWritten(association, lease.limitTsn);
      frames.push({ kind: "lease", epoch: this.#epoch, association, lease });
    }
    return frames;
  }
}
