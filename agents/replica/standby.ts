import type { AssociationState, IcmpReport, OutboundPacket, Route } from "../sctp/index.ts";
import { answerHeartbeat } from "../sctp/index.ts";
import type { ClusterFrame } from "./frames.ts";
import { heldRecords } from "./held-records.ts";
import type { Held } from "./held-states.ts";
import { HeldStates } from "./held-states.ts";
import type { InstanceRecord } from "./records.ts";
import { eventRecord, updateRecord } from "./records.ts";
import { decodeUpdate } from "./update-codec.ts";

export interface StandbyOptions {
  readonly epoch: number;
  readonly beatIntervalMs: number;
  /** Silence of the primary after which it counts as gone; longer than its lease. */
  readonly takeoverAfterMs: number;
}

/** Why the primary seems to be gone: its process has surely ended, or it says nothing. */
export interface Suspicion {
  readonly reason: "link-closed" | "silence";
  readonly text: string;
}

/**
 * This member was the primary and has handed over, and its successor has not spoken yet. `unheard`: it may not have
 * read the word, and so may still take this member for the primary. `untold`: it never will, as its link broke before.
 */
export type OpenHandover = "unheard" | "untold";

export interface StandbyOutputs {
  readonly packets: OutboundPacket[];
  /** For the primary. */
  readonly frames: ClusterFrame[];
  readonly records: InstanceRecord[];
}

/**
 * The secondary instance: holds a copy of each association's state, proves to the peer that its address
 * works, and notices when the primary seems to be gone. It decides nothing.
 */
export class StandbyInstance {
  readonly #options: StandbyOptions;
  #epoch: number;
  readonly #held: HeldStates = new HeldStates();
  #linkUp: boolean = false;
  #isCurrent: boolean = false;
  #isCurrentUnlessAlone: boolean = false;
  #isReplaced: boolean = false;
  #handover: OpenHandover | undefined;
  #primaryLeft: boolean = false;
  #heardAtMs: number = -Infinity;
  #lastAdvanceMs: number = 0;
  #nextLookMs: number = 0;
  #suspicion: Suspicion | undefined;
  #mustRefuse: boolean = false;
  /** Associations whose states came from the store on this link to it. */
  readonly #given: Set<number> = new Set<number>();
  #outputs: StandbyOutputs = { packets: [], frames: [], records: [] };

  constructor(options: StandbyOptions) {
    this.#options = options;
    this.#epoch = options.epoch;
  }

  /** Another primary, under a later epoch. */
  follow(epoch: number): void {
    // The epoch after the primary's is nobody's but ours: it is what the keeper has granted, and we have not read.
    const isOwn = epoch === this.#epoch + 1;
    this.#epoch = epoch;
    if (isOwn) return;
    // Another primary says itself when it counts on what is here.
    this.#isCurrent = false;
    this.#isCurrentUnlessAlone = false;
  }

  /** After a handover: it was the primary until now, and has it all. */
  static former(
    options: StandbyOptions,
    states: readonly AssociationState[],
    nowMs: number,
  ): StandbyInstance {
    const standby = new StandbyInstance(options);
    standby.#held.adopt(states);
    standby.#isCurrent = true;
    standby.#handover = "unheard";
    standby.#listen(nowMs);
    return standby;
  }

  get held(): HeldStates {
    return this.#held;
  }

  /** It has all that a takeover needs, and the primary counts on it. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  get openHandover(): OpenHandover | undefined {
    return this.#handover;
  }

  /** Set as long as the primary seems to be gone. */
  get suspicion(): Suspicion | undefined {
    return this.#primaryLeft ? undefined : this.#suspicion;
  }

  /** True once after the primary said something that makes no sense: its link is to be given up. */
  takeRefusal(): boolean {
    const mustRefuse = this.#mustRefuse;
    this.#mustRefuse = false;
    return mustRefuse;
  }

  get states(): readonly AssociationState[] {
    return [...this.#held.states().values()];
  }

  linkUp(nowMs: number): void {
    this.#primaryLeft = false;
    // Whether the primary went on alone while there was no link is what it says after its greeting.
    this.#isCurrentUnlessAlone ||= this.#isCurrent;
    this.#isCurrent = false;
    this.#isReplaced = false;
    this.#listen(nowMs);
  }

  #listen(nowMs: number): void {
    this.#linkUp = true;
    this.#suspicion = undefined;
    this.#heardAtMs = nowMs;
    this.#lastAdvanceMs = nowMs;
    this.#nextLookMs = nowMs;
  }

