import type { AssociationState, TsnLease } from "../sctp/index.ts";
import { applyUpdate, openState, stateFlaw, updateFlaw } from "../sctp/index.ts";
import type { ReplicatedUpdate } from "./frames.ts";
import { PayloadShelf } from "./payload-shelf.ts";
import { decodeUpdate, encodeUpdate } from "./update-codec.ts";

/** What a computer holds for others at most. */
export interface HeldLimits {
  readonly maxAssociations: number;
  /** User data and what goes with it, of all associations together. */
  readonly maxBytes: number;
}

const unlimited: HeldLimits = {
  maxAssociations: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};

export type Held =
  /** `heldUpTo`: what is held of each association that was spoken of, by the number of its last update. */
  | { readonly ok: true; readonly heldUpTo: ReadonlyMap<number, number> }
  /**
   * What came cannot be taken over; `reason` in a few words. It may end in the middle of a turn of the
   * primary: nobody goes on from what is held before the next synchronisation.
   */
  | { readonly ok: false; readonly reason: string };

/** More than a primary can have ended without a word of it from us: its backlog is bounded too. */
const maxEndedRemembered = 65_536;
/** What a state, and each thing in it, takes beside its bytes. */
const stateOverheadBytes = 2048;
const itemOverheadBytes = 128;

interface Entry {
  readonly state: AssociationState;
  /** Payloads of abandoned chunks that are still in `state`, which does not count them. */
  abandonedBytes: number;
  bytes: number;
  lease: TsnLease | undefined;
}

/**
 * Copies of association states that another computer runs, kept in step by its updates through the same
 * reducer. What comes is not trusted: an update that does not fit is refused, and nothing of it is applied.
 */
export class HeldStates {
  readonly #limits: HeldLimits;
  readonly #entries: Map<number, Entry> = new Map<number, Entry>();
  readonly #shelf: PayloadShelf = new PayloadShelf();
  /** Number of the last update of associations that ended, oldest first: a primary may send it again. */
  readonly #ended: Map<number, number> = new Map<number, number>();
  #bytes: number = 0;
  #mayLag: boolean = false;

  constructor(limits: HeldLimits = unlimited) {
    this.#limits = limits;
  }

  /** Packets may have left that depend on more than what is held here. */
  get mayLag(): boolean {
    return this.#mayLag;
  }

  /** Whether the primary's policy excuses what is not held; where it does not, its leases are over. */
  holdPolicy(excuses: boolean): void {
    this.#mayLag = excuses;
    if (!excuses) for (const entry of this.#entries.values()) entry.lease = undefined;
  }

  /** What an instance has that was the primary until now. */
  adopt(states: readonly AssociationState[]): void {
    for (const state of states) this.#put(state.agreement.localTag, state);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Associations that ended, as far as they are remembered. */
  get endedCount(): number {
    return this.#ended.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** By the number that the primary gave to the association. */
  states(): Map<number, AssociationState> {
    return new Map([...this.#entries].map(([association, { state }]) => [association, state]));
  }

  state(association: number): AssociationState | undefined {
    return this.#entries.get(association)?.state;
  }

  lease(association: number): TsnLease | undefined {
    return this.#entries.get(association)?.lease;
  }

  /**
   * Applies updates in their order; those that are held already are passed over. `beforeEach` is called
   * before an update is applied, with the state that it changes (undefined for `opened`).
   */
  hold(
    updates: readonly ReplicatedUpdate[],
    beforeEach: (update: ReplicatedUpdate, state: AssociationState | undefined) => void = () => undefined,
  ): Held {
    const heldUpTo = new Map<number, number>();
    for (const each of updates) {
      const { association, sequence } = each;
      const known = this.#known(association);
      heldUpTo.set(association, Math.max(known, sequence));
      // Sent again after a broken link: it was held before, and the word of that was lost.
      if (sequence <= known) continue;
      const reason = this.#flaw(each) ?? this.#lackOfRoom(each);
      if (reason !== undefined) return { ok: false, reason };
      this.#apply(each, beforeEach);
    }
    return { ok: true, heldUpTo };
  }

  #known(association: number): number {
    return this.#entries.get(association)?.state.sequence ?? this.#ended.get(association) ?? 0;
  }

  #flaw({ association, update, sequence }: ReplicatedUpdate): string | undefined {
    const state = this.#entries.get(association)?.state;
    if (update.kind === "opened") {
      if (sequence !== update.state.sequence + 1) return "an association is opened under another number";
      return stateFlaw(update.state);
    }
    if (state === undefined) return "an update is about an association that is not held";
    if (sequence !== state.sequence + 1) return "updates have a gap";
    return updateFlaw(state, update);
  }

  #lackOfRoom({ association, update, bytes }: ReplicatedUpdate): string | undefined {
    const { maxAssociations, maxBytes } = this.#limits;
    if (update.kind === "opened" && !this.#entries.has(association) && this.size >= maxAssociations) {
      return `it is full: ${this.size} associations are held`;
    }
    const grows = ["opened", "messageQueued", "dataReceived", "userStateSaved"].includes(update.kind);
    return grows && this.#bytes + bytes.length > maxBytes ? this.#fullText() : undefined;
  }

  #fullText(): string {
    return `it is full: ${this.#bytes} bytes are held`;
  }

  #apply(
    each: ReplicatedUpdate,
    beforeEach: (update: ReplicatedUpdate, state: AssociationState | undefined) => void,
  ): void {
    const { association, update, sequence } = each;
    if (update.kind === "opened") {
      beforeEach(each, undefined);
      this.#drop(association);
      this.#put(association, openState(update));
      return;
    }
    const entry = this.#entries.get(association);
    if (entry === undefined) return;
    const { state } = entry;
    beforeEach(each, state);
    applyUpdate(state, this.#shelf.lasting(update));
    if (state.phase === "closed") {
      this.#drop(association);
      this.#rememberEnd(association, sequence);
      return;
    }
    if (update.kind === "abandoned" || entry.abandonedBytes > 0) entry.abandonedBytes = abandonedBytes(state);
    this.#measure(entry);
  }

  /** Puts a state in the place of what is held of the association, its lease excepted. */
  #put(association: number, state: AssociationState): void {
    const { lease } = this.#entries.get(association) ?? { lease: undefined };
    this.#drop(association);
    this.#ended.delete(association);
    const entry: Entry = { state, abandonedBytes: abandonedBytes(state), bytes: 0, lease };
    this.#entries.set(association, entry);
    this.#measure(entry);
  }

