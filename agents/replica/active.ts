import type { ApplicationMessage, Load, NumberedApplication } from "../application/index.ts";
import { echoOf, readTestMessage } from "../application/index.ts";
import type { FlowTotal } from "../control/records.ts";
import type {
  AssociationState,
  Delivery,
  Endpoint,
  IcmpReport,
  Notification,
  OutboundPacket,
  Route,
  SendAnswer,
} from "../sctp/index.ts";
import type { Gated } from "./commit-gate.ts";
import { CommitGate } from "./commit-gate.ts";
import { EchoBacklog } from "./echo-backlog.ts";
import type { ClusterFrame, ReplicatedUpdate } from "./frames.ts";
import { linkVersion, replicate } from "./frames.ts";
import { Lease } from "./lease.ts";
import { notificationRecord } from "./notification-record.ts";
import type { InstanceRecord } from "./records.ts";
import { deliveryRecord, epochMicros, eventRecord, updateRecord } from "./records.ts";
import { UpdateBacklog, updateFrames } from "./update-backlog.ts";

export interface ActiveOptions {
  readonly endpoint: Endpoint;
  readonly application: NumberedApplication;
  /** Whether `down` messages are sent back: the outside computer does. */
  readonly echoes: boolean;
  /** Whether updates go to a secondary instance, and packets wait for it. */
  readonly replicates: boolean;
  readonly epoch: number;
  readonly beatIntervalMs: number;
  /** How long the secondary may be silent before nothing may leave any more. */
  readonly leaseMs: number;
}

/** What the host is to do, in order within each list. */
export interface InstanceOutputs {
  readonly packets: OutboundPacket[];
  readonly frames: ClusterFrame[];
  readonly records: InstanceRecord[];
}

type GatedThing = { readonly packet: OutboundPacket } | { readonly record: InstanceRecord };

/** Messages that are numbered in one turn at most, so that a late timer makes no burst without bound. */
const largestBurst = 200;
/** When the send buffer is full, the application tries again after this time. */
const retryMs = 5;

/**
 * The instance that runs the association: endpoint, application and commit gate in one pure machine.
 * It is the primary instance of a cluster, a former secondary after takeover, or the outside computer.
 */
export class ActiveInstance {
  readonly #options: ActiveOptions;
  readonly #gate: CommitGate<GatedThing>;
  readonly #lease: Lease;
  /** Sent (again) when the link comes up. */
  readonly #backlog: UpdateBacklog = new UpdateBacklog();
  #linkUp: boolean = false;
  #nextBeatMs: number = 0;
  #retryAtMs: number | undefined;
  #handle: number | undefined;
  readonly #echoes: EchoBacklog = new EchoBacklog();
  #savedUserState: string = "";
  #outputs: InstanceOutputs = { packets: [], frames: [], records: [] };

  constructor(options: ActiveOptions) {
    this.#options = options;
    this.#gate = new CommitGate(!options.replicates);
    this.#lease = new Lease(options.replicates ? options.leaseMs : Number.POSITIVE_INFINITY);
  }

  /** Goes on with associations that another instance ran, at once and from our own address. */
  static takeOver(
    options: ActiveOptions,
    states: readonly AssociationState[],
    nowMs: number,
  ): ActiveInstance {
    const instance = new ActiveInstance(options);
    // The application's own association is the one that its state was saved with.
    const own = states.find((state) => state.userState.length > 0) ?? states[0];
    for (const state of states) {
      const handle = options.endpoint.resume(state, nowMs);
      if (state !== own || state.phase === "cookie-echoed") continue;
      instance.#handle = handle;
      options.application.restore(state.userState);
    }
    // Should the former primary still be there, it must learn that its time is over.
    instance.#frame({ kind: "hello", epoch: options.epoch, version: linkVersion, role: "primary" });
    instance.#turn(nowMs);
    return instance;
  }

  get association(): number | undefined {
    return this.#handle;
  }

  connect(peerAddress: string, peerPort: number, nowMs: number): void {
    this.#options.endpoint.connect(peerAddress, peerPort, nowMs);
    this.#turn(nowMs);
  }

