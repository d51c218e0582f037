import type { Application, Load } from "../application/index.ts";
import type { FlowTotal } from "../control/records.ts";
import type {
  AssociationState,
  Delivery,
  Endpoint,
  IcmpReport,
  Notification,
  OutboundPacket,
  ResumeTerms,
  Route,
} from "../sctp/index.ts";
import { tsnDistance } from "../sctp/index.ts";
import { Applications } from "./applications.ts";
import type { Gated } from "./commit-gate.ts";
import type { ClusterFrame, ReplicatedUpdate } from "./frames.ts";
import { notificationRecord } from "./notification-record.ts";
import type { InstanceRecord } from "./records.ts";
import { deliveryRecord, updateRecord } from "./records.ts";
import type { Replicator } from "./replicator.ts";
import { UpdateArena } from "./update-arena.ts";

export interface ActiveOptions {
  readonly endpoint: Endpoint;
  /** One for each association. */
  readonly makeApplication: () => Application;
  readonly epoch: number;
  /** Where updates go, and what waits for them; absent for an endpoint that nobody else holds. */
  readonly replicator?: Replicator<GatedThing> | undefined;
  /** Whether packets may leave at this instant, as far as other computers are concerned. */
  readonly mayLeave: (nowMs: number) => boolean;
}

/** What the host is to do, in order within each list. */
export interface ActiveOutputs {
  readonly packets: OutboundPacket[];
  readonly records: InstanceRecord[];
}

export type GatedThing = { readonly packet: OutboundPacket } | { readonly record: InstanceRecord };

/**
 * The instance that runs the associations: endpoint, application and commit gate in one pure machine.
 * It is the primary instance of a cluster, or the outside computer.
 */
export class ActiveInstance {
  readonly #options: ActiveOptions;
  readonly #applications: Applications;
  readonly #arena: UpdateArena = new UpdateArena();
  /** The application begins nothing new: the associations are about to move. */
  isPaused: boolean = false;
  #outputs: ActiveOutputs = { packets: [], records: [] };
  /** Of this turn, for the policy. */
  #news: { messagesDelivered: number; pathChanged: boolean } = { messagesDelivered: 0, pathChanged: false };

  constructor(options: ActiveOptions) {
    const { endpoint, makeApplication, replicator } = options;
    this.#options = options;
    this.#applications = new Applications({ endpoint, makeApplication, saves: replicator !== undefined });
  }

  /** Goes on with associations that another instance ran, at once and from our own address. */
  static takeOver(
    options: ActiveOptions,
    states: readonly AssociationState[],
    terms: (state: AssociationState) => ResumeTerms,
    nowMs: number,
  ): ActiveInstance {
    const instance = new ActiveInstance(options);
    for (const state of states) {
      const { userState, phase } = state;
      const resumed = terms(state);
      const unseenMessages = unseen(state, resumed);
      const handle = options.endpoint.resume(state, nowMs, resumed);
      if (phase !== "cookie-echoed") instance.#applications.resume(handle, userState, unseenMessages);
    }
    return instance;
  }

  /** The association that came up first. */
  get association(): number | undefined {
    const [first] = this.#applications.associations;
    return first;
  }

  get endpoint(): Endpoint {
    return this.#options.endpoint;
  }

  connect(peerAddress: string, peerPort: number, nowMs: number): void {
    this.endpoint.connect(peerAddress, peerPort, nowMs);
  }

