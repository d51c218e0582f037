import type { AssociationState } from "../sctp/index.ts";
import type { ClusterFrame } from "./frames.ts";
import { stateBytes } from "./held-states.ts";

/** The associations of an instance, as far as replication must know them. */
export interface StateSource {
  associations(): Iterable<number>;
  state(association: number): AssociationState | undefined;
}

/** Bytes of whole states that the holder may not have acknowledged yet. */
const windowBytes = 1024 * 1024;
/** States that are written in one go at most: sending must not pause for long. */
const mostInOneGo = 64;

/** Hands the holder whole states of associations, a few at a time, while the associations go on. */
export class FullSynchronisation {
  readonly #source: StateSource;
  readonly #epoch: number;
  /** Those whose state was not sent yet: their updates are not sent either. */
  readonly #waiting: Set<number>;
  /** States on their way: the number of the last update in it, and its length. */
  readonly #underway: Map<number, { readonly sequence: number; readonly bytes: number }> = new Map();
  #underwayBytes: number = 0;
  readonly size: number;
  readonly startedAtMs: number;
  /** The policy or the operator wants all states there; its end is worth an event. */
  isWanted: boolean = false;
  /** Of all states that were sent. */
  bytes: number = 0;

  constructor(source: StateSource, associations: Set<number>, epoch: number, nowMs: number) {
    this.#source = source;
    this.#epoch = epoch;
    this.#waiting = associations;
    this.size = this.#waiting.size;
    this.startedAtMs = nowMs;
  }

  /** Whether the state of the association, which is still to come, will contain its updates. */
  covers(association: number): boolean {
    return this.#waiting.has(association);
  }

  get waiting(): ReadonlySet<number> {
    return this.#waiting;
  }

  get isSent(): boolean {
    return this.#waiting.size === 0;
  }

  /** The holder has all of them. */
  get isHeld(): boolean {
    return this.isSent && this.#underway.size === 0;
  }

  /** The holder has the association up to this update. */
  held(association: number, sequence: number): void {
    const state = this.#underway.get(association);
    if (state === undefined || sequence < state.sequence) return;
    this.#underway.delete(association);
    this.#underwayBytes -= state.bytes;
  }

  /** The states that may be sent now. */
  next(): ClusterFrame[] {
    const frames: ClusterFrame[] = [];
    for (const association of this.#waiting) {
      if (this.#underwayBytes >= windowBytes || frames.length >= mostInOneGo) break;
      this.#waiting.delete(association);
      const state = this.#source.state(association);
      if (state === undefined) continue;
      const { sequence } = state;
      const bytes = stateBytes(state);
      this.#underway.set(association, { sequence, bytes: bytes.length });
      this.#underwayBytes += bytes.length;
      this.bytes += bytes.length;
      frames.push({ kind: "state", epoch: this.#epoch, association, bytes });
    }
    return frames;
  }
}