  receive(bytes: Uint8Array, route: Route, congestionExperienced: boolean, nowMs: number): void {
    this.#receivePacket(bytes, route, congestionExperienced, nowMs);
    this.#turn(nowMs);
  }

  #receivePacket(bytes: Uint8Array, route: Route, congestionExperienced: boolean, nowMs: number): void {
    if (!this.#backlog.isFull) this.#options.endpoint.receive(bytes, route, nowMs, congestionExperienced);
  }

  receiveIcmp(report: IcmpReport, nowMs: number): void {
    if (!this.#backlog.isFull) this.#options.endpoint.receiveIcmp(report, nowMs);
    this.#turn(nowMs);
  }

  startLoad(load: Load, nowMs: number): void {
    this.#options.application.start(load, nowMs);
    const text = `load starts: ${load.ratePerSecond} messages of ${load.sizeBytes} bytes a second on ${load.streams} streams`;
    this.#outputs.records.push(eventRecord("load-started", text, nowMs));
    this.#turn(nowMs);
  }

  stopLoad(nowMs: number): void {
    if (!this.#options.application.running) return;
    this.#options.application.stop();
    this.#outputs.records.push(eventRecord("load-stopped", "load stops", nowMs));
    this.#turn(nowMs);
  }

  shutdown(nowMs: number): void {
    if (this.#handle !== undefined) this.#options.endpoint.shutdown(this.#handle, nowMs);
    this.#turn(nowMs);
  }

  /** Numbers given out, and whether everything that was given out is acknowledged by the other side. */
  status(): { readonly totals: readonly FlowTotal[]; readonly drained: boolean } {
    const pending = this.#handle === undefined ? 0 : this.#options.endpoint.pendingBytes(this.#handle);
    const drained = pending === 0 && this.#echoes.isEmpty && this.#gate.waiting === 0;
    return { totals: this.#options.application.totals(), drained };
  }

  /** The link to the secondary is up: everything that it may lack goes there. */
  linkUp(nowMs: number): void {
    this.#linkUp = true;
    this.#options.endpoint.useOtherAddresses(true);
    this.#frame({ kind: "hello", epoch: this.#options.epoch, version: linkVersion, role: "primary" });
    this.#outputs.frames.push(...updateFrames(this.#options.epoch, this.#backlog.updates));
    this.#beat(nowMs);
    this.#outputs.records.push(
      eventRecord("secondary-connected", "the secondary instance is connected", nowMs),
    );
    this.#turn(nowMs);
  }

  linkDown(nowMs: number): void {
    if (!this.#linkUp) return;
    this.#linkUp = false;
    this.#options.endpoint.useOtherAddresses(false);
    this.#lease.revoke();
    const text = "the secondary instance is gone: nothing leaves from here until somebody decides";
    this.#outputs.records.push(eventRecord("secondary-lost", text, nowMs));
  }

  receiveFrame(frame: ClusterFrame, nowMs: number): void {
    if (frame.epoch > this.#options.epoch) {
      this.#fence(frame.epoch, nowMs);
      return;
    }
    // The other side of the link is an instance that was replaced: it has nothing to say.
    if (frame.epoch < this.#options.epoch) return;
    if (frame.kind === "beat") this.#lease.granted(frame.stampMs ?? Number.NEGATIVE_INFINITY, nowMs);
    else if (frame.kind === "held") this.#acknowledged(frame.association, frame.sequence, nowMs);
    else if (frame.kind === "inbound") {
      this.#receivePacket(frame.packet, frame.route, frame.congestionExperienced, nowMs);
    } else if (frame.kind === "icmp") {
      this.receiveIcmp(frame.report, nowMs);
      return;
    }
    this.#turn(nowMs);
  }

  /** Another instance has taken over: this one never sends again. */
  #fence(epoch: number, nowMs: number): void {
    if (this.#lease.fenced) return;
    this.#lease.fence();
    const text = `another instance has taken over (epoch ${epoch}): nothing leaves from here any more`;
    this.#outputs.records.push(eventRecord("fenced", text, nowMs, { epoch }));
  }

  #acknowledged(association: number, sequence: number, nowMs: number): void {
    const ended = this.#backlog.acknowledge(association, sequence);
    this.#outputs.records.push({ kind: "acked", at: epochMicros(nowMs), sequence });
    for (const gated of this.#gate.acknowledge(association, sequence)) this.#release(gated, nowMs);
    if (ended) this.#gate.forget(association);
  }

  nextDeadlineMs(): number | undefined {
    const { endpoint, application } = this.#options;
    const dueMs = this.#retryAtMs ?? (this.#handle === undefined ? undefined : application.nextDeadlineMs());
    const candidates = [endpoint.nextDeadlineMs(), dueMs, this.#linkUp ? this.#nextBeatMs : undefined];
    return candidates.reduce(
      (a, b) => (a === undefined ? b : b === undefined ? a : Math.min(a, b)),
      undefined,
    );
  }

  advance(nowMs: number): void {
    if (this.#retryAtMs !== undefined && this.#retryAtMs <= nowMs) this.#retryAtMs = undefined;
    this.#options.endpoint.advance(nowMs);
    if (this.#linkUp && this.#nextBeatMs <= nowMs) this.#beat(nowMs);
    this.#turn(nowMs);
  }

  #beat(nowMs: number): void {
    this.#nextBeatMs = nowMs + this.#options.beatIntervalMs;
    this.#frame({ kind: "beat", epoch: this.#options.epoch, stampMs: nowMs });
  }

  takeOutputs(): InstanceOutputs {
    const outputs = this.#outputs;
    this.#outputs = { packets: [], frames: [], records: [] };
    return outputs;
  }

  /** One turn: what the input caused, what the application does about it, all updates of it in one message. */
  #turn(nowMs: number): void {
    const updates: ReplicatedUpdate[] = [];
    const gated: Gated<GatedThing>[] = [];
    this.#collect(updates, gated, nowMs);
    this.#runApplication(nowMs);
    this.#collect(updates, gated, nowMs);
    this.#saveApplication();
    this.#collect(updates, gated, nowMs);
    if (updates.length > 0) this.#publish(updates, nowMs);
    for (const each of gated) {
      // What may not leave now is not kept either: while nobody answers, a peer that goes on sending must cost nothing.
      if ("packet" in each.item && !this.#mayLeave(nowMs)) continue;
      for (const released of this.#gate.submit(each)) this.#release(released, nowMs);
    }
  }

  /** Takes the endpoint's outputs until it has no more; deliveries go to the application at once. */
  #collect(updates: ReplicatedUpdate[], gated: Gated<GatedThing>[], nowMs: number): void {
    for (;;) {
      const outputs = this.#options.endpoint.takeOutputs();
      for (const each of outputs.updates) updates.push(replicate(each.association, each));
      for (const packet of outputs.packets) {
        gated.push({ association: packet.association, dependsOn: packet.dependsOn, item: { packet } });
      }
      for (const { association, notification } of outputs.notifications) {
        this.#noticed(association, notification, nowMs);
      }
      if (outputs.deliveries.length === 0) return;
      for (const delivery of outputs.deliveries) this.#deliver(delivery, delivery.association, gated, nowMs);
    }
  }

  #deliver(delivery: Delivery, association: number, gated: Gated<GatedThing>[], nowMs: number): void {
    const record = deliveryRecord(delivery.payload, delivery.sequence, nowMs);
    if (record === undefined) return;
    gated.push({ association, dependsOn: delivery.sequence, item: { record } });
    const message = this.#options.echoes ? readTestMessage(delivery.payload) : undefined;
    const echo = message === undefined ? undefined : echoOf(message, nowMs);
    if (echo !== undefined && association === this.#handle) this.#queueEcho(echo, nowMs);
    this.#sendEchoes(nowMs);
  }

  #queueEcho(echo: ApplicationMessage, nowMs: number): void {
    if (this.#echoes.add(echo)) return;
    const { flow, streamId, number } = echo.about;
    const text = `too many echoes wait for room: ${flow} ${number} of stream ${streamId} is not sent`;
    this.#outputs.records.push(eventRecord("note", text, nowMs));
  }

  #sendEchoes(nowMs: number): void {
    this.#echoes.drain((echo) => {
      const answer = this.#send(echo, nowMs);
      if (answer === "queue-full" || answer === "not-connected") return false;
      if (answer !== "accepted") this.#refused(echo, answer, nowMs);
      return true;
    });
  }

  /** A message that the association will never take: what was asked for does not fit what was agreed. */
  #refused(message: ApplicationMessage, answer: SendAnswer, nowMs: number): void {
    const { flow, number } = message.about;
    const reason = answer === "no-such-stream" ? "has no such stream" : "takes no message of that length";
    const text = `${flow} ${number} of stream ${message.streamId} cannot be sent: the association ${reason}`;
    this.#outputs.records.push(eventRecord("note", text, nowMs));
  }

  #runApplication(nowMs: number): void {
    if (this.#handle === undefined) return;
    this.#sendEchoes(nowMs);
    const { application } = this.#options;
    if (this.#backlog.isFull) {
      this.#retryAtMs = application.running ? nowMs + retryMs : undefined;
      return;
    }
    for (let count = 0; count < largestBurst; count++) {
      const message = application.due(nowMs);
      if (message === undefined) return;
      const answer = this.#send(message, nowMs);
      if (answer === "no-such-stream" || answer === "bad-length") {
        this.#refused(message, answer, nowMs);
        application.stop();
        this.#outputs.records.push(eventRecord("load-stopped", "load stops", nowMs));
        return;
      }
      if (answer !== "accepted") break;
      application.accepted();
    }
    this.#retryAtMs = nowMs + retryMs;
  }

  #send(message: ApplicationMessage, nowMs: number): SendAnswer {
    if (this.#handle === undefined) return "not-connected";
    const { streamId, payload, about } = message;
    const outgoing = { streamId, ppid: 0, unordered: false, payload };
    const answer = this.#options.endpoint.send(this.#handle, outgoing, nowMs);
    if (answer !== "accepted") return answer;
    const { flow, number, sizeBytes } = about;
    const at = epochMicros(nowMs);
    this.#outputs.records.push({
      kind: "message",
      at,
      act: "sent",
      flow,
      streamId,
      number,
      sizeBytes,
      intact: true,
    });
    return answer;
  }

  /** The application's state moves with the association: it is an update like any other. */
  #saveApplication(): void {
    if (this.#handle === undefined || !this.#options.replicates) return;
    const userState = this.#options.application.snapshot();
    const text = userState.join();
    if (text === this.#savedUserState) return;
    this.#savedUserState = text;
    this.#options.endpoint.saveUserState(this.#handle, userState);
  }

  #publish(updates: readonly ReplicatedUpdate[], nowMs: number): void {
    for (const each of updates) {
      this.#outputs.records.push(updateRecord("made", each, this.#options.epoch, nowMs));
    }
    if (!this.#options.replicates) return;
    this.#backlog.add(updates);
    if (this.#linkUp) this.#outputs.frames.push(...updateFrames(this.#options.epoch, updates));
  }

  #frame(frame: ClusterFrame): void {
    this.#outputs.frames.push(frame);
  }

  #release(gated: Gated<GatedThing>, nowMs: number): void {
    if ("record" in gated.item) {
      this.#outputs.records.push(gated.item.record);
      return;
    }
    if (this.#mayLeave(nowMs)) this.#outputs.packets.push(gated.item.packet);
  }

  /** Without a lease a packet is lost like on a bad link; SCTP repairs that, and nobody sees two instances. */
  #mayLeave(nowMs: number): boolean {
    if (this.#lease.holds(nowMs)) return true;
    if (!this.#lease.fenced && this.#lease.firstRefusal()) {
      const text = "nothing was heard from the secondary for too long: sending pauses";
      this.#outputs.records.push(eventRecord("note", text, nowMs));
    }
    return false;
  }

  #noticed(association: number, notification: Notification, nowMs: number): void {
    if (notification.type === "association-change") {
      // A stranger who connects too gets no part of the load.
      if (notification.state === "comm-up") this.#handle ??= association;
      else if (this.#handle === association) this.#handle = undefined;
      this.#savedUserState = "";
    }
    const record = notificationRecord(association, notification, nowMs);
    if (record !== undefined) this.#outputs.records.push(record);
  }
}
