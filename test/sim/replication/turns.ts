import type { ClusterFrame, InstanceRecord, LinkName, MemberOutputs } from "../../../agents/replica/index.ts";
import { decodeFrame, encodeFrame, isLossRecord } from "../../../agents/replica/index.ts";
import type { OutboundPacket } from "../../../agents/sctp/index.ts";
import type { KillPoint } from "./kill-points.ts";
import { pointOfFrame, pointOfReading } from "./kill-points.ts";
import type { CrashPlan, MachineName, MemberName, PairName } from "./knobs.ts";
import { otherMember } from "./knobs.ts";
import type { MemberPort } from "./machine.ts";
import type { Stage } from "./stage.ts";
import { addressOf } from "./stage.ts";
import type { LinkItem } from "./stream-link.ts";

interface Relayed {
  readonly epoch: number;
  readonly packet: Uint8Array;
}

/** Carries a planned death out. */
export type Kill = (victim: MachineName, plan: CrashPlan) => void;

/** A computer stands still, and does that first when it goes on. */
export type StandStill = (name: MemberName, forMs: number, unfinished: () => void) => void;

/** A live process leaves its end of a link lying. */
export type GiveUp = (pair: PairName, name: MachineName) => void;

/** The turns of a member: something comes in, and what comes of it is carried out, as an agent does it. */
export class Turns {
  readonly #stage: Stage;
  readonly #kill: Kill;
  readonly #giveUp: GiveUp;
  readonly #standStill: StandStill;
  /** Packets of the other member that came in this turn, to be sent from here. */
  #relayed: Relayed[] = [];

  constructor(stage: Stage, acts: { kill: Kill; giveUp: GiveUp; standStill: StandStill }) {
    this.#stage = stage;
    this.#kill = acts.kill;
    this.#giveUp = acts.giveUp;
    this.#standStill = acts.standStill;
  }

  /** True where the process of this member is dead afterwards. */
  #reach(point: KillPoint, name: MemberName): boolean {
    const plan = this.#stage.crasher.reach(point, this.#stage.nowMs);
    if (plan === undefined) return false;
    const victim = victimOf(plan, name);
    if (point === "frame-on-link" || point === "ack-on-link") {
      const halfWayMs = this.#stage.nowMs + this.#stage.knobs.link.latencyMs / 2;
      const kill = (): void => {
        if (!this.#stage.crasher.isDisarmed) this.#kill(victim, plan);
      };
      this.#stage.timers.add(kill, halfWayMs);
      return false;
    }
    this.#kill(victim, plan);
    return victim === name;
  }

