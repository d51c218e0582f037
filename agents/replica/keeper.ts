import type { Denial, KnownPrimary } from "./claim-denial.ts";
import { denialOf } from "./claim-denial.ts";
import type { ClusterFrame, LinkRole, ReplicatedUpdate } from "./frames.ts";
import { linkVersion } from "./frames.ts";
import { Freshness } from "./freshness.ts";
import { heldRecords } from "./held-records.ts";
import type { Held } from "./held-states.ts";
import { HeldStates, stateBytes } from "./held-states.ts";
import type { InstanceRecord } from "./records.ts";
import { eventRecord } from "./records.ts";
import { WaitingClaims } from "./waiting-claims.ts";

export interface KeeperOptions {
  /** Silence of the primary after which a standby may be primary; longer than the primary's lease. */
  readonly takeoverAfterMs: number;
  /** A store holds the states; a mere witness holds nothing but the epoch and who is primary. */
  readonly holdsStates: boolean;
  /** Of all states together, as far as they are held. */
  readonly maxBytes: number;
  readonly maxAssociations?: number;
}

type Beat = Extract<ClusterFrame, { kind: "beat" }>;

/** A link, as the host names it; the name does not come back for another connection. */
export type LinkId = string;

export interface KeeperOutputs {
  readonly frames: { readonly to: LinkId; readonly frame: ClusterFrame }[];
  /** Links on which something came that cannot be: the host gives them up. */
  readonly refusals: { readonly link: LinkId; readonly reason: string }[];
  readonly records: InstanceRecord[];
}

interface Link {
  readonly id: LinkId;
  /** The process at the other end, which may come with another link after this one. */
  readonly member: string;
  /** What it says that it is; undefined before its first word. */
  role: LinkRole | undefined;
  readonly freshness: Freshness;
}

const defaultMaxAssociations = 16_384;
/** The look at its own clock by which the keeper notices that it stood still itself. */
const looksPerTakeover = 8;

/**
 * The third computer of a cluster: it decides which of two members is primary, by test-and-set on the
 * fencing epoch, and, as a store, holds the association states. One primary an epoch: a claim is granted
 * only when the last primary can send no more, because it has ended or its lease has. Pure.
 */
export class Keeper {
  readonly #options: KeeperOptions;
  readonly #states: HeldStates;
  readonly #links: Map<LinkId, Link> = new Map<LinkId, Link>();
  #epoch: number = 0;
  #primary: KnownPrimary | undefined;
  /** Some primary has synchronised since this keeper started: its word counts from then on. */
  #informed: boolean = false;
  /**
   * Whoever knows that it has, or gets from here, all that counts may go on: no primary was promised that nobody
   * does. A claim that was granted changes nothing about that; its claimant says itself when somebody has it all.
   */
  #current: boolean = false;
  /** The epoch whose primary synchronised last. */
  #syncedEpoch: number = 0;
  /**
   * Claims that came while the primary seemed to be there. Its end and a claimant who has seen it travel
   * on links of their own, so the word of it may be on the way still.
   */
  readonly #waiting: WaitingClaims = new WaitingClaims();
  #lastLookMs: number | undefined;
  #outputs: KeeperOutputs = { frames: [], refusals: [], records: [] };

  constructor(options: KeeperOptions) {
    this.#options = options;
    const { maxBytes, maxAssociations = defaultMaxAssociations } = options;
    this.#states = new HeldStates({ maxBytes, maxAssociations });
  }

  get epoch(): number {
    return this.#epoch;
  }

  get held(): HeldStates {
    return this.#states;
  }

  /** `member` names the process at the other end; where the host cannot tell, each link counts as another. */
  linkUp(id: LinkId, nowMs: number, member: string = id): void {
    this.#look(nowMs);
    this.#links.set(id, { id, member, role: undefined, freshness: new Freshness() });
    this.#send(id, { kind: "hello", epoch: this.#epoch, version: linkVersion, role: "keeper" });
  }

