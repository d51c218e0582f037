import type { Gated } from "./commit-gate.ts";
import { CommitGate } from "./commit-gate.ts";
import type { ClusterFrame, ReplicatedUpdate } from "./frames.ts";
import type { StateSource } from "./full-synchronisation.ts";
import { FullSynchronisation } from "./full-synchronisation.ts";
import { PolicyWord } from "./policy-word.ts";
import type { Flush, ReplicationPolicy } from "./policy/index.ts";
import { FlushTrigger } from "./policy/index.ts";
import type { InstanceRecord } from "./records.ts";
import { epochMicros, eventRecord } from "./records.ts";
import { TsnLeases } from "./tsn-leases.ts";
import { UnheldUpdates, updateFrames } from "./unheld-updates.ts";

export interface ReplicatorOptions {
  readonly epoch: number;
  readonly source: StateSource;
  readonly policy: ReplicationPolicy;
}

/** All that a turn brought beside its updates. */
export interface Turn {
  readonly updates: readonly ReplicatedUpdate[];
  readonly messagesDelivered: number;
  readonly pathChanged: boolean;
}

/**
 * The primary's side of replication: what the holder of the state is sent, what it is known to hold, and
 * what may leave because of that. A holder that is new gets the whole state of every association first.
 */
export class Replicator<Item> {
  readonly #options: ReplicatorOptions;
  readonly #gate: CommitGate<Item> = new CommitGate<Item>(true);
  readonly #leases: TsnLeases;
  readonly #trigger: FlushTrigger;
  readonly #unheld: UnheldUpdates = new UnheldUpdates();
  /** Made, and kept for the holder until the policy says so. */
  #pending: ReplicatedUpdate[] = [];
  #released: Gated<Item>[] = [];
  #frames: ClusterFrame[] = [];
  readonly #records: InstanceRecord[] = [];
  /** Whole states on their way: all of them for a new holder, or those that the policy wants there. */
  #synchronisation: FullSynchronisation | undefined;
  #holderIsUp: boolean = false;
  /** The holder has everything that the policy wants it to have, and may be gone on from. */
  #isCurrent: boolean = false;
  /** Nobody can go on with these associations: nothing waits. */
  #isAlone: boolean = true;
  /**
   * Packets leave before the holder has what they depend on. It is behind the policy's wish as long as the
   * holder does not know of it, or whole states are on their way.
   */
  #excuses: boolean;
  readonly #word: PolicyWord = new PolicyWord();

  constructor(options: ReplicatorOptions) {
    this.#options = options;
    this.#leases = new TsnLeases(options.epoch, options.source, this.#gate);
    this.#trigger = new FlushTrigger(options.policy);
    this.#excuses = this.#trigger.excuses;
  }

  /** Things that wait for the holder. */
  get waiting(): number {
    return this.#gate.waiting;
  }

  /** So much is not held that nothing more should be taken in. */
  get isFull(): boolean {
    return this.#unheld.isFull;
  }

  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** The holder is there: nothing that it has was made on an earlier link. */
  get holderIsUp(): boolean {
    return this.#holderIsUp;
  }

  /** Whole states are on their way. */
  get isSynchronising(): boolean {
    return this.#synchronisation !== undefined;
  }

  get policy(): ReplicationPolicy {
    return this.#trigger.policy;
  }