  receive(bytes: Uint8Array, route: Route, congestionExperienced: boolean, nowMs: number): void {
    if (!this.#isBehind) this.endpoint.receive(bytes, route, nowMs, congestionExperienced);
  }

  receiveIcmp(report: IcmpReport, nowMs: number): void {
    if (!this.#isBehind) this.endpoint.receiveIcmp(report, nowMs);
  }

  /** So much waits for the holder that what comes is dropped, as if the network had lost it. */
  get #isBehind(): boolean {
    return this.#options.replicator?.isFull === true;
  }

  /** A load on each of the first `count` associations; answers one sentence where none can be started. */
  startLoad(load: Load, nowMs: number, count = 1): string | undefined {
    return this.#applications.start(load, count, nowMs);
  }

  stopLoad(nowMs: number): void {
    this.#applications.stop(nowMs);
  }

  shutdown(nowMs: number): void {
    for (const association of this.#applications.associations) this.endpoint.shutdown(association, nowMs);
  }

  /** Numbers given out, and whether everything that was given out is acknowledged by the other side. */
  status(): { readonly totals: readonly FlowTotal[]; readonly drained: boolean } {
    const { associations, isIdle } = this.#applications;
    const isSent = [...associations].every((each) => this.endpoint.pendingBytes(each) === 0);
    const drained = isSent && isIdle && (this.#options.replicator?.waiting ?? 0) === 0;
    return { totals: this.#applications.totals, drained };
  }

  /** A word of the holder: what waited for it may leave now. */
  receiveFrame(frame: ClusterFrame, nowMs: number): void {
    this.#options.replicator?.receiveFrame(frame, nowMs);
  }

  nextDeadlineMs(): number | undefined {
    const { endpoint, replicator } = this.#options;
    return earliest(
      endpoint.nextDeadlineMs(),
      this.isPaused ? undefined : this.#applications.nextDeadlineMs(),
      replicator?.nextDeadlineMs(),
    );
  }

  advance(nowMs: number): void {
    this.endpoint.advance(nowMs);
    this.#options.replicator?.advance(nowMs);
  }

  /** Ends the turn that began with the last call: everything that came meanwhile is answered together. */
  takeOutputs(nowMs: number): ActiveOutputs {
    this.#turn(nowMs);
    const outputs = this.#outputs;
    this.#outputs = { packets: [], records: [] };
    return outputs;
  }

  /** What the input caused, what the application does about it, all updates of it in one message. */
  #turn(nowMs: number): void {
    const updates: ReplicatedUpdate[] = [];
    const gated: Gated<GatedThing>[] = [];
    this.#collect(updates, gated, nowMs);
    do {
      if (!this.isPaused) this.#applications.run(this.#isBehind, nowMs);
      this.#collect(updates, gated, nowMs);
    } while (this.#applications.wantTurn && !this.isPaused);
    this.#applications.save();
    this.#collect(updates, gated, nowMs);
    this.#outputs.records.push(...this.#applications.takeRecords());
    this.#publish(updates, nowMs);
    this.#submit(gated, nowMs);
  }

  #publish(updates: readonly ReplicatedUpdate[], nowMs: number): void {
    for (const each of updates) {
      this.#outputs.records.push(updateRecord("made", each, this.#options.epoch, nowMs));
    }
    const { replicator } = this.#options;
    replicator?.publish({ updates, ...this.#news }, nowMs);
    this.#news = { messagesDelivered: 0, pathChanged: false };
  }

  #submit(gated: readonly Gated<GatedThing>[], nowMs: number): void {
    const { replicator } = this.#options;
    for (const released of replicator?.takeReleased() ?? []) this.#release(released.item, nowMs);
    for (const each of gated) {
      // What may not leave now is not kept either: while nobody answers, a peer that goes on sending must cost nothing.
      if ("packet" in each.item && !this.#options.mayLeave(nowMs)) continue;
      for (const { item } of replicator?.submit(each) ?? [each]) this.#release(item, nowMs);
    }
  }

  /** Takes the endpoint's outputs until it has no more; deliveries go to the application at once. */
  #collect(updates: ReplicatedUpdate[], gated: Gated<GatedThing>[], nowMs: number): void {
    for (;;) {
      const outputs = this.endpoint.takeOutputs();
      for (const each of outputs.updates) updates.push(this.#arena.replicate(each));
      for (const packet of outputs.packets) {
        gated.push({ association: packet.association, dependsOn: packet.dependsOn, item: { packet } });
      }
      for (const { association, notification } of outputs.notifications) {
        this.#noticed(association, notification, nowMs);
      }
      if (outputs.deliveries.length === 0) return;
      for (const delivery of outputs.deliveries) this.#deliver(delivery, gated, nowMs);
    }
  }

  #deliver(delivery: Delivery, gated: Gated<GatedThing>[], nowMs: number): void {
    const { association, payload, sequence } = delivery;
    const record = deliveryRecord(association, payload, sequence, nowMs);
    if (record !== undefined) gated.push({ association, dependsOn: sequence, item: { record } });
    if (delivery.ending) this.#news.messagesDelivered += 1;
    this.#applications.deliver(delivery, nowMs);
  }

  /** Without leave a packet is lost like on a bad link; SCTP repairs that, and nobody sees two instances. */
  #release(item: GatedThing, nowMs: number): void {
    if ("record" in item) this.#outputs.records.push(item.record);
    else if (this.#options.mayLeave(nowMs)) this.#outputs.packets.push(item.packet);
  }

  #noticed(association: number, notification: Notification, nowMs: number): void {
    this.#applications.noticed(association, notification, nowMs);
    if (notification.type === "peer-address-change") this.#news.pathChanged = true;
    const ports = this.endpoint.state(association)?.agreement;
    const record = notificationRecord(association, ports, notification, nowMs);
    if (record !== undefined) this.#outputs.records.push(record);
  }
}

/** Messages of the former instance that the state does not know of, at most: each took a TSN of the lease. */
function unseen({ send }: AssociationState, { lag }: ResumeTerms): number {
  return lag?.lease === undefined ? 0 : Math.max(tsnDistance(send.nextTsn, lag.lease.limitTsn), 0);
}

/** The earliest of the instants that there are. */
export function earliest(...instants: readonly (number | undefined)[]): number | undefined {
  return instants.reduce((a, b) => (a === undefined ? b : b === undefined ? a : Math.min(a, b)), undefined);
}
