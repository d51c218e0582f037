import type { FlowTotal } from "../control/records.ts";
import type { AssociationState, IcmpReport, OutboundPacket, ResumeTerms } from "../sctp/index.ts";
import type { GatedThing } from "./active.ts";
import { ActiveInstance } from "./active.ts";
import { Arrival } from "./arrival.ts";
import { BeatStamps } from "./beat-stamps.ts";
import type { ClusterFrame, LinkRole } from "./frames.ts";
import { isOfPrimary, linkVersion } from "./frames.ts";
import type { ReplicationPolicy } from "./policy/index.ts";
import { describeReplication } from "./policy/index.ts";
import { PrimaryDuty } from "./primary-duty.ts";
import type { InstanceRecord } from "./records.ts";
import { eventRecord } from "./records.ts";
import { Replicator } from "./replicator.ts";
import type { ArrivedPacket, MemberOptions, Role, StartingLease, Transition } from "./roles.ts";
import type { AddressedFrame, LinkName } from "./sending-right.ts";
import { SendingRight } from "./sending-right.ts";
import { StandbyInstance } from "./standby.ts";
import { StandbyWatch } from "./standby-watch.ts";

/** What the host is to do, in order within each list. */
export interface MemberOutputs {
  readonly packets: OutboundPacket[];
  readonly frames: AddressedFrame[];
  readonly records: InstanceRecord[];
  /** Set when this member became the primary in this turn: to be recorded once all of it is carried out. */
  readonly becamePrimary: BecamePrimary | undefined;
  /** After this instant the packets are not to be sent any more: another member may have taken over. */
  readonly sendUntilMs: number;
  /** Links on which something came that makes no sense: they are to be given up. */
  readonly refusals: readonly LinkName[];
}

export interface BecamePrimary {
  readonly by: "takeover" | "handover";
  readonly epoch: number;
}

/** How an instance becomes the primary. */
interface Beginning {
  readonly states: readonly AssociationState[];
  /** The other member, or the store, has everything already and may go on from it. */
  readonly isHeld: boolean;
  /** How the associations are resumed, by their local tags. */
  readonly terms?: (state: AssociationState) => ResumeTerms;
  readonly lease?: StartingLease | undefined;
}

/**
 * One of the two computers of a cluster: primary or standby, and every change between the two. Pure:
 * packets, frames, calls and time come in; `takeOutputs` ends the turn with what is to be done.
 */
export class Member {
  readonly #options: MemberOptions;
  #epoch: number;
  #role: Role;
  readonly #isUp: Record<LinkName, boolean> = { partner: false, keeper: false };
  readonly #stamps: BeatStamps = new BeatStamps();
  /** What the partner said that it is, on the link that is up. */
  #partnerRole: LinkRole | undefined;
  #frames: AddressedFrame[] = [];
  #records: InstanceRecord[] = [];
  #becamePrimary: BecamePrimary | undefined;
  readonly #refused: Set<LinkName> = new Set<LinkName>();
  /** Of this member when it is the primary. */
  #policy: ReplicationPolicy;

  constructor(options: MemberOptions, nowMs: number) {
    this.#options = options;
    this.#policy = options.policy;
    const isPrimary = options.startsAs === "primary";
    // A standby follows whatever primary it finds.
    this.#epoch = isPrimary ? 1 : 0;
    this.#recordPolicy(nowMs);
    this.#role = isPrimary ? this.#primary({ states: [], isHeld: false }, nowMs) : this.#standby(false);
  }

  get epoch(): number {
    return this.#epoch;
  }

  get role(): Role["name"] {
    return this.#role.name;
  }

  /** The instance that runs the associations, where this member is the primary. */
  get active(): ActiveInstance | undefined {
    return this.#role instanceof PrimaryDuty ? this.#role.active : undefined;
  }

  /** What this member holds for the primary, where it is the standby. */
  get standby(): StandbyInstance | undefined {
    return this.#role instanceof StandbyWatch ? this.#role.standby : undefined;
  }

