import type { ClusterFrame, Held } from "../replica/index.ts";
import type { HeldLimits } from "../replica/index.ts";
import { HeldStates, stateBytes } from "../replica/index.ts";
import { deliveredPayload } from "../sctp/index.ts";
import type { Delivered } from "./cluster-link.ts";
import type { Sealer } from "./redis-seal.ts";

type Updates = Extract<ClusterFrame, { kind: "updates" }>["updates"];
type Run = { readonly association: number; readonly updates: Updates };

/**
 * So much is written between two states. The log goes back to the last state but one: who reads it learns
 * what was delivered lately, should the process that did it have died with its records.
 */
const longestLogEntries = 512;
const longestLogBytes = 256 * 1024;

/** What the store has of an association. */
interface Stored {
  readonly sequence: number;
  readonly logEntries: number;
  readonly logBytes: number;
}

export type Prepared =
  /** `args`: what the script `write` is to do. `held`: what may be acknowledged when it has done it. */
  | {
      readonly ok: true;
      readonly args: readonly (string | Buffer)[];
      readonly held: ReadonlyMap<number, number>;
    }
  | { readonly ok: false; readonly reason: string };

/**
 * Knows what a store without a mind of its own has, and turns updates into what is to be written there: mostly
 * a piece of log, now and then a whole state, so that the log stays short. For that it keeps the states too.
 */
export class StoreCopy {
  readonly #sealer: Sealer;
  readonly #limits: HeldLimits;
  readonly #delivered: Delivered[] = [];
  #states: HeldStates;
  readonly #stored: Map<number, Stored> = new Map<number, Stored>();

  constructor(sealer: Sealer, limits: HeldLimits) {
    this.#sealer = sealer;
    this.#limits = limits;
    this.#states = new HeldStates(limits);
  }

  /** Forgets everything: what another process stored meanwhile is about to be loaded. */
  clear(): void {
    this.#states = new HeldStates(this.#limits);
    this.#stored.clear();
  }