  /** `ended`: the primary's process is surely gone, which is news at once. */
  linkDown(ended: boolean, nowMs: number): void {
    if (!this.#linkUp) return;
    this.#linkUp = false;
    if (ended) this.#suspect("link-closed", "the cluster link to the primary was closed", nowMs);
  }

  #suspect(reason: Suspicion["reason"], text: string, nowMs: number): void {
    if (this.#primaryLeft || this.#suspicion !== undefined) return;
    this.#suspicion = { reason, text };
    this.#outputs.records.push(eventRecord("primary-lost", text, nowMs, { reason }));
  }

  receiveFrame(frame: ClusterFrame, nowMs: number): void {
    if (frame.epoch < this.#epoch) {
      // The words of an instance that was replaced count for nothing, but a new process there is news.
      if (frame.kind === "hello" && frame.role === "standby") this.#replaced(frame.epoch, nowMs);
      return;
    }
    // Only another standby has a later epoch: it has handed over, to us, and was not alone until then.
    if (frame.epoch > this.#epoch) {
      this.#countAgain();
      return;
    }
    // The link is about to be given up: what follows on it follows on something that was not taken.
    if (this.#mustRefuse) return;
    this.#heard(nowMs);
    this.#handover = undefined;
    const epoch = this.#epoch;
    if (this.#isCurrentUnlessAlone && frame.kind !== "hello") {
      this.#isCurrentUnlessAlone = false;
      this.#isCurrent = frame.kind !== "solo";
    }
    switch (frame.kind) {
      case "hello":
        if (frame.role === "primary") this.#greeted();
        break;
      case "beat":
        this.#outputs.frames.push({ ...frame, epoch });
        break;
      case "leaving":
        this.#primaryLeft = true;
        break;
      case "synced":
        if (frame.associations !== undefined) this.#held.retain(new Set(frame.associations));
        this.#isCurrent = true;
        this.#outputs.frames.push({ kind: "synced", epoch });
        break;
      case "solo":
        this.#isCurrent = false;
        this.#outputs.frames.push({ kind: "soloGranted", epoch, number: frame.number });
        break;
      case "outbound": {
        const { route, packet } = frame;
        this.#outputs.packets.push({
          ...route,
          bytes: packet,
          reason: "data",
          dependsOn: 0,
          association: 0,
        });
        break;
      }
      default:
        this.#outputs.frames.push(...this.hold(frame, nowMs));
    }
  }

  storeLinkUp(): void {
    this.#given.clear();
  }

  /** The store says what it has, to a claimant, before it grants the claim. */
  holdOfStore(frame: ClusterFrame, nowMs: number): void {
    if (frame.kind === "state") this.#given.add(frame.association);
    this.hold(frame, nowMs);
  }

  /** It has said all: what else is here is of the time when this member was the primary, and has ended since. */
  storeHasSaidAll(): void {
    this.#held.retain(this.#given);
  }