  status(): {
    readonly totals: readonly FlowTotal[];
    readonly drained: boolean;
    readonly associated: boolean;
  } {
    const { active } = this;
    if (active === undefined) return { totals: [], drained: true, associated: false };
    return { ...active.status(), associated: active.association !== undefined };
  }

  linkUp(link: LinkName, nowMs: number): void {
    this.#isUp[link] = true;
    this.#stamps.linkUp(link);
    this.#greet(link);
    this.#role.linkUp(link, nowMs);
  }

  #greet(link: LinkName): void {
    const role = this.#role instanceof PrimaryDuty ? "primary" : "standby";
    this.#frames.push({ to: link, frame: { kind: "hello", epoch: this.#epoch, version: linkVersion, role } });
  }

  /** `closed`: by the computer at the other end; else we gave the link up. An end that is not fresh says nothing. */
  linkDown(link: LinkName, closed: boolean, nowMs: number): void {
    this.#isUp[link] = false;
    if (link === "partner") this.#partnerRole = undefined;
    const wasFresh = this.#stamps.isFresh(link, nowMs, this.#options.leaseMs);
    this.#role.linkDown(link, closed && wasFresh, nowMs);
  }

  receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    if (link === "partner" && frame.kind === "hello") this.#partnerRole = frame.role;
    if (frame.epoch > this.#epoch && this.#isOfOtherPrimary(link, frame))
      this.#otherPrimary(frame.epoch, nowMs);
    if (frame.epoch < this.#epoch) {
      // A member that was replaced learns it, whatever it says; a keeper that began anew is no member.
      if (link === "partner" && (frame.kind === "hello" || frame.kind === "beat"))
        this.#frames.push({ to: link, frame: { kind: "fenced", epoch: this.#epoch } });
      const isNoPrimary = frame.kind === "hello" && frame.role !== "primary";
      // A keeper that knows of an earlier epoch only says so when it is asked for this one.
      if (!isNoPrimary && frame.kind !== "claimDenied") return;
    } else if (frame.kind === "beat") this.#stamps.read(link, frame, this.#answersBeats(link), nowMs);
    this.#role.receiveFrame(link, frame, nowMs);
  }

  #answersBeats(link: LinkName): boolean {
    return link === "partner" && this.#role instanceof StandbyWatch;
  }

  /**
   * Whether a frame of a later epoch says that somebody else is primary under it. A standby is told by a primary itself,
   * which greets as that: another standby has a later epoch when it handed over, to us, or was handed over to by whoever
   * ran here before, and nobody is primary under that yet.
   */
  #isOfOtherPrimary(link: LinkName, frame: ClusterFrame): boolean {
    if (frame.kind === "claimed" || frame.kind === "handover") return false;
    if (link === "keeper" || !(this.#role instanceof StandbyWatch)) return true;
    return this.#partnerRole === "primary" && isOfPrimary(frame);
  }

  /** Somebody is primary under a later epoch. */
  #otherPrimary(epoch: number, nowMs: number): void {
    if (this.#role instanceof StandbyWatch) {
      this.#epoch = epoch;
      this.#role.follow(epoch);
      return;
    }
    const text = `another instance has taken over (epoch ${epoch}): nothing leaves from here any more`;
    this.#records.push(eventRecord("fenced", text, nowMs, { epoch }));
    this.#become({ to: "standby", epoch }, nowMs);
  }

  receive(packet: ArrivedPacket, nowMs: number): void {
    this.#role.receive(packet, nowMs);
  }

  receiveIcmp(report: IcmpReport, nowMs: number): void {
    this.#role.receiveIcmp(report, nowMs);
  }

  /** Another policy from now on, and whenever this member is the primary later. */
  setPolicy(policy: ReplicationPolicy, nowMs: number): void {
    this.#policy = policy;
    this.#recordPolicy(nowMs);
    if (this.#role instanceof PrimaryDuty) this.#role.setPolicy(policy, nowMs);
  }

  #recordPolicy(nowMs: number): void {
    const { keeper, fencing: wish } = this.#options;
    const placement = keeper === "store" ? "store" : "standby";
    const policy = describeReplication({ policy: this.#policy, placement });
    const fencing = keeper === undefined ? wish : "witness";
    const text = `replication policy ${policy}, fencing ${fencing}`;
    this.#records.push(eventRecord("policy", text, nowMs, { policy, placement, fencing }));
  }

  /** The operator wants the other computer brought up to date; nothing to do for a standby. */
  synchronise(nowMs: number): void {
    if (this.#role instanceof PrimaryDuty) this.#role.synchronise(nowMs);
  }

  /** A failure of this computer was announced or detected. */
  failureImpends(reason: string, nowMs: number): void {
    if (this.#role instanceof PrimaryDuty) this.#role.failureImpends(reason, nowMs);
  }

  /** Planned switch-over; answers one sentence where that cannot be. */
  handOver(nowMs: number): string | undefined {
    return this.#role instanceof PrimaryDuty
      ? this.#role.handOver(nowMs)
      : "this member is not the primary: it has nothing to hand over";
  }

  /** Whether the other member's outside address is on this computer, since nobody else has it. */
  holdPartnerAddress(isHere: boolean, nowMs: number): void {
    if (this.#role instanceof PrimaryDuty) this.#role.holdPartnerAddress(isHere, nowMs);
  }

  advance(nowMs: number): void {
    this.#role.advance(nowMs);
  }

  nextDeadlineMs(): number | undefined {
    return this.#role.nextDeadlineMs();
  }

  takeOutputs(nowMs: number): MemberOutputs {
    const packets: OutboundPacket[] = [];
    for (;;) {
      const frames = this.#frames.splice(0);
      const records = this.#records.splice(0);
      const { outputs, transition, refused } = this.#role.settle(nowMs);
      if (refused !== undefined) this.#refused.add(refused);
      packets.push(...outputs.packets);
      this.#frames.push(
        ...frames,
        ...outputs.frames.map((each) => this.#stamps.stamped(each, this.#answersBeats(each.to), nowMs)),
      );
      this.#records.push(...records, ...outputs.records);
      if (transition === undefined) break;
      // What was to be passed on for the primary that is gone belongs to its epoch.
      if (transition.to === "primary") packets.length = 0;
      this.#become(transition, nowMs);
    }
    const becamePrimary = this.#becamePrimary;
    this.#becamePrimary = undefined;
    const refusals = [...this.#refused];
    this.#refused.clear();
    const [frames, records] = [this.#frames.splice(0), this.#records.splice(0)];
    return { packets, frames, records, becamePrimary, refusals, sendUntilMs: this.#sendUntilMs(nowMs) };
  }

  /** The lease that held at `nowMs` ends so much before anybody may take over; half of it is for clocks and networks. */
  #sendUntilMs(nowMs: number): number {
    const { leaseMs, takeoverAfterMs } = this.#options;
    const isGuarded = this.#role instanceof PrimaryDuty && !this.#role.isAlone;
    return isGuarded ? nowMs + (takeoverAfterMs - leaseMs) / 2 : Infinity;
  }

  #become(transition: Transition, nowMs: number): void {
    this.#epoch = transition.epoch;
    switch (transition.to) {
      case "primary":
        this.#takeOver(transition.standby, transition.grantedAtMs, nowMs);
        break;
      case "arriving":
        this.#role = new Arrival(this.#options, transition.epoch, transition.standby, nowMs);
        return;
      case "primary-by-handover":
        this.#arrive(transition.arrival, nowMs);
        break;
      case "standby-after-handover": {
        const standby = StandbyInstance.former(this.#standbyOptions, transition.states, nowMs);
        this.#role = new StandbyWatch(this.#options, this.#epoch, standby, false);
        if (this.#isUp.keeper) this.#role.linkUp("keeper", nowMs);
        return;
      }
      case "standby":
        this.#role = this.#standby(true);
        break;
    }
    // After a handover both members know what the other one is, and the standby has everything.
    const isKnown = transition.to === "primary-by-handover" && transition.arrival.partnerIsStandby;
    for (const link of ["partner", "keeper"] as const) {
      if (!this.#isUp[link]) continue;
      this.#greet(link);
      this.#role.linkUp(link, nowMs);
    }
    // A standby that greeted us while we were none of its business does not greet again.
    if (this.#role instanceof PrimaryDuty && this.#partnerRole === "standby" && !isKnown)
      this.#role.greeted("partner", "standby", nowMs);
  }

  #takeOver(standby: StandbyInstance, grantedAtMs: number | undefined, nowMs: number): void {
    const { states, held } = standby;
    const epoch = this.#epoch;
    const text = `takeover: this instance goes on with ${states.length} association(s) under epoch ${epoch}`;
    this.#records.push(eventRecord("takeover-started", text, nowMs, { epoch }));
    // The former primary, should it still be there, is no standby: it has to catch up first.
    const lease = grantedAtMs === undefined ? undefined : { by: "keeper" as const, atMs: grantedAtMs };
    const isHeld = this.#options.keeper === "store";
    const lostAddresses = this.#options.partnerAddresses;
    const terms = ({ agreement }: AssociationState): ResumeTerms => ({
      lostAddresses,
      ...(held.mayLag && { lag: { lease: held.lease(agreement.localTag) } }),
    });
    this.#role = this.#primary({ states, isHeld, lease, terms }, nowMs);
    this.#becamePrimary = { by: "takeover", epoch };
  }

  #arrive(arrival: Extract<Transition, { to: "primary-by-handover" }>["arrival"], nowMs: number): void {
    const { standby, packets, partnerIsStandby, lease } = arrival;
    const { states } = standby;
    const isHeld = partnerIsStandby || this.#options.keeper === "store";
    if (!isHeld) {
      const reason = "the former primary has ended";
      this.#records.push(eventRecord("solo", `the primary goes on alone: ${reason}`, nowMs, { reason }));
    }
    const duty = this.#primary({ states, isHeld, lease }, nowMs);
    this.#role = duty;
    if (this.#isUp.partner && partnerIsStandby) duty.partnerIsStandby(nowMs);
    for (const packet of packets) this.#role.receive(packet, nowMs);
    this.#becamePrimary = { by: "handover", epoch: this.#epoch };
  }

  #primary({ states, isHeld, lease, terms = () => ({}) }: Beginning, nowMs: number): PrimaryDuty {
    const epoch = this.#epoch;
    const { makeEndpoint, makeApplication, fencing, keeper, leaseMs, takeoverAfterMs } = this.#options;
    const endpoint = makeEndpoint();
    // Until the partner says that it is the standby.
    endpoint.setAway(this.#options.partnerAddresses, nowMs);
    const replicator = new Replicator<GatedThing>({ epoch, source: endpoint, policy: this.#policy });
    const timing = { leaseMs, takeoverAfterMs };
    const right = new SendingRight({ epoch, fencing, keeper, ...timing, isGuarded: isHeld });
    if (lease !== undefined) right.answered(lease.by, lease.atMs, nowMs);
    const mayLeave = (atMs: number): boolean => right.mayLeave(atMs);
    const options = { endpoint, makeApplication, epoch, replicator, mayLeave };
    // Who goes on changes its states at once, and nobody else has that yet.
    const heldUpTo = new Map(states.map(({ agreement, sequence }) => [agreement.localTag, sequence]));
    const active =
      states.length === 0
        ? new ActiveInstance(options)
        : ActiveInstance.takeOver(options, states, terms, nowMs);
    if (isHeld) replicator.holderHasAll(heldUpTo);
    return new PrimaryDuty(this.#options, epoch, { active, replicator, right });
  }

  get #standbyOptions() {
    const { beatIntervalMs, takeoverAfterMs } = this.#options;
    return { epoch: this.#epoch, beatIntervalMs, takeoverAfterMs };
  }

  #standby(rejoins: boolean): StandbyWatch {
    return new StandbyWatch(this.#options, this.#epoch, new StandbyInstance(this.#standbyOptions), rejoins);
  }
}