  /** `closed`: the other's kernel closed it; else we gave it up, which says nothing about the other. */
  linkDown(id: LinkId, closed: boolean, nowMs: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    this.#waiting.delete(id);
    const primary = this.#primary;
    if (primary === undefined || primary.member !== link.member) return;
    const another = [...this.#links.values()].some((other) => other.member === link.member);
    const fresh = link.freshness.isFresh(nowMs, this.#options.takeoverAfterMs / 2);
    if (!closed || another || !fresh || primary.ended) return;
    primary.ended = true;
    const text = `the primary of epoch ${this.#epoch} has ended: its link was closed`;
    this.#note(eventRecord("primary-lost", text, nowMs, { reason: "link-closed" }));
    this.#answerClaims(nowMs, Number.POSITIVE_INFINITY);
  }

  receiveFrame(id: LinkId, frame: ClusterFrame, nowMs: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#look(nowMs);
    if (frame.kind === "hello") this.#hello(link, frame, nowMs);
    // An empty keeper's first word is of epoch 0, and whoever hears that says so.
    else if (frame.kind === "fenced") return;
    else if (link.role === undefined) this.#refuse(id, `its first word is "${frame.kind}"`, nowMs);
    else if (frame.kind === "beat") this.#beat(link, frame, nowMs);
    else if (frame.kind === "claim") this.#claim(link, frame.epoch, nowMs);
    else if (frame.kind === "leaving") this.#leaving(link);
    else this.#wordOfPrimary(link, frame, nowMs);
  }

  #hello(link: Link, frame: Extract<ClusterFrame, { kind: "hello" }>, nowMs: number): void {
    if (frame.version !== linkVersion || frame.role === "keeper") {
      this.#refuse(link.id, `it is a ${frame.role} of version ${frame.version}`, nowMs);
      return;
    }
    link.role = frame.role;
    if (frame.role === "primary") this.#isPrimary(link, frame.epoch, nowMs);
  }

  #leaving(link: Link): void {
    // Nobody needs to take over from a primary that stops on purpose, unless it gave its place away before.
    const primary = this.#primary;
    if (link.role !== "primary" || primary?.member !== link.member || primary.handedOver) return;
    this.#current = false;
  }

  /** Whether the sender of a primary's frame is the primary; whoever is not is told so. */
  #isPrimary(link: Link, epoch: number, nowMs: number): boolean {
    const { member } = link;
    if (epoch < this.#epoch) {
      this.#send(link.id, { kind: "fenced", epoch: this.#epoch });
      return false;
    }
    if (epoch === this.#epoch && this.#primary !== undefined && this.#primary.member !== member) {
      this.#send(link.id, { kind: "fenced", epoch: this.#epoch });
      this.#refuse(link.id, `another process is the primary of epoch ${epoch}`, nowMs);
      return false;
    }
    // A higher one: it took over without us, or was handed the epoch.
    if (epoch > this.#epoch) this.#current = false;
    const handedOver = epoch === this.#epoch && this.#primary?.handedOver === true;
    this.#epoch = epoch;
    this.#primary = { member, heardAtMs: nowMs, ended: false, handedOver, pending: false };
    return true;
  }

