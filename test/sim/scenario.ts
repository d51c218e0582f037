import { expect } from "vitest";
import type { Load } from "../../agents/application/index.ts";
import { parsePacket } from "../../agents/sctp/wire/index.ts";
import type { SctpPacket } from "../../agents/sctp/wire/index.ts";
import { ClusterWorld, addressA, addressB, addressPeer } from "./cluster.ts";
import type { NetworkFaults } from "./network.ts";

export const smallMessages: Load = { ratePerSecond: 500, sizeBytes: 200, streams: 4 };
export const lossy: NetworkFaults = {
  latencyMs: 2,
  jitterMs: 6,
  loss: 0.03,
  duplication: 0.01,
  corruption: 0.005,
};

/** Kills the primary in one of two ways, by the seed. */
export function endPrimary(world: ClusterWorld, seed: number): void {
  if (seed % 2 === 0) world.killPrimary();
  else world.losePower();
}

export const hasEvent = (world: ClusterWorld, name: string): boolean =>
  world.records.some((record) => record.kind === "event" && record.name === name);

type Knobs = ConstructorParameters<typeof ClusterWorld> extends [number, ...infer Rest] ? Rest : never;

/** Connects, and waits until B's address is confirmed. */
export function connected(seed: number, ...knobs: Knobs): ClusterWorld {
  const world = new ClusterWorld(seed, ...knobs);
  expect(
    world.run(30_000, () => hasEvent(world, "address-confirmed")),
    `seed ${seed}: B's address is confirmed`,
  ).toBe(true);
  return world;
}

export function startLoads(world: ClusterWorld, load: Load): void {
  world.peer.startLoad(load, world.nowMs);
  world.a?.active?.startLoad(load, world.nowMs);
}

/** Stops the load on both sides and waits until everything is acknowledged. */
export function drain(world: ClusterWorld, seed: number): void {
  const cluster = world.serving;
  if (cluster === undefined) throw new Error(`seed ${seed}: nobody serves the association`);
  cluster.stopLoad(world.nowMs);
  world.peer.stopLoad(world.nowMs);
  const drained = (): boolean => cluster.status().drained && world.peer.status().drained;
  expect(world.run(60_000, drained), `seed ${seed}: everything is acknowledged`).toBe(true);
  world.run(1000);
}

/** A whole run: connect, load both ways, kill at an instant that the seed chooses, go on, drain. */
export function failover(seed: number, load: Load, ...knobs: Knobs): ClusterWorld {
  const world = connected(seed, ...knobs);
  startLoads(world, load);
  world.run(300 + ((seed * 7919) % 1000) / 3);
  endPrimary(world, seed);
  world.run(1000);
  expect(world.takenOver, `seed ${seed}: B has taken over`).toBe(true);
  drain(world, seed);
  return world;
}

/** Numbers delivered to a side, by flow and stream, in order; on the cluster an update number counts once. */
function delivered(world: ClusterWorld, side: "peer" | "cluster"): Map<string, number[]> {
  const byStream = new Map<string, number[]>();
  const seen = new Set<string>();
  for (const record of world.records) {
    if (record.kind !== "message" || record.act !== "delivered") continue;
    if ((record.host === "peer") !== (side === "peer")) continue;
    const key = `${record.flow} ${record.streamId}`;
    const once = `${key} ${record.number} ${record.sequence}`;
    if (side === "cluster" && seen.has(once)) continue;
    seen.add(once);
    const numbers = byStream.get(key) ?? [];
    numbers.push(record.number);
    byStream.set(key, numbers);
  }
  return byStream;
}

/** Every message that was numbered arrived, once and in order; and nothing else was on the wire than may be. */
export function judge(world: ClusterWorld, seed: number, atLeast: number = 50): void {
  const cluster = world.serving;
  const up = delivered(world, "cluster");
  const down = delivered(world, "peer");
  const totals = [...world.peer.status().totals, ...(cluster?.status().totals ?? [])];
  expect(totals.length, `seed ${seed}: both sides number`).toBeGreaterThan(1);
  for (const { flow, streamId, sent } of totals) {
    const all = Array.from({ length: sent }, (_, number) => number);
    const where = flow === "up" ? up : down;
    expect(sent).toBeGreaterThan(atLeast);
    expect(where.get(`${flow} ${streamId}`), `seed ${seed}: ${flow} ${streamId}`).toEqual(all);
    if (flow === "down") expect(up.get(`echo ${streamId}`), `seed ${seed}: echo ${streamId}`).toEqual(all);
  }
  expect(wireFaults(world), `seed ${seed}`).toEqual([]);
}

interface SeenPacket {
  readonly atMs: number;
  readonly from: string;
  readonly epoch: number;
  readonly packet: SctpPacket;
}

/** What the cluster sent to the peer. */
export function packetsToPeer(world: ClusterWorld): SeenPacket[] {
  const seen: SeenPacket[] = [];
  for (const { datagram, atMs } of world.network.log) {
    if (datagram.to !== addressPeer || (datagram.from !== addressA && datagram.from !== addressB)) continue;
    const parsed = parsePacket(datagram.bytes);
    if (!parsed.ok) throw new Error(parsed.reason);
    const { from, epoch = 0 } = datagram;
    seen.push({ atMs, from, epoch, packet: parsed.packet });
  }
  return seen;
}

/** When B took over, or the end of time. */
export function takeoverMs(world: ClusterWorld): number {
  const lost = world.records.find((record) => record.kind === "event" && record.name === "primary-lost");
  return lost === undefined ? Infinity : lost.at / 1000;
}

/**
 * What the peer could see and must not: ABORT, INIT, a TSN with two payloads, a cumulative TSN that moves
 * back. Two addresses are two ways, so within an epoch each counts for itself; what is said in the next
 * one must cover all that was ever said before.
 */
function wireFaults(world: ClusterWorld): string[] {
  const faults: string[] = [];
  const highest = new Map<string, number>();
  const payloads = new Map<number, Uint8Array>();
  for (const { from, epoch, packet } of packetsToPeer(world)) {
    for (const chunk of packet.chunks) {
      if (chunk.type === "ABORT" || chunk.type === "INIT") faults.push(`${chunk.type} from ${from}`);
      else if (chunk.type === "SACK") {
        const former = [addressA, addressB].map((each) => `${each} ${epoch - 1}`);
        for (const way of [`${from} ${epoch}`, ...former]) {
          const back = (highest.get(way) ?? chunk.cumulativeTsn) - chunk.cumulativeTsn;
          if ((back | 0) > 0) faults.push(`SACK from ${from} goes back by ${back}`);
        }
        highest.set(`${from} ${epoch}`, chunk.cumulativeTsn);
      } else if (chunk.type === "DATA") {
        const before = payloads.get(chunk.tsn);
        if (before === undefined) payloads.set(chunk.tsn, chunk.payload);
        else if (Buffer.compare(before, chunk.payload) !== 0)
          faults.push(`TSN ${chunk.tsn} has two payloads`);
      }
    }
  }
  return faults;
}