  /** Everything that was made is held, and nothing waits. */
  get isSettled(): boolean {
    if (!this.#isCurrent || this.#synchronisation !== undefined || this.#gate.waiting > 0) return false;
    const { source } = this.#options;
    for (const association of source.associations()) {
      const sequence = source.state(association)?.sequence ?? 0;
      if (sequence > this.#gate.heldUpTo(association)) return false;
    }
    return true;
  }

  takeReleased(): readonly Gated<Item>[] {
    const released = this.#released;
    if (released.length > 0) this.#released = [];
    return released;
  }

  takeFrames(): readonly ClusterFrame[] {
    const frames = this.#frames;
    if (frames.length > 0) this.#frames = [];
    return frames;
  }

  takeRecords(): readonly InstanceRecord[] {
    return this.#records.splice(0);
  }

  /** What may leave at once; the rest comes by `takeReleased`. */
  submit(gated: Gated<Item>): readonly Gated<Item>[] {
    return this.#gate.submit(gated);
  }

  /** The updates of one turn, before what depends on them is submitted. */
  publish(turn: Turn, nowMs: number): void {
    if (turn.updates.length > 0) this.#keep(turn.updates);
    const { source } = this.#options;
    const stateOf = (association: number) => source.state(association);
    if (this.#holderIsUp && (turn.updates.length > 0 || turn.pathChanged))
      this.#carryOut(this.#trigger.turn({ ...turn, stateOf }, nowMs), nowMs);
    if (this.#excuses) this.#renewLeases(turn.updates.map((each) => each.association));
    this.#synchronise(nowMs);
  }

  #keep(updates: readonly ReplicatedUpdate[]): void {
    const isKept = this.#holderIsUp && this.#trigger.keepsUpdates;
    for (const each of updates) {
      this.#gate.note(each.association, each.sequence, each.update);
      if (isKept && this.#synchronisation?.covers(each.association) !== true) this.#pending.push(each);
    }
    if (!this.#isAlone && !this.#excuses) this.#unheld.add(updates);
  }

  #carryOut(flush: Flush, nowMs: number): void {
    if (flush.kind === "updates") this.#sendPending();
    else if (flush.kind === "states") this.#sendStates(flush.associations, nowMs);
  }

  #sendPending(): void {
    this.#frames.push(...updateFrames(this.#options.epoch, this.#pending));
    this.#pending = [];
  }

  /** Whole states of some associations go to a holder that has older ones. */
  #sendStates(associations: "all" | readonly number[], nowMs: number): void {
    const { source, epoch } = this.#options;
    this.#sendPending();
    const all = associations === "all" ? [...source.associations()] : associations;
    const left = this.#synchronisation?.waiting ?? [];
    this.#synchronisation = new FullSynchronisation(source, new Set([...left, ...all]), epoch, nowMs);
    this.#synchronisation.isWanted = associations === "all";
  }

  #renewLeases(associations: Iterable<number>): void {
    if (!this.#holderIsUp) return;
    const sent = [...associations].filter((each) => this.#synchronisation?.covers(each) !== true);
    this.#frames.push(...this.#leases.renew(sent));
  }

  /** The holder is there, and has nothing of what we know to be current. */
  holderUp(nowMs: number): void {
    this.#holderIsUp = true;
    this.#pending = [];
    this.#gate.holderLost();
    const { source, epoch } = this.#options;
    this.#synchronisation = new FullSynchronisation(source, new Set(source.associations()), epoch, nowMs);
    this.#isCurrent = false;
    const { size } = this.#synchronisation;
    const text = `full synchronisation of ${size} association(s) begins`;
    this.#records.push(eventRecord("sync-started", text, nowMs, { associations: size }));
    // What is excused now leaves until it is not any more; what is to be excused leaves once it answers.
    this.#tellPolicy(this.#excuses || this.#trigger.excuses);
    this.#synchronise(nowMs);
  }

  holderDown(): void {
    this.#holderIsUp = false;
    this.#word.linkLost();
    this.#synchronisation = undefined;
    this.#pending = [];
    this.#trigger.clear();
  }

  /**
   * The holder has it all from the start, by the number of each association's last update: it was the primary until
   * now, or has given it to us. What was made since then is still to be published.
   */
  holderHasAll(heldUpTo: ReadonlyMap<number, number>): void {
    this.#holderIsUp = true;
    for (const [association, sequence] of heldUpTo) this.#gate.acknowledge(association, sequence);
    // It may go on at any time from what it has, and does not know yet that this will be older than what leaves.
    this.#excuses = false;
    this.#tellPolicy(this.#trigger.excuses);
    this.#beCurrent();
  }

  /** The holder is told that what it has is not current, and is not to take it for current after that. */
  disown(): void {
    this.#isCurrent = false;
    this.#frames = this.#frames.filter(({ kind }) => kind !== "synced");
  }

  /** Nobody will go on with what was held: nothing waits for it any more. */
  goAlone(): void {
    this.disown();
    this.#isAlone = true;
    // Whole states that are on their way lack what is made from now on, and no updates follow them.
    if (!this.#trigger.keepsUpdates) this.#synchronisation = undefined;
    this.#unheld.clear();
    this.#applyRule();
  }

  #applyRule(): void {
    this.#released.push(...this.#gate.setRule({ excuses: this.#excuses, solo: this.#isAlone }));
  }

  /** Another policy from now on. */
  setPolicy(policy: ReplicationPolicy, nowMs: number): void {
    this.#carryOut(this.#trigger.setPolicy(policy), nowMs);
    this.#followPolicy();
    this.#synchronise(nowMs);
  }

  /** The operator wants the holder brought up to date. */
  synchroniseNow(nowMs: number): void {
    if (!this.#holderIsUp) return;
    this.#carryOut(this.#trigger.command(), nowMs);
    this.#synchronise(nowMs);
  }

  /** A failure was announced or detected. */
  failureImpends(nowMs: number): void {
    if (!this.#holderIsUp) return;
    this.#carryOut(this.#trigger.failureImpends(), nowMs);
    this.#followPolicy();
    this.#synchronise(nowMs);
  }

  /** Everything goes to the holder at once, whatever the policy: the associations are about to move there. */
  flushAll(nowMs: number): void {
    if (this.#trigger.keepsUpdates) this.#sendPending();
    else this.#sendStates("all", nowMs);
    this.#trigger.clear();
    this.#synchronise(nowMs);
  }

  /** Excuses more once the holder knows that; excuses less once it has the states that are on their way. */
  #followPolicy(): void {
    const { excuses } = this.#trigger;
    if (excuses && this.#excuses) return;
    if (!excuses) {
      if (this.#synchronisation !== undefined) return;
      if (this.#excuses) this.#useRule(false);
    }
    if (this.#word.last !== excuses) this.#tellPolicy(excuses);
  }

  #tellPolicy(excuses: boolean): void {
    if (!this.#holderIsUp) return;
    this.#word.told(excuses);
    this.#frames.push({ kind: "policy", epoch: this.#options.epoch, excuses });
  }

  #policyHeld(excuses: boolean): void {
    if (!this.#word.answered(excuses) || this.#excuses) return;
    this.#useRule(true);
    // What has a TSN already waits for a lease, and maybe nothing else happens.
    this.#renewLeases(this.#options.source.associations());
  }

  #useRule(excuses: boolean): void {
    this.#excuses = excuses;
    this.#unheld.clear();
    this.#applyRule();
  }

  receiveFrame(frame: ClusterFrame, nowMs: number): void {
    if (frame.kind === "held") {
      const { association, sequence } = frame;
      this.#records.push({ kind: "acked", at: epochMicros(nowMs), association, sequence });
      this.#unheld.acknowledge(association, sequence);
      this.#released.push(...this.#gate.acknowledge(association, sequence));
      if (this.#options.source.state(association) === undefined) this.#forget(association);
      this.#synchronisation?.held(association, sequence);
      this.#synchronise(nowMs);
    } else if (frame.kind === "policy") this.#policyHeld(frame.excuses);
    else if (frame.kind === "leaseHeld") {
      const { association, limitTsn } = frame;
      this.#released.push(...this.#gate.leaseHeld(association, limitTsn));
      const text = `the holder knows of the lease up to TSN ${limitTsn}`;
      this.#records.push(eventRecord("lease", text, nowMs, { association, limitTsn }));
    }
  }

  /** The association has ended and the holder knows it. */
  #forget(association: number): void {
    if (this.#pending.some((each) => each.association === association)) return;
    if (this.#unheld.has(association)) return;
    this.#gate.forget(association);
  }

  /** Whole states go out as far as the holder keeps up; for a new holder the last of them closes the gate. */
  #synchronise(nowMs: number): void {
    const synchronisation = this.#synchronisation;
    if (synchronisation === undefined) return;
    const states = synchronisation.next();
    this.#frames.push(...states);
    if (!synchronisation.isSent) return;
    if (!this.#isCurrent && this.#holderIsUp) this.#tellHolder(synchronisation, nowMs);
    if (!synchronisation.isHeld) return;
    this.#synchronisation = undefined;
    if (synchronisation.isWanted) this.#recordSynchronised(synchronisation, nowMs);
    this.#followPolicy();
  }

  #tellHolder(synchronisation: FullSynchronisation, nowMs: number): void {
    this.#sendPending();
    this.#trigger.clear();
    const { epoch, source } = this.#options;
    this.#frames.push({ kind: "synced", epoch, associations: [...source.associations()] });
    this.#recordSynchronised(synchronisation, nowMs);
    this.#beCurrent();
  }

  #recordSynchronised({ size, bytes, startedAtMs }: FullSynchronisation, nowMs: number): void {
    const text = `full synchronisation is complete: ${size} association(s), ${bytes} bytes`;
    const detail = { associations: size, bytes, tookMs: nowMs - startedAtMs };
    this.#records.push(eventRecord("synchronised", text, nowMs, detail));
  }

  #beCurrent(): void {
    this.#isCurrent = true;
    if (!this.#isAlone) return;
    this.#isAlone = false;
    this.#applyRule();
  }

  nextDeadlineMs(): number | undefined {
    return this.#holderIsUp ? this.#trigger.nextDeadlineMs() : undefined;
  }

  advance(nowMs: number): void {
    if (this.#holderIsUp) this.#carryOut(this.#trigger.advance(nowMs), nowMs);
  }
}