  /** Lets a member do something with its local time, and carries out what comes of it. */
  with(name: MemberName, act: (member: MemberPort, localMs: number) => void): void {
    const machine = this.#stage.members[name];
    const member = machine.process;
    if (member === undefined) return;
    act(member, machine.localMs(this.#stage.nowMs));
    this.drain(name);
  }

  receiveItem(name: MemberName, pair: PairName, item: LinkItem, drains: boolean = true): void {
    const machine = this.#stage.members[name];
    const member = machine.process;
    if (member === undefined) return;
    const link: LinkName = pair === "ab" ? "partner" : "keeper";
    const localMs = machine.localMs(this.#stage.nowMs);
    this.#stage.heardAtMs.set(`${pair}>${name}`, this.#stage.nowMs);
    if (item.kind === "frame") {
      if (this.#receiveFrame(name, member, link, item, localMs)) return;
    } else {
      this.#stage.trace.note(this.#stage.nowMs, () => `${name} reads that its ${link} link is ${item.kind}`);
      if (item.kind === "up") member.linkUp(link, localMs);
      else member.linkDown(link, item.kind === "closed", localMs);
    }
    if (drains) this.drain(name);
  }

  /** True where the member died of it. */
  #receiveFrame(
    name: MemberName,
    member: MemberPort,
    link: LinkName,
    { bytes, writer }: Extract<LinkItem, { kind: "frame" }>,
    localMs: number,
  ): boolean {
    const frame = decodeFrame(bytes);
    if (frame === undefined) throw new Error("a link carried a frame that cannot be read");
    this.#stage.trace.note(this.#stage.nowMs, () => `${name} reads from ${link} ${frameText(frame)}`);
    if (frame.kind === "outbound") this.#relayed.push({ epoch: frame.epoch, packet: frame.packet });
    const { role, epoch } = member;
    const isHolder = link === (this.#stage.knobs.keeper === "store" ? "keeper" : "partner");
    const isWordOfHolder = role === "primary" && frame.epoch === epoch && isHolder;
    member.receiveFrame(link, frame, localMs);
    const about = { atMs: this.#stage.nowMs, ...this.#stage.nameOf(name), holder: writer };
    if (isWordOfHolder && frame.kind === "held") {
      const { association, sequence } = frame;
      this.#stage.note({ kind: "acknowledged", ...about, epoch, association, sequence });
    } else if (isWordOfHolder && frame.kind === "leaseHeld") {
      const { association, limitTsn } = frame;
      this.#stage.note({ kind: "lease-held", ...about, association, limitTsn });
    } else if (isWordOfHolder && frame.kind === "policy" && !frame.excuses) {
      this.#stage.note({ kind: "leases-over", atMs: about.atMs, ...this.#stage.nameOf(name) });
    }
    const point = pointOfReading(frame.kind, role);
    return point !== undefined && this.#reach(point, name);
  }

  /** Ends the turn of a member. */
  drain(name: MemberName): void {
    const stage = this.#stage;
    const machine = stage.members[name];
    const member = machine.process;
    if (member === undefined) return;
    const relayed = this.#relayed.splice(0);
    const epochBefore = member.role === "primary" ? member.epoch : undefined;
    const outputs = member.takeOutputs(machine.localMs(stage.nowMs));
    const { frames, records, becamePrimary } = outputs;
    if (
      records.some((record) => record.kind === "update" && record.act === "made") &&
      this.#reach("made", name)
    ) {
      stage.forgetTurn();
      return;
    }
    // What a standby itself says to the peer, that its address works, is of no epoch.
    const isStandby = epochBefore === undefined && becamePrimary === undefined;
    const epoch = epochBefore ?? (isStandby ? stage.latestEpoch : member.epoch);
    if (becamePrimary !== undefined)
      this.#becamePrimary(name, becamePrimary.by, beginningOf(member, records));
    for (const { sequence, tsn, payload } of stage.taken.splice(0)) {
      const about = { atMs: stage.nowMs, ...stage.nameOf(name), epoch };
      stage.note({ kind: "cluster-delivers", ...about, sequence, tsn, payload });
    }
    this.#noteSending(name, records);
    for (const record of records) if (isLossRecord(record)) this.#record(name, record, epoch);
    if (records.some((record) => isEvent(record, "solo"))) this.#stands("alone", name, epoch);
    for (const { to, frame } of frames) if (this.#write(name, to, frame)) return;
    const finish = (): void => this.#finish(name, outputs, epoch, relayed);
    const isPrimary = epochBefore !== undefined && outputs.packets.length > 0;
    const pauseMs = isPrimary ? stage.crasher.pause(stage.nowMs) : undefined;
    if (pauseMs === undefined) finish();
    else this.#standStill(name, pauseMs, finish);
  }

  /** What a host does once the links have what is theirs. */
  #finish(name: MemberName, outputs: MemberOutputs, epoch: number, relayed: readonly Relayed[]): void {
    const stage = this.#stage;
    const { records } = outputs;
    const isLate = stage.members[name].localMs(stage.nowMs) > outputs.sendUntilMs;
    const packets = isLate ? [] : outputs.packets;
    if (isLate) {
      stage.count("packets dropped that came too late to leave");
      for (const { bytes } of outputs.packets)
        stage.note({ kind: "cluster-drops", atMs: stage.nowMs, bytes });
    }
    if (packets.length > 0 && this.#reach("released", name)) return;
    for (const packet of packets) if (this.#send(name, packet, epoch, relayed)) return;
    if (records.some((record) => isEvent(record, "synchronised"))) this.#stands("guarded", name, epoch);
    for (const record of records) if (!isLossRecord(record)) this.#record(name, record, epoch);
    for (const link of outputs.refusals) this.#giveUp(pairOf(name, link), name);
  }

  /** What the checker has to know of the sending side before something is sent. */
  #noteSending(name: MemberName, records: readonly InstanceRecord[]): void {
    const stage = this.#stage;
    const about = { atMs: stage.nowMs, ...stage.nameOf(name) };
    if (records.some((record) => isEvent(record, "recovery-step") && record.detail["step"] === "restart")) {
      stage.note({ kind: "cluster-restarts", ...about });
      stage.wasRestarted = true;
    }
    for (const each of stage.assigned) stage.note({ kind: "cluster-assigns", ...about, ...each });
    for (const { streamId, payload } of stage.givenUp)
      stage.note({ kind: "cluster-gives-up", atMs: stage.nowMs, streamId, payload });
    stage.forgetTurn();
  }

  #stands(kind: "alone" | "guarded", name: MemberName, epoch: number): void {
    this.#stage.note({ kind, epoch, atMs: this.#stage.nowMs, ...this.#stage.nameOf(name) });
  }

  #becamePrimary(name: MemberName, by: "takeover" | "handover", from: number | undefined): void {
    const stage = this.#stage;
    const { epoch } = stage.members[name].process ?? { epoch: 0 };
    const holder = stage.holderOfNewPrimary(by);
    stage.latestEpoch = Math.max(stage.latestEpoch, epoch);
    stage.formerPrimary = stage.nameOf(name);
    stage.mayBeLost = undefined;
    // It is found out what is missing when the outside computer sends, by its T3.
    if (stage.wentOnBehind) stage.quietFromMs = stage.nowMs + 4 * stage.knobs.parameters.rtoMaxMs;
    stage.count(`became primary by ${by}`);
    const about = { epoch, by, holder, from, lags: stage.wentOnBehind };
    stage.note({ kind: "primary", atMs: stage.nowMs, ...stage.nameOf(name), ...about });
  }

  #write(name: MemberName, to: LinkName, frame: ClusterFrame): boolean {
    const stage = this.#stage;
    const link = stage.links.get(pairOf(name, to));
    const wasWritten =
      link?.write(name, { bytes: encodeFrame(frame), writer: stage.nameOf(name) }, stage.nowMs) === true;
    stage.trace.note(
      stage.nowMs,
      () => `${name} writes to ${to} ${frameText(frame)}${wasWritten ? "" : ": no link"}`,
    );
    // It was asked by a primary that died before it could read the answer, and may not go on itself now.
    if (frame.kind === "soloGranted" && stage.primary === undefined)
      stage.mayBeLost ??= "the standby let the primary go on alone, which died";
    if (!wasWritten) return false;
    const point = pointOfFrame(frame.kind);
    if (point !== undefined && this.#reach(point, name)) return true;
    if (frame.kind === "handover" && stage.knobs.keeper === "store" && stage.keeper.process === undefined)
      stage.mayBeLost ??= "the store was lost in the moment of a handover";
    if (frame.kind === "updates") this.#reach("frame-on-link", name);
    if (frame.kind === "held") this.#reach("ack-on-link", name);
    return false;
  }

  /** To the network, or to the other member where the address is not ours. True where the process died of it. */
  #send(name: MemberName, packet: OutboundPacket, epoch: number, relayed: readonly Relayed[]): boolean {
    const stage = this.#stage;
    const { local, remote, bytes, dependsOn, association, reason } = packet;
    const origin = originOf(packet, relayed);
    const about = { atMs: stage.nowMs, ...stage.nameOf(name), epoch: origin?.epoch ?? epoch };
    if (origin === undefined)
      stage.note({ kind: "released", ...about, association, dependsOn, reason, bytes });
    if (local === addressOf[name]) {
      stage.note({ kind: "cluster-sends", ...about, from: local, to: remote, bytes });
      stage.network.send({ from: local, to: remote, bytes }, stage.nowMs);
      return this.#reach("on-the-wire", name);
    }
    const route = { local, remote };
    return this.#write(name, "partner", { kind: "outbound", epoch, route, packet: bytes });
  }

  #record(name: MemberName, record: InstanceRecord, epoch: number): void {
    const stage = this.#stage;
    if (record.kind === "event") this.#event(name, record, epoch);
    else if (record.kind === "message" && record.act === "delivered" && record.sequence !== undefined) {
      const { process } = stage.members[name];
      // What a standby holds as delivered is the primary's to tell.
      if (process?.active === undefined) return;
      const about = { atMs: stage.nowMs, ...stage.nameOf(name), epoch, sequence: record.sequence };
      stage.note({ kind: "cluster-confirms", ...about });
    }
  }

  #event(name: MemberName, { name: event, text, detail }: EventRecord, epoch: number): void {
    const stage = this.#stage;
    const about = { atMs: stage.nowMs, ...stage.nameOf(name) };
    stage.count(event === "recovery-step" ? `recovery step ${String(detail["step"])}` : `event ${event}`);
    stage.trace.note(stage.nowMs, () => `${name} ${event}: ${text}`);
    if (event === "loss-report") {
      const direction = detail["direction"] === "inbound" ? "inbound" : "outbound";
      const [firstTsn, lastTsn] = [Number(detail["firstTsn"]), Number(detail["lastTsn"])];
      stage.note({ kind: "cluster-reports-loss", ...about, epoch, direction, firstTsn, lastTsn });
    } else if (event === "numbers-skipped") {
      const [firstIndex, lastIndex] = [Number(detail["firstIndex"]), Number(detail["lastIndex"])];
      const flow = String(detail["flow"]);
      stage.note({ kind: "cluster-skips", atMs: stage.nowMs, flow, firstIndex, lastIndex });
    }
  }
}

const victimOf = ({ victim }: CrashPlan, name: MemberName): MachineName =>
  victim === "keeper" ? "k" : victim === "here" ? name : otherMember(name);

const pairOf = (name: MemberName, to: LinkName): PairName =>
  to === "partner" ? "ab" : name === "a" ? "ak" : "bk";

type EventRecord = Extract<InstanceRecord, { kind: "event" }>;

const isEvent = (record: InstanceRecord, name: string): record is EventRecord =>
  record.kind === "event" && record.name === name;

/** The update from which a primary goes on that made these since; undefined: it has no association. */
function beginningOf(member: MemberPort, records: readonly InstanceRecord[]): number | undefined {
  const { active } = member;
  if (active === undefined) return undefined;
  const made = new Set<number>();
  for (const record of records)
    if (record.kind === "update" && record.act === "made") made.add(record.sequence);
  // Others got no further than a handshake.
  const sequences = [...active.endpoint.associations()].map(
    (each) => active.endpoint.state(each)?.sequence ?? 0,
  );
  let from = Math.max(...sequences);
  while (made.has(from)) from -= 1;
  return sequences.length === 0 ? undefined : from;
}

/**
 * The frame in which the other member sent this packet to be sent on, where it did: the very same bytes, since who
 * takes over sends packets of its own that look alike.
 */
function originOf({ bytes }: OutboundPacket, relayed: readonly Relayed[]): Relayed | undefined {
  return relayed.find(({ packet }) => packet === bytes);
}

/** For the trace. */
export function frameText(frame: ClusterFrame): string {
  const { kind, epoch } = frame;
  switch (frame.kind) {
    case "updates":
      return `updates e${epoch}: ${frame.updates.map(({ sequence, update }) => `${sequence} ${update.kind}`).join(", ")}`;
    case "held":
      return `held e${epoch}: ${frame.sequence}`;
    case "hello":
      return `hello e${epoch} of the ${frame.role}`;
    case "state":
    case "inbound":
    case "outbound":
      return `${kind} e${epoch}`;
    default:
      return JSON.stringify(frame);
  }
}