  /** A new connection: what the server says that it has. */
  found(numbers: readonly (readonly [association: number, sequence: number])[]): void {
    const before = new Map(this.#stored);
    this.#stored.clear();
    for (const [association, sequence] of numbers) {
      const { logEntries = 0, logBytes = 0 } = before.get(association) ?? {};
      this.#stored.set(association, { sequence, logEntries, logBytes });
    }
  }

  associations(): readonly number[] {
    return [...this.#stored.keys()];
  }

  /** Updates of the primary, in their order. */
  updates(updates: Updates, epoch: number): Prepared {
    const held = this.#states.hold(updates);
    if (!held.ok) return held;
    const args: (string | Buffer)[] = [];
    for (const run of runs(updates)) {
      const known = this.#stored.get(run.association)?.sequence ?? 0;
      const fresh = run.updates.filter(({ sequence }) => sequence > known);
      const written = this.#write({ ...run, updates: fresh }, known, epoch);
      if (written === undefined) return { ok: false, reason: "the store lacks what comes before an update" };
      args.push(...written);
    }
    return { ok: true, args, held: held.heldUpTo };
  }

  /** What to write for updates of one association that the store has not; undefined when it lacks more. */
  #write(
    { association, updates }: Run,
    known: number,
    epoch: number,
  ): readonly (string | Buffer)[] | undefined {
    const [first, last] = [updates[0], updates.at(-1)];
    if (first === undefined || last === undefined) return [];
    const stored = this.#stored.get(association);
    const state = this.#states.states().get(association);
    const head = (kind: string): string[] => [
      String(association),
      kind,
      String(first.sequence - 1),
      String(last.sequence),
    ];
    if (state === undefined) {
      // It has ended. Where the store does not know it, that is how it should be.
      this.#stored.delete(association);
      return stored === undefined ? [] : [...head("end"), ""];
    }
    const opens = first.update.kind === "opened";
    if (!opens && first.sequence !== known + 1) return undefined;
    const sealed = this.#sealer.seal(association, { kind: "updates", epoch, updates });
    const logEntries = (opens ? 0 : (stored?.logEntries ?? 0)) + 1;
    const logBytes = (opens ? 0 : (stored?.logBytes ?? 0)) + sealed.length;
    const { sequence } = state;
    const entry = [...head(opens ? "open" : "more"), sealed];
    if (logEntries < longestLogEntries && logBytes < longestLogBytes) {
      this.#stored.set(association, { sequence, logEntries, logBytes });
      return entry;
    }
    this.#stored.set(association, { sequence, logEntries: 0, logBytes: 0 });
    const next = [String(association), "next", String(last.sequence), String(last.sequence)];
    return [...entry, ...next, this.#sealedState(association, stateBytes(state), epoch)];
  }

  #sealedState(association: number, bytes: Uint8Array, epoch: number): Buffer {
    return this.#sealer.seal(association, { kind: "state", epoch, association, bytes });
  }

  /** A whole state of the primary, which takes the place of what there is. */
  state({ association, bytes, epoch }: Extract<ClusterFrame, { kind: "state" }>): Prepared {
    const held = this.#states.replace(association, bytes);
    if (!held.ok) return held;
    const sequence = held.heldUpTo.get(association) ?? 0;
    this.#stored.set(association, { sequence, logEntries: 0, logBytes: 0 });
    const sealed = this.#sealedState(association, bytes, epoch);
    return {
      ok: true,
      args: [String(association), "whole", "0", String(sequence), sealed],
      held: held.heldUpTo,
    };
  }

  /** Whether more may have left than what is stored tells. */
  policy(excuses: boolean): void {
    this.#states.holdPolicy(excuses);
  }

  lease(frame: Extract<ClusterFrame, { kind: "lease" }>): readonly (string | Buffer)[] | undefined {
    const { association, lease } = frame;
    if (!this.#states.holdLease(association, lease)) return undefined;
    return [String(association), this.#sealer.seal(association, frame)];
  }

  /** It is current, and there are no other associations than these; undefined: than it has. Answers which it has. */
  synchronised(all: readonly number[] | undefined): readonly number[] {
    if (all !== undefined) this.#states.retain(new Set(all));
    const there = this.#states.states();
    for (const association of this.#stored.keys()) {
      if (!there.has(association)) this.#stored.delete(association);
    }
    return this.associations();
  }

  /** What was delivered by the updates that were loaded, as far as the log goes back. */
  takeDelivered(): readonly Delivered[] {
    return this.#delivered.splice(0);
  }

  /** Takes in what the script `load` found of an association after a claim; `number`: that of its last update. */
  loaded(association: number, number: number, parts: readonly Buffer[]): Held {
    const [, state, lease, ...log] = parts;
    const damaged: Held = { ok: false, reason: "what the store has was damaged, or is not ours" };
    let answer: Held = damaged;
    if (state !== undefined && state.length > 0) {
      const frame = this.#sealer.open(association, state);
      if (frame?.kind !== "state" || frame.association !== association) return damaged;
      answer = this.#states.replace(association, frame.bytes);
      if (!answer.ok) return answer;
    }
    let logBytes = 0;
    for (const sealed of log) {
      const frame = this.#sealer.open(association, sealed);
      if (frame?.kind !== "updates") return damaged;
      if (frame.updates.some((each) => each.association !== association)) return damaged;
      answer = this.#states.hold(frame.updates, (each, before) => {
        const { update, sequence } = each;
        if (before === undefined || (update.kind !== "delivered" && update.kind !== "dataDelivered")) return;
        this.#delivered.push({ association, payload: deliveredPayload(before, update), sequence });
      });
      if (!answer.ok) return answer;
      logBytes += sealed.length;
    }
    const held = this.#states.states().get(association);
    if (held?.sequence !== number) return { ok: false, reason: "the store has lost a part of what it held" };
    this.#stored.set(association, { sequence: number, logEntries: log.length, logBytes });
    return lease === undefined || lease.length === 0 ? answer : this.#loadedLease(association, lease, answer);
  }

  #loadedLease(association: number, sealed: Buffer, answer: Held): Held {
    const frame = this.#sealer.open(association, sealed);
    if (frame?.kind !== "lease" || frame.association !== association) {
      return { ok: false, reason: "a lease in the store was damaged, or is not ours" };
    }
    this.#states.holdLease(association, frame.lease);
    return answer;
  }

  /** Everything as a keeper says it to a claimant. */
  frames(epoch: number): ClusterFrame[] {
    const frames: ClusterFrame[] = [];
    if (this.#states.mayLag) frames.push({ kind: "policy", epoch, excuses: true });
    for (const [association, state] of this.#states.states()) {
      frames.push({ kind: "state", epoch, association, bytes: stateBytes(state) });
      const lease = this.#states.lease(association);
      if (lease !== undefined) frames.push({ kind: "lease", epoch, association, lease });
    }
    return frames;
  }
}

/** Updates of one association each, in order; a new one begins where an association is opened. */
function runs(updates: Updates): Run[] {
  const runs: { association: number; updates: Updates[number][] }[] = [];
  const current = new Map<number, Updates[number][]>();
  for (const each of updates) {
    let run = current.get(each.association);
    if (run === undefined || each.update.kind === "opened") {
      run = [];
      current.set(each.association, run);
      runs.push({ association: each.association, updates: run });
    }
    run.push(each);
  }
  return runs;
}
