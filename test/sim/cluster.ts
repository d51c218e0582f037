import { NumberedApplication } from "../../agents/application/index.ts";
import type { ActiveOptions, InstanceOutputs, InstanceRecord } from "../../agents/replica/index.ts";
import { ActiveInstance, StandbyInstance, decodeFrame, encodeFrame } from "../../agents/replica/index.ts";
import type { RandomSource, Route } from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom, telecomParameters } from "../../agents/sctp/index.ts";
import { outboundStream } from "../../agents/sctp/tx/send-state.ts";
import { endpointConfig } from "./endpoints.ts";
import type { Datagram, NetworkFaults } from "./network.ts";
import { Network } from "./network.ts";
import { Underway } from "./underway.ts";

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
type Instance = ActiveInstance | StandbyInstance;

/** A frame on the cluster link, an ordered, reliable byte stream; undefined is its end. */
interface FrameUnderway {
  readonly to: "a" | "b";
  readonly bytes: Uint8Array | undefined;
}

/** Primary, secondary and outside computer on virtual time, from one seed. */
export class ClusterWorld {
  nowMs: number = 1_000_000;
  readonly network: Network;
  readonly records: HostRecord[] = [];
  readonly peer: ActiveInstance;
  a: ActiveInstance | undefined;
  b: Instance;
  /** Endpoints in the order in which they were made: A, the peer, B after takeover. */
  readonly endpoints: Endpoint[] = [];
  readonly #frames: Underway<FrameUnderway> = new Underway<FrameUnderway>();
  readonly #seed: number;
  readonly #linkLatencyMs: number;
  readonly #random: (seed: number) => RandomSource;
  readonly #frozen: Map<Side, (() => void)[]> = new Map<Side, (() => void)[]>();
  #linkUp: boolean = true;
  #tap: (bytes: Uint8Array) => void = () => undefined;

  /** `random` is where each endpoint's tags and initial TSNs come from. */
  constructor(
    seed: number,
    faults: NetworkFaults,
    linkLatencyMs: number = 0.5,
    random: (seed: number) => RandomSource = seededRandom,
  ) {
    this.#seed = seed;
    this.#linkLatencyMs = linkLatencyMs;
    this.#random = random;
    this.network = new Network(faults, seededRandom(seed));
    this.a = new ActiveInstance(this.#options("a", 1, true));
    this.b = new StandbyInstance({ epoch: 1, beatIntervalMs, takeoverAfterMs });
    this.peer = new ActiveInstance(this.#options("peer", 2, false));
    this.a.linkUp(this.nowMs);
    this.b.linkUp(this.nowMs);
    this.#drain("a");
    this.#drain("b");
    // The primary's first beat is answered; only then may it speak.
    this.run(3 * linkLatencyMs);
    this.peer.connect(addressA, 7000, this.nowMs);
    this.#drain("peer");
  }

  #options(side: Side, salt: number, replicates: boolean): ActiveOptions {
    const cluster = side !== "peer";
    const own = { a: addressA, b: addressB, peer: addressPeer }[side];
    const addresses = cluster ? [addressA, addressB] : [addressPeer];
    const config = { ...endpointConfig(addresses, cluster, telecomParameters), ownAddress: own };
    const endpoint = new Endpoint(config, this.#random(this.#seed * 10 + salt));
    this.endpoints.push(endpoint);
    const application = new NumberedApplication(cluster ? "down" : "up");
    const epoch = replicates ? 1 : 2;
    return { endpoint, application, echoes: !cluster, replicates, epoch, beatIntervalMs, leaseMs };
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
    return this.b instanceof ActiveInstance;
  }

  /** B after takeover. */
  get successor(): ActiveInstance {
    if (this.b instanceof ActiveInstance) return this.b;
    throw new Error(`seed ${this.#seed}: B has not taken over`);
  }

  /** Sets the next SSN of all streams on all computers; only while nothing is under way. */
  renumberStreams(ssn: number): void {
    const standby = this.b instanceof StandbyInstance ? this.b.states : [];
    const handle = this.a?.association ?? 0;
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
    const instance = side === "peer" ? this.peer : this[side];
    if (instance === undefined) return;
    const outputs = instance.takeOutputs();
    this.#carryOut(side, outputs);
    if (side !== "b" || this.b instanceof ActiveInstance || this.b.detection === undefined) return;
    const { states } = this.b;
    this.b = ActiveInstance.takeOver(this.#options("b", 3, false), states, this.nowMs);
    this.#carryOut("b", this.b.takeOutputs());
  }

  #carryOut(side: Side, outputs: InstanceOutputs): void {
    for (const packet of outputs.packets) {
      const { local, remote, bytes } = packet;
      if (side === "a" && local === addressB) {
        const route = { local, remote };
        this.#frame("b", encodeFrame({ kind: "outbound", epoch: 1, route, packet: bytes }));
      } else this.network.send({ from: local, to: remote, bytes }, this.nowMs);
    }
    for (const frame of outputs.frames) this.#frame(side === "a" ? "b" : "a", encodeFrame(frame));
    for (const record of outputs.records) this.records.push({ ...record, host: side });
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
    const endMs = this.nowMs + forMs;
    while (!done()) {
      const next = this.#nextMs();
      if (next > endMs) {
        this.nowMs = endMs;
        return done();
      }
      this.nowMs = Math.max(this.nowMs, next);
      this.#step();
    }
    return true;
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
    this[side]?.receive(bytes, route, false, this.nowMs);
    this.#drain(side);
  }

  #receiveFrame({ to, bytes }: FrameUnderway): void {
    const instance = this[to];
    if (bytes === undefined) instance?.linkDown(this.nowMs);
    else {
      const frame = decodeFrame(bytes);
      if (frame === undefined) throw new Error("the link carried a frame that cannot be read");
      instance?.receiveFrame(frame, this.nowMs);
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