  #beat(link: Link, { epoch, stampMs, mirrorMs }: Beat, nowMs: number): void {
    if (link.role === "primary" && !this.#isPrimary(link, epoch, nowMs)) return;
    if (mirrorMs !== undefined) link.freshness.prove(mirrorMs, nowMs);
    // A standby needs no leave to send, and an empty keeper gives none: the sender may have been replaced before.
    const leave = link.role === "primary" && this.#informed;
    const beat = { kind: "beat", epoch: this.#epoch, mirrorMs: nowMs } as const;
    this.#send(link.id, leave && stampMs !== undefined ? { ...beat, stampMs } : beat);
  }

  #wordOfPrimary(link: Link, frame: ClusterFrame, nowMs: number): void {
    const ours = ["updates", "state", "lease", "policy", "synced", "solo"].includes(frame.kind);
    if (frame.kind === "handover" && link.role === "primary") this.#handedOver(link, frame.epoch, nowMs);
    else if (!ours || link.role !== "primary") {
      this.#refuse(link.id, `a keeper gets no "${frame.kind}" of a ${link.role ?? "stranger"}`, nowMs);
    } else if (this.#isPrimary(link, frame.epoch, nowMs)) {
      if (frame.kind === "synced") this.#synced(link, frame, nowMs);
      else if (frame.kind === "solo") this.#solo(link, frame, nowMs);
      else if (this.#options.holdsStates) this.#store(link, frame, nowMs);
    }
  }

  #store(link: Link, frame: ClusterFrame, nowMs: number): void {
    if (frame.kind === "updates") this.#hold(link, frame.updates, nowMs);
    else if (frame.kind === "state") {
      this.#held(link, this.#states.replace(frame.association, frame.bytes), nowMs);
    } else if (frame.kind === "lease") this.#holdLease(link, frame);
    else if (frame.kind === "policy") {
      this.#states.holdPolicy(frame.excuses);
      this.#send(link.id, { ...frame, epoch: this.#epoch });
    }
  }

  /** The primary gives its place to the other member, which asks for it now. */
  #handedOver({ member }: Link, epoch: number, nowMs: number): void {
    const primary = this.#primary;
    if (primary?.member !== member || epoch !== this.#epoch + 1) return;
    primary.handedOver = true;
    this.#answerClaims(nowMs, Number.POSITIVE_INFINITY);
  }

