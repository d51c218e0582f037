import { NumberedApplication } from "../../agents/application/index.ts";
import type { InstanceOutputs, InstanceRecord } from "../../agents/replica/index.ts";
import { ActiveInstance, StandbyInstance, decodeFrame, encodeFrame } from "../../agents/replica/index.ts";
import type { ProtocolParameters } from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom, telecomParameters } from "../../agents/sctp/index.ts";
import { endpointConfig } from "./endpoints.ts";
import type { NetworkFaults } from "./network.ts";
import { Network } from "./network.ts";

export const addressA = "192.0.2.11";
export const addressB = "192.0.2.12";
export const addressPeer = "192.0.2.20";

type Side = "a" | "b" | "peer";
type HostRecord = InstanceRecord & { readonly host: Side };

/** A frame on the cluster link: an ordered, reliable byte stream that dies with either end. */
interface FrameUnderway {
  readonly atMs: number;
  readonly to: "a" | "b";
  readonly bytes: Uint8Array;
}

/** Primary, secondary and outside computer on virtual time, from one seed. */
export class ClusterWorld {
  nowMs: number = 1_000_000;
  readonly network: Network;
  readonly records: HostRecord[] = [];
  readonly peer: ActiveInstance;
  a: ActiveInstance | undefined;
  b: StandbyInstance | ActiveInstance;
  readonly #frames: FrameUnderway[] = [];
  readonly #parameters: Partial<ProtocolParameters>;
  readonly #seed: number;
  readonly linkLatencyMs: number;
  #linkUp: boolean = true;

  constructor(seed: number, faults: NetworkFaults, linkLatencyMs: number = 0.5) {
    this.#seed = seed;
    this.linkLatencyMs = linkLatencyMs;
    this.#parameters = telecomParameters;
    this.network = new Network(faults, seededRandom(seed));
    this.a = this.#active(addressA, [addressA, addressB], true, 1);
    this.b = new StandbyInstance({ epoch: 1, beatIntervalMs: 25, takeoverAfterMs: 400 });
    this.peer = this.#active(addressPeer, [addressPeer], false, 2);
    this.a.linkUp(this.nowMs);
    this.b.linkUp(this.nowMs);
    this.peer.connect(addressA, 7000, this.nowMs);
    this.#drainAll();
  }

  #options(own: string, addresses: readonly string[], cluster: boolean, salt: number, replicates: boolean) {
    const config = { ...endpointConfig(addresses, cluster, this.#parameters), ownAddress: own };
    return {
      endpoint: new Endpoint(config, seededRandom(this.#seed * 10 + salt)),
      application: new NumberedApplication(cluster ? "down" : "up"),
      echoes: !cluster,
      replicates,
      epoch: replicates ? 1 : 2,
      beatIntervalMs: 25,
      leaseMs: 250,
    };
  }

  #active(own: string, addresses: readonly string[], cluster: boolean, salt: number): ActiveInstance {
    return new ActiveInstance(this.#options(own, addresses, cluster, salt, cluster));
  }

  /** The primary's process is killed: its machine still delivers what was handed over, and closes the link. */
  killPrimary(): void {
    this.a = undefined;
    this.network.cut(addressA);
    this.#linkUp = false;
    this.#frames.push({ atMs: this.nowMs + this.linkLatencyMs, to: "b", bytes: new Uint8Array(0) });
  }

  /** The primary's machine loses power: what is on the cluster link is lost too, and nobody closes it. */
  losePower(): void {
    this.a = undefined;
    this.network.cut(addressA);
    this.#linkUp = false;
    this.#frames.length = 0;
  }

  get takenOver(): boolean {
    return this.b instanceof ActiveInstance;
  }

  #carryOut(side: Side, outputs: InstanceOutputs): void {
    for (const packet of outputs.packets) {
      const relayed = side === "a" && packet.local === addressB;
      if (relayed) {
        const route = { local: packet.local, remote: packet.remote };
        this.#frame("b", encodeFrame({ kind: "outbound", epoch: 1, route, packet: packet.bytes }));
      } else this.network.send({ from: packet.local, to: packet.remote, bytes: packet.bytes }, this.nowMs);
    }
    for (const frame of outputs.frames) this.#frame(side === "a" ? "b" : "a", encodeFrame(frame));
    for (const record of outputs.records) this.records.push({ ...record, host: side });
  }

  #frame(to: "a" | "b", bytes: Uint8Array): void {
    if (this.#linkUp) this.#frames.push({ atMs: this.nowMs + this.linkLatencyMs, to, bytes });
  }

  #drainAll(): void {
    if (this.a !== undefined) this.#carryOut("a", this.a.takeOutputs());
    this.#carryOut("b", this.b.takeOutputs());
    this.#takeOverIfDetected();
    this.#carryOut("peer", this.peer.takeOutputs());
  }

  #takeOverIfDetected(): void {
    if (this.b instanceof ActiveInstance || this.b.detection === undefined) return;
    const { states } = this.b;
    const options = this.#options(addressB, [addressA, addressB], true, 3, false);
    this.b = ActiveInstance.takeOver(options, states, this.nowMs);
    this.#carryOut("b", this.b.takeOutputs());
  }

  run(forMs: number, done: () => boolean = () => false): boolean {
    const endMs = this.nowMs + forMs;
    this.#drainAll();
    while (!done()) {
      const next = this.#nextMs();
      if (next === undefined || next > endMs) {
        this.nowMs = endMs;
        return done();
      }
      this.nowMs = Math.max(this.nowMs, next);
      this.#step();
    }
    return true;
  }

  #step(): void {
    const due = this.#frames.filter((frame) => frame.atMs <= this.nowMs);
    for (const frame of due) {
      this.#frames.splice(this.#frames.indexOf(frame), 1);
      this.#receiveFrame(frame);
      this.#drainAll();
    }
    for (const { from, to, bytes } of this.network.arrived(this.nowMs)) {
      const route = { local: to, remote: from };
      if (to === addressPeer) this.peer.receive(bytes, route, this.nowMs);
      else if (to === addressB) this.b.receive(bytes, route, this.nowMs);
      else this.a?.receive(bytes, route, this.nowMs);
      this.#drainAll();
    }
    for (const each of [this.a, this.b, this.peer]) {
      const dueMs = each?.nextDeadlineMs();
      if (dueMs !== undefined && dueMs <= this.nowMs) each?.advance(this.nowMs);
      this.#drainAll();
    }
  }

  #receiveFrame({ to, bytes }: FrameUnderway): void {
    const target = to === "a" ? this.a : this.b;
    if (bytes.length === 0) {
      if (this.b instanceof StandbyInstance) this.b.linkDown(this.nowMs);
      return;
    }
    const frame = decodeFrame(bytes);
    if (frame === undefined) throw new Error("the link carried a frame that cannot be read");
    target?.receiveFrame(frame, this.nowMs);
  }

  #nextMs(): number | undefined {
    const times = [
      this.network.nextMs(),
      ...this.#frames.map((frame) => frame.atMs),
      ...[this.a, this.b, this.peer].map((each) => each?.nextDeadlineMs()),
    ].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }
}