  /** What is held counts: nobody was alone while there was no link. */
  #countAgain(): void {
    this.#isCurrent ||= this.#isCurrentUnlessAlone;
    this.#isCurrentUnlessAlone = false;
  }

  /** Somebody is the primary, maybe since this moment, and alone: that is what it says next. */
  #greeted(): void {
    this.#isCurrentUnlessAlone ||= this.#isCurrent;
    this.#isCurrent = false;
  }

  /** What the primary or the store says about states; answers what is to be said to that. */
  hold(frame: ClusterFrame, nowMs: number): ClusterFrame[] {
    const epoch = this.#epoch;
    switch (frame.kind) {
      case "updates": {
        const { records } = this.#outputs;
        const held = this.#held.hold(frame.updates, (each, state) => {
          records.push(...heldRecords(each, state, frame.epoch, nowMs));
        });
        return this.#answers(held, nowMs);
      }
      case "state":
        return this.#holdState(frame, nowMs);
      case "lease": {
        const { association, lease } = frame;
        // Where it is not held, its state is still to come, with a lease of its own.
        if (!this.#held.holdLease(association, lease)) return [];
        return [{ kind: "leaseHeld", epoch, association, limitTsn: lease.limitTsn }];
      }
      case "policy":
        this.#held.holdPolicy(frame.excuses);
        return [{ ...frame, epoch }];
      default:
        return [];
    }
  }

  #holdState(frame: Extract<ClusterFrame, { kind: "state" }>, nowMs: number): ClusterFrame[] {
    const { association, bytes, epoch } = frame;
    const held = this.#held.replace(association, bytes);
    const update = decodeUpdate(bytes);
    const sequence = held.ok ? held.heldUpTo.get(association) : undefined;
    if (update !== undefined && sequence !== undefined)
      this.#outputs.records.push(
        updateRecord("held", { association, sequence, update, bytes }, epoch, nowMs),
      );
    return this.#answers(held, nowMs);
  }

  #answers(held: Held, nowMs: number): ClusterFrame[] {
    if (!held.ok) {
      // Nobody goes on from what is held before the next synchronisation.
      this.#isCurrent = false;
      const text = `what the primary says cannot be taken over: ${held.reason}`;
      this.#outputs.records.push(eventRecord("link-refused", text, nowMs, { reason: held.reason }));
      this.#mustRefuse = true;
      return [];
    }
    return [...held.heldUpTo].map(
      ([association, sequence]) => ({ kind: "held", epoch: this.#epoch, association, sequence }) as const,
    );
  }

  /**
   * The primary has ended. While its link was down it may have gone on alone: that counts as silence. But a
   * member that still has the epoch before ours never read that we handed over to it.
   */
  #replaced(epoch: number, nowMs: number): void {
    this.#countAgain();
    if (this.#handover !== undefined && epoch === this.#epoch - 1) {
      this.#handover = "untold";
      this.#suspect("silence", "the other member was never told that it is primary", nowMs);
      return;
    }
    this.#handover = undefined;
    this.#isReplaced = true;
    this.#suspect("silence", "another process runs in the place of the primary", nowMs);
  }

  /** It speaks after all: whatever it was taken for, it is there. */
  #heard(nowMs: number): void {
    this.#heardAtMs = nowMs;
    if (this.#suspicion?.reason === "silence" && !this.#isReplaced) this.#suspicion = undefined;
  }

  /** A packet of the peer at our address: a HEARTBEAT is answered here, everything else is the primary's. */
  receive(bytes: Uint8Array, route: Route, congestionExperienced: boolean): void {
    const answer = answerHeartbeat((localTag) => this.#held.state(localTag), bytes, route.remote);
    if (answer !== undefined) {
      const heartbeatAck = { bytes: answer, reason: "heartbeat-ack", dependsOn: 0, association: 0 } as const;
      this.#outputs.packets.push({ ...route, ...heartbeatAck });
    } else if (this.#linkUp) {
      const epoch = this.#epoch;
      this.#outputs.frames.push({ kind: "inbound", epoch, route, packet: bytes, congestionExperienced });
    }
  }

  /** The packet that ICMP is about was the primary's, sent from our address. */
  receiveIcmp(report: IcmpReport): void {
    if (this.#linkUp) this.#outputs.frames.push({ kind: "icmp", epoch: this.#epoch, report });
  }

  nextDeadlineMs(): number | undefined {
    return this.#isWatching ? this.#nextLookMs : undefined;
  }

  /** A primary that was heard once is watched, whether its link is up or not. */
  get #isWatching(): boolean {
    return this.#heardAtMs !== -Infinity && this.#suspicion === undefined;
  }

  advance(nowMs: number): void {
    if (!this.#isWatching) return;
    const stalledMs = nowMs - this.#lastAdvanceMs - this.#options.beatIntervalMs;
    this.#lastAdvanceMs = nowMs;
    if (stalledMs > this.#options.takeoverAfterMs / 4) {
      // We were not running ourselves: what the primary sent meanwhile is still unread.
      this.#heardAtMs += stalledMs;
      const text = `this computer stood still for ${Math.round(stalledMs)} ms`;
      this.#outputs.records.push(eventRecord("stall", text, nowMs, { stalledMs: Math.round(stalledMs) }));
    }
    const silentMs = nowMs - this.#heardAtMs;
    if (silentMs > this.#options.takeoverAfterMs) {
      const text = `nothing was heard from the primary for ${Math.round(silentMs)} ms`;
      this.#suspect("silence", text, nowMs);
    }
    if (this.#nextLookMs <= nowMs) this.#nextLookMs = nowMs + this.#options.beatIntervalMs;
  }

  takeOutputs(): StandbyOutputs {
    const outputs = this.#outputs;
    this.#outputs = { packets: [], frames: [], records: [] };
    return outputs;
  }
}
