import { NumberedApplication } from "../../agents/application/index.ts";
import type { InstanceRecord, MemberOptions } from "../../agents/replica/index.ts";
import { ActiveInstance, Member, decodeFrame, encodeFrame, eventRecord } from "../../agents/replica/index.ts";
import type { OutboundPacket } from "../../agents/sctp/index.ts";
import type { ProtocolParameters, RandomSource, Route } from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom, telecomParameters } from "../../agents/sctp/index.ts";
import { outboundStream } from "../../agents/sctp/tx/send-state.ts";
import { endpointConfig } from "./endpoints.ts";
import type { Datagram, NetworkFaults } from "./network.ts";
import { Network } from "./network.ts";
import { Underway } from "./underway.ts";
import { runVirtually } from "./virtual-time.ts";

export const addressA = "192.0.2.11";
export const addressB = "192.0.2.12";
export const addressPeer = "192.0.2.20";

const beatIntervalMs = 25;
export const leaseMs = 250;
export const takeoverAfterMs = 400;

type Side = "a" | "b" | "peer";
const sideOf: ReadonlyMap<string, Side> = new Map([
  [addressA, "a"],
  [addressB, "b"],
  [addressPeer, "peer"],
]);
type HostRecord = InstanceRecord & { readonly host: Side };

/** A frame on the cluster link, an ordered, reliable byte stream; undefined is its end. */
interface FrameUnderway {
  readonly to: "a" | "b";
  readonly bytes: Uint8Array | undefined;
}

interface WorldSetting {
  readonly standbyIsLate?: boolean;
  readonly parameters?: Partial<ProtocolParameters>;
}

/** Primary, secondary and outside computer on virtual time, from one seed. */
export class ClusterWorld {
  nowMs: number = 1_000_000;
  readonly network: Network;
  readonly records: HostRecord[] = [];
  readonly peer: ActiveInstance;
  a: Member | undefined;
  b: Member;
  /** Endpoints in the order in which they were made: A, the peer, B after takeover. */
  readonly endpoints: Endpoint[] = [];
  readonly #frames: Underway<FrameUnderway> = new Underway<FrameUnderway>();
  readonly #seed: number;
  readonly #linkLatencyMs: number;
  readonly #random: (seed: number) => RandomSource;
  readonly #parameters: Partial<ProtocolParameters>;
  readonly #frozen: Map<Side, (() => void)[]> = new Map<Side, (() => void)[]>();
  #linkUp: boolean = true;
  #tap: (bytes: Uint8Array) => void = () => undefined;

