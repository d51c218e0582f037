import type { AssociationState, IcmpReport } from "../sctp/index.ts";
import type { ActiveInstance, GatedThing } from "./active.ts";
import { earliest } from "./active.ts";
import type { ClusterFrame } from "./frames.ts";
import { eventRecord } from "./records.ts";
import type { ReplicationPolicy } from "./policy/index.ts";
import type { Replicator } from "./replicator.ts";
import type { ArrivedPacket, MemberOptions, Role, RoleOutputs, Settlement, Transition } from "./roles.ts";
import { noOutputs } from "./roles.ts";
import type { AddressedFrame, LinkName, SendingRight } from "./sending-right.ts";

/** Packets that wait while the associations move to the other member; more are lost like on a bad link. */
export const mostPacketsHeld = 4096;

interface Handover {
  readonly sinceMs: number;
  readonly packets: ArrivedPacket[];
  /** A beat that was sent after the beginning came back: whoever has to agree is there, and its link carries. */
  readonly isAnswered: Record<LinkName, boolean>;
}

/** The member that runs the associations: its instance, its replication, its right to send. */
export class PrimaryDuty implements Role {
  readonly name = "primary";
  readonly active: ActiveInstance;
  readonly #options: MemberOptions;
  readonly #epoch: number;
  readonly #replicator: Replicator<GatedThing>;
  readonly #right: SendingRight;
  #nextBeatMs: number = -Infinity;
  readonly #isUp: Record<LinkName, boolean> = { partner: false, keeper: false };
  readonly #isAnswered: Record<LinkName, boolean> = { partner: false, keeper: false };
  #partnerIsStandby: boolean = false;
  #hasPartnerAddress: boolean = false;
  /** A planned switch-over that is under way: nothing new is begun. */
  #handover: Handover | undefined;
  #isFlushed: boolean = true;
  /** When the handover is looked at again, because packets leave in this turn. */
  #handOverAtMs: number = Infinity;
  /** The last beat came back late. */
  #isDegraded: boolean = false;
  #transition: Transition | undefined;
  #outputs: RoleOutputs = noOutputs();
  /** Of this turn, in the order in which they are said. */
  readonly #said: AddressedFrame[] = [];

  constructor(
    options: MemberOptions,
    epoch: number,
    parts: { active: ActiveInstance; replicator: Replicator<GatedThing>; right: SendingRight },
  ) {
    this.#options = options;
    this.#epoch = epoch;
    this.active = parts.active;
    this.#replicator = parts.replicator;
    this.#right = parts.right;
  }

  /** Nobody can take over: no lease is needed. */
  get isAlone(): boolean {
    return this.#right.isAlone;
  }