  #measure(entry: Entry): void {
    this.#bytes -= entry.bytes;
    entry.bytes = bytesOf(entry.state) + entry.abandonedBytes;
    this.#bytes += entry.bytes;
  }

  #drop(association: number): void {
    this.#bytes -= this.#entries.get(association)?.bytes ?? 0;
    this.#entries.delete(association);
  }

  #rememberEnd(association: number, sequence: number): void {
    this.#ended.delete(association);
    this.#ended.set(association, sequence);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > maxEndedRemembered && oldest !== undefined) this.#ended.delete(oldest);
  }

  /** A whole state, as the bytes of a `state` frame: it takes the place of what is held of the association. */
  replace(association: number, bytes: Uint8Array): Held {
    const update = decodeUpdate(bytes);
    if (update?.kind !== "opened") return { ok: false, reason: "a state cannot be read" };
    const reason = stateFlaw(update.state) ?? this.#lackOfRoomFor(association, bytes);
    if (reason !== undefined) return { ok: false, reason };
    const state = openState(update);
    if (state.phase === "closed") {
      this.#drop(association);
      this.#rememberEnd(association, state.sequence);
    } else this.#put(association, state);
    return { ok: true, heldUpTo: new Map([[association, state.sequence]]) };
  }

  #lackOfRoomFor(association: number, { length }: Uint8Array): string | undefined {
    const entry = this.#entries.get(association);
    if (entry === undefined && this.size >= this.#limits.maxAssociations) {
      return `it is full: ${this.size} associations are held`;
    }
    return this.#bytes - (entry?.bytes ?? 0) + length > this.#limits.maxBytes ? this.#fullText() : undefined;
  }

  /** False when the association is not held: it may have ended since. */
  holdLease(association: number, lease: TsnLease): boolean {
    const entry = this.#entries.get(association);
    if (entry === undefined) return false;
    entry.lease = lease;
    return true;
  }

  /** Drops all others. */
  retain(associations: ReadonlySet<number>): void {
    for (const association of [...this.#entries.keys()])
      if (!associations.has(association)) this.#drop(association);
  }
}

/** A held state as the bytes of a `state` frame. */
export const stateBytes = (state: AssociationState): Uint8Array =>
  encodeUpdate({ kind: "opened", state: { ...state, sequence: state.sequence - 1 } });

function bytesOf({ send, receive, userState }: AssociationState): number {
  const items =
    send.queuedMessages +
    send.outstanding.length +
    send.streams.size +
    receive.buffered.size +
    receive.above.length +
    receive.partial.length +
    receive.unorderedSkips.size;
  const dataBytes = send.queuedBytes + send.outstandingBytes + receive.bufferedBytes + userState.length;
  return stateOverheadBytes + items * itemOverheadBytes + dataBytes;
}

function abandonedBytes({ send }: AssociationState): number {
  let bytes = 0;
  for (const chunk of send.outstanding) if (chunk.abandoned) bytes += chunk.payload.length;
  return bytes;
}
