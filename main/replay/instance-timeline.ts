import { decodeUpdate } from "../../agents/replica/index.ts";
import type { AssociationState } from "../../agents/sctp/index.ts";
import { applyUpdate, cloneAssociationState, openState } from "../../agents/sctp/index.ts";
import type { HostUpdate } from "../../captures/verdict/history.ts";

/** A copy of the state is kept after so many updates, so that any instant is a short way from one. */
const updatesPerCopy = 2000;

interface Copy {
  readonly index: number;
  readonly state: AssociationState;
}

/** The copy of the association state that one host had, at any instant: a fold of what it recorded. */
export class InstanceTimeline {
  readonly #updates: readonly HostUpdate[];
  readonly #copies: Copy[] = [];

  /** `updates` of one host in order of time. */
  constructor(updates: readonly HostUpdate[]) {
    this.#updates = updates;
  }

  /** The state after all updates at or before `atUs`; undefined before the first. */
  at(atUs: number): AssociationState | undefined {
    const end = this.#countUntil(atUs);
    const copy = this.#copies.findLast((each) => each.index <= end);
    let state = copy === undefined ? undefined : cloneAssociationState(copy.state);
    for (let index = copy?.index ?? 0; index < end; index++) {
      state = this.#applied(state, index);
      const due = (this.#copies.at(-1)?.index ?? 0) + updatesPerCopy;
      if (state !== undefined && index + 1 >= due) {
        this.#copies.push({ index: index + 1, state: cloneAssociationState(state) });
      }
    }
    return state;
  }

  /** The last update at or before an instant. */
  lastUpdate(atUs: number): HostUpdate | undefined {
    return this.#updates[this.#countUntil(atUs) - 1];
  }

  #countUntil(atUs: number): number {
    let low = 0;
    let high = this.#updates.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#updates[middle]?.at ?? 0) <= atUs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What is missing in the record leaves the state as it is: the difference to the other copy then shows. */
  #applied(state: AssociationState | undefined, index: number): AssociationState | undefined {
    const record = this.#updates[index];
    if (record === undefined) return state;
    const buffer = Buffer.from(record.bytes, "base64");
    const update = decodeUpdate(new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length));
    if (update === undefined) return state;
    if (update.kind === "opened") return openState(update);
    if (state === undefined || record.sequence !== state.sequence + 1) return state;
    applyUpdate(state, update);
    return state;
  }
}