  get #holder(): LinkName {
    return this.#options.keeper === "store" ? "keeper" : "partner";
  }

  linkUp(link: LinkName, nowMs: number): void {
    this.#isUp[link] = true;
    this.#isAnswered[link] = false;
    this.#right.linkUp(link, nowMs);
    this.#beat(nowMs, link);
    // It took over from the store, or was handed what the other member has.
    if (this.#replicator.isCurrent && this.#replicator.holderIsUp) {
      if (link === this.#holder)
        this.#outputs.frames.push({ to: link, frame: { kind: "synced", epoch: this.#epoch } });
      else this.#tellThatHolderIsCurrent();
    }
  }

  linkDown(link: LinkName, ended: boolean, nowMs: number): void {
    if (!this.#isUp[link]) return;
    this.#isUp[link] = false;
    this.#right.linkDown(link, ended, nowMs);
    if (link === this.#holder) this.#replicator.holderDown();
    if (link === "keeper") this.#breakOffHandover("the keeper, which has to agree, cannot be reached", nowMs);
    if (link !== "partner") return;
    this.#partnerIsStandby = false;
    this.#servePartnerAddress(nowMs);
    const text = ended ? "the secondary instance has ended" : "the link to the secondary instance is gone";
    this.#outputs.records.push(eventRecord("secondary-lost", text, nowMs));
    this.#breakOffHandover("the link to the secondary instance is gone", nowMs);
  }

  receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    switch (frame.kind) {
      case "hello":
        this.greeted(link, frame.role, nowMs);
        break;
      case "beat":
        if (frame.stampMs !== undefined) this.#answered(link, frame.stampMs, nowMs);
        // The other end knows soon that the link is fresh.
        if (!this.#isAnswered[link]) this.#beat(nowMs, link);
        this.#isAnswered[link] = true;
        break;
      case "soloGranted":
        this.#right.soloGranted(link, frame.number, nowMs);
        break;
      case "synced":
        if (link === this.#holder) this.#tellThatHolderIsCurrent();
        break;
      case "held":
      case "leaseHeld":
      case "policy":
        if (link === this.#holder) this.#replicator.receiveFrame(frame, nowMs);
        break;
      case "inbound": {
        const { packet: bytes, route, congestionExperienced } = frame;
        if (link === "partner") this.receive({ bytes, route, congestionExperienced }, nowMs);
        break;
      }
      case "icmp":
        if (link === "partner") this.receiveIcmp(frame.report, nowMs);
        break;
      case "leaving":
        this.linkDown(link, true, nowMs);
        break;
      default:
        // The words of a primary, or of somebody who answers none of ours.
        break;
    }
    // What comes after this in the same turn finds the standing that this word brought.
    this.#decideOnStanding(nowMs);
  }

  /** The other member relays from and to its address, and can be handed over to. */
  partnerIsStandby(nowMs: number): void {
    this.#partnerIsStandby = true;
    this.#servePartnerAddress(nowMs);
  }

  /** The other member's address is on this computer, or is not any more. */
  holdPartnerAddress(isHere: boolean, nowMs: number): void {
    this.#hasPartnerAddress = isHere;
    this.#servePartnerAddress(nowMs);
  }

  #servePartnerAddress(nowMs: number): void {
    const isServed = this.#partnerIsStandby || this.#hasPartnerAddress;
    const { endpoint } = this.active;
    endpoint.useOtherAddresses(isServed);
    // Peers hear of what they were told to forget when this instance took over, or never heard of (RFC 5061 section 4.2.1).
    endpoint.setAway(isServed ? [] : this.#options.partnerAddresses, nowMs);
  }

  #answered(link: LinkName, sentAtMs: number, nowMs: number): void {
    this.#right.answered(link, sentAtMs, nowMs);
    if (link === "partner") {
      // Only a standby answers: one that was the primary until it handed over did not greet us as that.
      if (!this.#partnerIsStandby) this.greeted(link, "standby", nowMs);
    }
    if (this.#handover !== undefined && sentAtMs >= this.#handover.sinceMs)
      this.#handover.isAnswered[link] = true;
    // It was silent for so long that we went on alone, and its link never broke.
    const { isCurrent, isSynchronising } = this.#replicator;
    if (link === this.#holder && !isCurrent && !isSynchronising) this.#replicator.holderUp(nowMs);
    if (link === this.#holder) this.#watchBeats(nowMs - sentAtMs, nowMs);
  }

  /** Beats that come back late are what is seen first of a link, or of a computer, that fails before long. */
  #watchBeats(tookMs: number, nowMs: number): void {
    const isDegraded = tookMs > this.#options.leaseMs / 2;
    const isNews = isDegraded && !this.#isDegraded && this.#replicator.policy.kind === "impending-failure";
    this.#isDegraded = isDegraded;
    if (isNews && this.#handover === undefined)
      this.failureImpends(`a beat of the cluster link came back after ${Math.round(tookMs)} ms`, nowMs);
  }

  /** Somebody at the other end of a link has said what it is. */
  greeted(link: LinkName, role: "primary" | "standby" | "keeper", nowMs: number): void {
    if (link === "partner" && role === "standby") {
      this.partnerIsStandby(nowMs);
      const text = "the secondary instance is connected";
      this.#outputs.records.push(eventRecord("secondary-connected", text, nowMs));
      if (this.#holder === "keeper" && this.#replicator.isCurrent)
        this.#outputs.frames.push({ to: "partner", frame: { kind: "synced", epoch: this.#epoch } });
    }
    const isHolder = link === this.#holder && (role === "standby" || role === "keeper");
    if (isHolder) this.#replicator.holderUp(nowMs);
  }

  /** Whoever decides on a takeover beside the holder learns that there is something to go on from. */
  #tellThatHolderIsCurrent(): void {
    const { keeper } = this.#options;
    if (keeper === undefined || !this.#replicator.isCurrent) return;
    const to = keeper === "store" ? "partner" : "keeper";
    if (this.#isUp[to]) this.#outputs.frames.push({ to, frame: { kind: "synced", epoch: this.#epoch } });
  }

  receive(packet: ArrivedPacket, nowMs: number): void {
    if (this.#handover === undefined)
      this.active.receive(packet.bytes, packet.route, packet.congestionExperienced, nowMs);
    else if (this.#handover.packets.length < mostPacketsHeld) this.#handover.packets.push(packet);
  }

  receiveIcmp(report: IcmpReport, nowMs: number): void {
    if (this.#handover === undefined) this.active.receiveIcmp(report, nowMs);
  }

  /** Plans the switch-over to the other member; answers one sentence where that cannot be. */
  handOver(nowMs: number): string | undefined {
    if (this.#handover !== undefined) return "a handover is under way already";
    if (!this.#partnerIsStandby) return "there is no standby to hand over to";
    if (!this.#replicator.isCurrent) return "the standby is not synchronised yet";
    if (this.#options.keeper !== undefined && !this.#isUp.keeper)
      return "the keeper, which has to agree, cannot be reached";
    const isAnswered = { partner: false, keeper: this.#options.keeper === undefined };
    this.#handover = { sinceMs: nowMs, packets: [], isAnswered };
    this.#beat(nowMs);
    this.active.isPaused = true;
    const text = `planned switch-over to the other member, under epoch ${this.#epoch + 1}`;
    const detail = { epoch: this.#epoch + 1 };
    this.#outputs.records.push(eventRecord("handover-started", text, nowMs, detail));
    this.#isFlushed = false;
    return undefined;
  }

  setPolicy(policy: ReplicationPolicy, nowMs: number): void {
    this.#replicator.setPolicy(policy, nowMs);
  }

  /** The operator wants the holder brought up to date now. */
  synchronise(nowMs: number): void {
    this.#replicator.synchroniseNow(nowMs);
  }

  /** A failure was announced or detected. */
  failureImpends(reason: string, nowMs: number): void {
    const text = `a failure of this computer is expected: ${reason}`;
    this.#outputs.records.push(eventRecord("impending-failure", text, nowMs, { reason }));
    this.#replicator.failureImpends(nowMs);
  }

  #breakOffHandover(why: string, nowMs: number): void {
    const handover = this.#handover;
    if (handover === undefined) return;
    this.#handover = undefined;
    this.active.isPaused = false;
    const text = `the planned switch-over is broken off: ${why}`;
    this.#outputs.records.push(eventRecord("note", text, nowMs));
    for (const packet of handover.packets) this.receive(packet, nowMs);
  }

  #states(): AssociationState[] {
    const { endpoint } = this.active;
    return [...endpoint.associations()].flatMap((handle) => endpoint.state(handle) ?? []);
  }

  /** Not in a turn with packets: a host that stands still before it sends them would send them beside the successor. */
  #handOverIfSettled(hasPackets: boolean, nowMs: number): void {
    const handover = this.#handover;
    this.#handOverAtMs = Infinity;
    if (handover === undefined) return;
    if (!this.#isFlushed) this.#replicator.flushAll(nowMs);
    this.#isFlushed = true;
    // Nobody has the associations between this word and the other member's answer to it.
    const { partner, keeper } = handover.isAnswered;
    if (!partner || !keeper || !this.#replicator.isSettled) {
      if (nowMs - handover.sinceMs > this.#options.takeoverAfterMs)
        this.#breakOffHandover("not everybody answers, or takes everything, in time", nowMs);
      return;
    }
    if (hasPackets) {
      this.#handOverAtMs = nowMs;
      return;
    }
    const epoch = this.#epoch + 1;
    // A keeper that was promised that nobody goes on has to know that somebody may again.
    if (this.#options.keeper !== undefined)
      this.#outputs.frames.push(
        { to: "keeper", frame: { kind: "synced", epoch: this.#epoch } },
        { to: "keeper", frame: { kind: "handover", epoch } },
      );
    this.#outputs.frames.push({ to: "partner", frame: { kind: "handover", epoch } });
    for (const { bytes: packet, route, congestionExperienced } of handover.packets) {
      const frame = { kind: "inbound", epoch, route, packet, congestionExperienced } as const;
      this.#outputs.frames.push({ to: "partner", frame });
    }
    this.#transition = { to: "standby-after-handover", epoch, states: this.#states() };
  }

  advance(nowMs: number): void {
    if (this.#handover === undefined) this.active.advance(nowMs);
    this.#right.advance(nowMs);
    if (this.#nextBeatMs <= nowMs) this.#beat(nowMs);
  }

  #beat(nowMs: number, only?: LinkName): void {
    if (only === undefined) this.#nextBeatMs = nowMs + this.#options.beatIntervalMs;
    for (const to of ["partner", "keeper"] as const) {
      if (!this.#isUp[to] || (only !== undefined && only !== to)) continue;
      this.#outputs.frames.push({ to, frame: { kind: "beat", epoch: this.#epoch, stampMs: nowMs } });
    }
  }

  nextDeadlineMs(): number | undefined {
    const isLinked = this.#isUp.partner || this.#isUp.keeper;
    return earliest(
      this.#handover === undefined
        ? this.active.nextDeadlineMs()
        : Math.min(this.#handover.sinceMs + this.#options.takeoverAfterMs + 1, this.#handOverAtMs),
      this.#right.nextDeadlineMs(),
      isLinked ? this.#nextBeatMs : undefined,
    );
  }

  settle(nowMs: number): Settlement {
    this.#decideOnStanding(nowMs);
    const { packets, records } = this.active.takeOutputs(nowMs);
    this.#handOverIfSettled(packets.length > 0, nowMs);
    this.#decideOnStanding(nowMs);
    const outputs = this.#outputs;
    this.#outputs = noOutputs();
    return {
      outputs: {
        packets,
        frames: this.#said.splice(0),
        records: [
          ...outputs.records,
          ...this.#right.takeRecords(),
          ...records,
          ...this.#replicator.takeRecords(),
        ],
      },
      transition: this.#transition,
    };
  }

  #decideOnStanding(nowMs: number): void {
    if (this.#right.takeDisowned()) {
      if (this.#right.isAlone) this.#replicator.goAlone();
      else this.#replicator.disown();
    }
    if (this.#replicator.isCurrent) this.#right.guarded(nowMs);
    this.#say();
  }

  /** Before anything else what others hold is said not to be current; after all else it is handed over. */
  #say(): void {
    const toHolder = this.#replicator.takeFrames().map((frame) => ({ to: this.#holder, frame }));
    for (const each of [...this.#right.takeFrames(), ...toHolder, ...this.#outputs.frames.splice(0)]) {
      if (each.frame.kind === "synced") this.#right.toldCurrent(each.to);
      this.#said.push(each);
    }
  }
}