  #hold(link: Link, updates: readonly ReplicatedUpdate[], nowMs: number): void {
    const { records } = this.#outputs;
    const held = this.#states.hold(updates, (each, state) => {
      records.push(...heldRecords(each, state, this.#epoch, nowMs));
    });
    this.#held(link, held, nowMs);
  }

  #held(link: Link, held: Held, nowMs: number): void {
    if (!held.ok) {
      this.#current = false;
      this.#refuse(link.id, held.reason, nowMs);
      return;
    }
    for (const [association, sequence] of held.heldUpTo) {
      this.#send(link.id, { kind: "held", epoch: this.#epoch, association, sequence });
    }
  }

  #holdLease({ id }: Link, { association, lease }: Extract<ClusterFrame, { kind: "lease" }>): void {
    if (!this.#states.holdLease(association, lease)) return;
    this.#send(id, { kind: "leaseHeld", epoch: this.#epoch, association, limitTsn: lease.limitTsn });
  }

  #synced(
    { id }: Link,
    { epoch, associations: all }: Extract<ClusterFrame, { kind: "synced" }>,
    nowMs: number,
  ): void {
    if (all !== undefined) this.#states.retain(new Set(all));
    this.#send(id, { kind: "synced", epoch });
    if (this.#current && this.#syncedEpoch === epoch) return;
    this.#informed = true;
    this.#syncedEpoch = epoch;
    this.#current = true;
    const { size: associations, bytes } = this.#states;
    const what = this.#options.holdsStates
      ? `${associations} association(s) are held`
      : "the standby is current";
    const text = `synchronised with the primary of epoch ${epoch}: ${what}`;
    this.#note(eventRecord("synchronised", text, nowMs, { associations, bytes }));
  }

  #solo({ id }: Link, { epoch, number }: Extract<ClusterFrame, { kind: "solo" }>, nowMs: number): void {
    // Who starts empty may have granted a claim before: it grants nothing to anybody.
    if (!this.#informed) return;
    this.#current = false;
    this.#send(id, { kind: "soloGranted", epoch, number });
    const text = `the primary of epoch ${epoch} goes on alone: nobody goes on from what is held`;
    this.#note(eventRecord("solo", text, nowMs, { reason: "granted" }));
  }

  #claim(link: Link, epoch: number, nowMs: number): void {
    const denial = this.#denial(link.member, epoch, nowMs);
    if (denial === undefined || denial.retryAfterMs === 0) {
      this.#answer(link, epoch, nowMs);
      return;
    }
    const patienceMs = Math.min(denial.retryAfterMs, this.#options.takeoverAfterMs / looksPerTakeover);
    this.#waiting.add(link.id, { epoch, untilMs: nowMs + patienceMs });
  }

  #answerClaims(nowMs: number, dueMs: number): void {
    for (const [id, epoch] of this.#waiting.take(dueMs)) {
      const link = this.#links.get(id);
      if (link !== undefined) this.#answer(link, epoch, nowMs);
    }
  }

  #answer(link: Link, epoch: number, nowMs: number): void {
    const { id, member } = link;
    const denial = this.#denial(member, epoch, nowMs);
    if (denial !== undefined) {
      this.#send(id, { kind: "claimDenied", epoch: this.#epoch, retryAfterMs: denial.retryAfterMs });
      const text = `epoch ${epoch} is denied to a claimant: ${denial.reason}`;
      this.#note(eventRecord("claim-denied", text, nowMs, { reason: denial.reason }));
      return;
    }
    this.#epoch = epoch;
    this.#primary = { member, heardAtMs: nowMs, ended: false, handedOver: false, pending: true };
    link.role = "primary";
    if (this.#states.mayLag) this.#send(id, { kind: "policy", epoch, excuses: true });
    for (const [association, state] of this.#states.states()) {
      this.#send(id, { kind: "state", epoch, association, bytes: stateBytes(state) });
      const lease = this.#states.lease(association);
      if (lease !== undefined) this.#send(id, { kind: "lease", epoch, association, lease });
    }
    this.#send(id, { kind: "claimed", epoch });
    const text = `epoch ${epoch} is granted: the claimant is primary from now on`;
    this.#note(eventRecord("claim-granted", text, nowMs, { epoch }));
  }

  #denial(member: string, epoch: number, nowMs: number): Denial | undefined {
    const known = {
      epoch: this.#epoch,
      primary: this.#primary,
      isInformed: this.#informed,
      isCurrent: this.#current,
    };
    return denialOf({ member, epoch }, known, nowMs - this.#options.takeoverAfterMs);
  }

  /** Wakes the keeper so that it notices when it stood still itself. */
  nextDeadlineMs(): number | undefined {
    if (this.#links.size === 0 || this.#lastLookMs === undefined) return undefined;
    const lookMs = this.#lastLookMs + this.#options.takeoverAfterMs / looksPerTakeover;
    return Math.min(lookMs, this.#waiting.nextDueMs);
  }

  advance(nowMs: number): void {
    this.#look(nowMs);
    this.#answerClaims(nowMs, nowMs);
  }

  /** While we were not running ourselves, what the primary sent is still unread: that is no silence. */
  #look(nowMs: number): void {
    const { takeoverAfterMs } = this.#options;
    const stalledMs = nowMs - (this.#lastLookMs ?? nowMs) - takeoverAfterMs / looksPerTakeover;
    const sleeping = this.#links.size === 0;
    this.#lastLookMs = nowMs;
    if (sleeping || stalledMs <= takeoverAfterMs / 4) return;
    if (this.#primary !== undefined) {
      this.#primary.heardAtMs = Math.min(this.#primary.heardAtMs + stalledMs, nowMs);
    }
    const text = `this computer stood still for ${Math.round(stalledMs)} ms`;
    this.#note(eventRecord("stall", text, nowMs, { stalledMs: Math.round(stalledMs) }));
  }

  #refuse(link: LinkId, reason: string, nowMs: number): void {
    this.#links.delete(link);
    this.#waiting.delete(link);
    this.#outputs.refusals.push({ link, reason });
    const text = `a cluster link is given up: ${reason}`;
    this.#note(eventRecord("link-refused", text, nowMs, { reason }));
  }

  #send(to: LinkId, frame: ClusterFrame): void {
    this.#outputs.frames.push({ to, frame });
  }

  #note(record: InstanceRecord): void {
    this.#outputs.records.push(record);
  }

  takeOutputs(): KeeperOutputs {
    const outputs = this.#outputs;
    this.#outputs = { frames: [], refusals: [], records: [] };
    return outputs;
  }
}