  /**
   * `random` is where each endpoint's tags and initial TSNs come from. Where the standby is late, the association is set
   * up while the primary is alone.
   */
  constructor(
    seed: number,
    faults: NetworkFaults,
    linkLatencyMs: number = 0.5,
    random: (seed: number) => RandomSource = seededRandom,
    how: WorldSetting = {},
  ) {
    this.#seed = seed;
    this.#linkLatencyMs = linkLatencyMs;
    this.#random = random;
    this.#parameters = { ...telecomParameters, ...how.parameters };
    this.network = new Network(faults, seededRandom(seed));
    this.a = new Member(this.#memberOptions("a"), this.nowMs);
    this.b = new Member(this.#memberOptions("b"), this.nowMs);
    this.peer = new ActiveInstance({
      endpoint: this.#endpoint("peer", 2),
      makeApplication: () => new NumberedApplication("up", true),
      epoch: 1,
      mayLeave: () => true,
    });
    if (how.standbyIsLate !== true) this.standbyJoins();
    // The primary's first beat is answered; only then may it speak.
    this.run(3 * linkLatencyMs);
    this.peer.connect(addressA, 7000, this.nowMs);
    this.#drain("peer");
  }

  #memberOptions(side: "a" | "b"): MemberOptions {
    return {
      startsAs: side === "a" ? "primary" : "secondary",
      partnerAddresses: [side === "a" ? addressB : addressA],
      makeEndpoint: () => this.#endpoint(side, side === "a" ? 1 : 3),
      makeApplication: () => new NumberedApplication("down"),
      fencing: "prefer-availability",
      policy: { kind: "every-update" },
      keeper: undefined,
      beatIntervalMs,
      leaseMs,
      takeoverAfterMs,
    };
  }

  #endpoint(side: Side, salt: number): Endpoint {
    const cluster = side !== "peer";
    const own = { a: addressA, b: addressB, peer: addressPeer }[side];
    const addresses = cluster ? [addressA, addressB] : [addressPeer];
    const config = { ...endpointConfig(addresses, cluster, this.#parameters), ownAddress: own };
    const endpoint = new Endpoint(config, this.#random(this.#seed * 10 + salt));
    this.endpoints.push(endpoint);
    return endpoint;
  }

  /** The link between the members comes up. */
  standbyJoins(): void {
    this.a?.linkUp("partner", this.nowMs);
    this.b.linkUp("partner", this.nowMs);
    this.#drain("a");
    this.#drain("b");
  }

  /** The primary's process is killed: its machine still delivers what was handed over, and closes the link. */
  killPrimary(): void {
    this.a = undefined;
    this.network.cut(addressA);
    this.#frame("b", undefined);
    this.#linkUp = false;
  }

  /** The primary's machine loses power: what is on the cluster link is lost too, and nobody closes it. */
  losePower(): void {
    this.a = undefined;
    this.network.cut(addressA);
    this.#linkUp = false;
    this.#frames.clear();
  }

  /** The primary's machine is there again, with an agent that knows nothing. */
  bringBack(): void {
    this.network.heal(addressA);
    this.a = new Member({ ...this.#memberOptions("a"), startsAs: "secondary" }, this.nowMs);
    this.#frames.clear();
    this.#linkUp = true;
    this.a.linkUp("partner", this.nowMs);
    this.b.linkUp("partner", this.nowMs);
    this.settle();
  }

  /** Carries out what calls from outside have caused. */
  settle(): void {
    for (const side of ["a", "b", "peer"] as const) this.#drain(side);
  }

  /** A computer stands still: what comes to it waits, and it does nothing. */
  freeze(side: "a" | "b"): void {
    this.#frozen.set(side, []);
  }

  /** It goes on, with its overdue timers first and then with what waited: the order that is worst for a lease. */
  thaw(side: "a" | "b"): void {
    const waiting = this.#frozen.get(side) ?? [];
    this.#frozen.delete(side);
    (side === "a" ? this.a : this.b)?.advance(this.nowMs);
    this.#drain(side);
    for (const receive of waiting) receive();
  }

  get takenOver(): boolean {
    return this.b.active !== undefined;
  }

  /** The instance of the cluster that runs the association. */
  get serving(): ActiveInstance | undefined {
    return this.b.active ?? this.a?.active;
  }

  /** B after takeover. */
  get successor(): ActiveInstance {
    if (this.b.active !== undefined) return this.b.active;
    throw new Error(`seed ${this.#seed}: B has not taken over`);
  }

  /** Sets the next SSN of all streams on all computers; only while nothing is under way. */
  renumberStreams(ssn: number): void {
    const standby = this.b.standby?.states ?? [];
    const handle = this.a?.active?.association ?? 0;
    const active = [this.endpoints[0]?.state(handle), this.endpoints[1]?.state(this.peer.association ?? 0)];
    for (const state of [...active, ...standby]) {
      if (state === undefined) continue;
      for (let streamId = 0; streamId < state.agreement.outboundStreams; streamId++) {
        outboundStream(state.send, streamId).nextSsn = ssn;
      }
      for (let stream = 0; stream < state.agreement.inboundStreams; stream++)
        state.receive.nextSsn[stream] = ssn;
    }
  }

  #drain(side: Side): void {
    if (side === "peer") {
      const { packets, records } = this.peer.takeOutputs(this.nowMs);
      this.#carryOut(side, packets, 1, records);
      return;
    }
    const member = this[side];
    if (member === undefined) return;
    const { packets, frames, records, becamePrimary } = member.takeOutputs(this.nowMs);
    for (const { frame } of frames) this.#frame(side === "a" ? "b" : "a", encodeFrame(frame));
    this.#carryOut(side, packets, member.epoch, records);
    if (becamePrimary === undefined) return;
    const { by, epoch } = becamePrimary;
    const name = by === "takeover" ? "takeover-complete" : "handover-complete";
    this.records.push({ ...eventRecord(name, "served from here", this.nowMs, { epoch }), host: side });
  }

  #carryOut(
    side: Side,
    packets: readonly OutboundPacket[],
    epoch: number,
    records: readonly InstanceRecord[],
  ): void {
    for (const packet of packets) {
      const { local, remote, bytes } = packet;
      const own = { a: addressA, b: addressB, peer: addressPeer }[side];
      if (local !== own) {
        const route = { local, remote };
        this.#frame(side === "a" ? "b" : "a", encodeFrame({ kind: "outbound", epoch, route, packet: bytes }));
      } else this.network.send({ from: local, to: remote, bytes, epoch }, this.nowMs);
    }
    for (const record of records) this.records.push({ ...record, host: side });
  }

  /** Shows all frames that go over the link from now on. */
  tapLink(tap: (bytes: Uint8Array) => void): void {
    this.#tap = tap;
  }

  #frame(to: "a" | "b", bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) this.#tap(bytes);
    if (this.#linkUp) this.#frames.add({ to, bytes }, this.nowMs + this.#linkLatencyMs);
  }

  run(forMs: number, done: () => boolean = () => false): boolean {
    return runVirtually(this, { forMs, done, nextMs: () => this.#nextMs(), step: () => this.#step() });
  }

  #step(): void {
    for (const frame of this.#frames.takeDue(this.nowMs)) {
      this.#deliver(frame.to, () => this.#receiveFrame(frame));
    }
    for (const datagram of this.network.arrived(this.nowMs)) {
      const side = sideOf.get(datagram.to);
      if (side !== undefined) this.#deliver(side, () => this.#receivePacket(side, datagram));
    }
    for (const side of ["a", "b", "peer"] as const) {
      const instance = this[side];
      const dueMs = instance?.nextDeadlineMs();
      if (dueMs === undefined || dueMs > this.nowMs || this.#frozen.has(side)) continue;
      instance?.advance(this.nowMs);
      this.#drain(side);
    }
  }

  #deliver(side: Side, receive: () => void): void {
    const waiting = this.#frozen.get(side);
    if (waiting === undefined) receive();
    else waiting.push(receive);
  }

  #receivePacket(side: Side, { from, to, bytes }: Datagram): void {
    const route: Route = { local: to, remote: from };
    if (side === "peer") this.peer.receive(bytes, route, false, this.nowMs);
    else this[side]?.receive({ bytes, route, congestionExperienced: false }, this.nowMs);
    this.#drain(side);
  }

  #receiveFrame({ to, bytes }: FrameUnderway): void {
    const instance = this[to];
    if (bytes === undefined) instance?.linkDown("partner", true, this.nowMs);
    else {
      const frame = decodeFrame(bytes);
      if (frame === undefined) throw new Error("the link carried a frame that cannot be read");
      instance?.receiveFrame("partner", frame, this.nowMs);
    }
    this.#drain(to);
  }

  #nextMs(): number {
    let next = Math.min(this.network.nextMs() ?? Infinity, this.#frames.nextMs ?? Infinity);
    for (const side of ["a", "b", "peer"] as const) {
      if (!this.#frozen.has(side)) next = Math.min(next, this[side]?.nextDeadlineMs() ?? Infinity);
    }
    return next;
  }
}
