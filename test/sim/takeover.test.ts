import { describe, expect, it } from "vitest";
import { parsePacket } from "../../agents/sctp/wire/index.ts";
import { ClusterWorld, addressA, addressB, addressPeer } from "./cluster.ts";
import { quietNetwork } from "./network.ts";
import type { NetworkFaults } from "./network.ts";

const load = { ratePerSecond: 500, sizeBytes: 200, streams: 4 };
const lossy: NetworkFaults = { latencyMs: 2, jitterMs: 6, loss: 0.03, duplication: 0.01, corruption: 0.005 };

/** A whole run: connect, load both ways, kill at an instant that the seed chooses, go on, drain. */
function failover(seed: number, faults: NetworkFaults, linkLatencyMs: number): ClusterWorld {
  const world = new ClusterWorld(seed, faults, linkLatencyMs);
  const confirmed = (): boolean =>
    world.records.some((record) => record.kind === "event" && record.name === "address-confirmed");
  expect(world.run(30_000, confirmed), `seed ${seed}: B's address is confirmed`).toBe(true);
  world.peer.startLoad(load, world.nowMs);
  world.a?.startLoad(load, world.nowMs);
  world.run(500 + ((seed * 7919) % 1000) / 3);
  if (seed % 2 === 0) world.killPrimary();
  else world.losePower();
  world.run(2000);
  expect(world.takenOver, `seed ${seed}: B has taken over`).toBe(true);
  const b = world.b;
  if (!("startLoad" in b)) throw new Error("B is not active");
  b.stopLoad(world.nowMs);
  world.peer.stopLoad(world.nowMs);
  const drained = (): boolean => b.status().drained && world.peer.status().drained;
  expect(world.run(60_000, drained), `seed ${seed}: everything is acknowledged`).toBe(true);
  world.run(1000);
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

function judge(world: ClusterWorld, seed: number): void {
  const b = world.b;
  if (!("status" in b)) throw new Error("B is not active");
  const up = delivered(world, "cluster");
  const down = delivered(world, "peer");
  const totals = [...world.peer.status().totals, ...b.status().totals];
  expect(totals, `seed ${seed}: both sides number on all streams`).toHaveLength(2 * load.streams);
  for (const { flow, streamId, sent } of totals) {
    const all = Array.from({ length: sent }, (_, number) => number);
    const where = flow === "up" ? up : down;
    expect(sent).toBeGreaterThan(100);
    expect(where.get(`${flow} ${streamId}`), `seed ${seed}: ${flow} ${streamId}`).toEqual(all);
    if (flow === "down") expect(up.get(`echo ${streamId}`), `seed ${seed}: echo ${streamId}`).toEqual(all);
  }
  judgeWire(world, seed);
}

/**
 * What the peer could see: no ABORT, no INIT from the cluster, one payload a TSN, no cumulative TSN that
 * moves back. Two addresses are two ways, so before the takeover each counts for itself; what B says
 * after it must cover all that A ever said.
 */
function judgeWire(world: ClusterWorld, seed: number): void {
  const highest = new Map<string, number>();
  const payloads = new Map<number, string>();
  const lost = world.records.find((record) => record.kind === "event" && record.name === "primary-lost");
  const takeoverMs = (lost?.at ?? 0) / 1000;
  for (const { datagram, atMs } of world.network.log) {
    if (datagram.to !== addressPeer || (datagram.from !== addressA && datagram.from !== addressB)) continue;
    const parsed = parsePacket(datagram.bytes);
    if (!parsed.ok) throw new Error(parsed.reason);
    for (const chunk of parsed.packet.chunks) {
      expect(["ABORT", "INIT"], `seed ${seed}`).not.toContain(chunk.type);
      if (chunk.type === "SACK") {
        const ways = atMs >= takeoverMs ? [addressA, addressB] : [datagram.from];
        for (const way of ways) {
          const before = highest.get(way) ?? chunk.cumulativeTsn;
          expect((chunk.cumulativeTsn - before) | 0, `seed ${seed}: SACK`).toBeGreaterThanOrEqual(0);
        }
        highest.set(datagram.from, chunk.cumulativeTsn);
      } else if (chunk.type === "DATA") {
        const payload = chunk.payload.join();
        expect(payloads.get(chunk.tsn) ?? payload, `seed ${seed}: TSN ${chunk.tsn}`).toBe(payload);
        payloads.set(chunk.tsn, payload);
      }
    }
  }
}

describe("takeover on virtual time", () => {
  it.each(Array.from({ length: 40 }, (_, index) => index + 1))(
    "loses nothing on a quiet network, seed %i",
    (seed) => {
      judge(failover(seed, quietNetwork, 0.2 + (seed % 5)), seed);
    },
  );

  it.each(Array.from({ length: 60 }, (_, index) => index + 1001))(
    "loses nothing on a lossy network, seed %i",
    (seed) => {
      judge(failover(seed, lossy, 0.2 + (seed % 7)), seed);
    },
  );
});
