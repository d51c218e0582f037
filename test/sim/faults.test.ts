import { describe, expect, it } from "vitest";
import type { RandomSource } from "../../agents/sctp/index.ts";
import { seededRandom } from "../../agents/sctp/index.ts";
import { ClusterWorld, addressA, leaseMs, takeoverAfterMs } from "./cluster.ts";
import { quietNetwork } from "./network.ts";
import {
  connected,
  drain,
  endPrimary,
  failover,
  hasEvent,
  judge,
  lossy,
  packetsToPeer,
  smallMessages,
  startLoads,
  takeoverMs,
} from "./scenario.ts";

const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const spread = (seed: number, range: number): number => ((seed * 7919) % 1000) * (range / 1000);

/** Chunk types that the cluster sent, those of the restless kind left out. */
const sentTypes = (world: ClusterWorld): Set<string> =>
  new Set(packetsToPeer(world).flatMap(({ packet }) => packet.chunks.map((chunk) => chunk.type)));

const peerEvent = (world: ClusterWorld, name: string): boolean =>
  world.records.some((record) => record.host === "peer" && record.kind === "event" && record.name === name);

describe("the primary is killed", () => {
  it.each(seeds(24))(
    "during the handshake: the peer is served by B or was never promised anything, seed %i",
    (seed) => {
      const world = new ClusterWorld(seed, quietNetwork, 0.2 + (seed % 5));
      world.run(spread(seed, 20));
      endPrimary(world, seed);
      world.run(1000);
      if (world.peer.association !== undefined) {
        expect(world.takenOver, `seed ${seed}: B serves what A promised`).toBe(true);
        world.peer.startLoad(smallMessages, world.nowMs);
        world.run(5000);
        world.peer.stopLoad(world.nowMs);
        expect(world.run(20_000, () => world.peer.status().drained)).toBe(true);
        expect(world.peer.status().totals[0]?.sent).toBeGreaterThan(100);
      } else {
        // B may still serve a peer that has A's INIT ACK, for it knows the cookie's key.
        const isOver = (): boolean =>
          peerEvent(world, "association-lost") || world.peer.association !== undefined;
        expect(world.run(60_000, isOver)).toBe(true);
      }
      expect(sentTypes(world)).not.toContain("ABORT");
    },
  );

  it.each(seeds(24))("during the shutdown: it is finished from B, seed %i", (seed) => {
    const world = connected(seed, quietNetwork, 0.2 + (seed % 5));
    startLoads(world, smallMessages);
    world.run(100);
    if (seed % 3 === 0) world.peer.shutdown(world.nowMs);
    else world.a?.active?.shutdown(world.nowMs);
    world.run(spread(seed, 40));
    endPrimary(world, seed);
    expect(
      world.run(20_000, () => peerEvent(world, "association-closed")),
      `seed ${seed}`,
    ).toBe(true);
    world.run(3000);
    expect(peerEvent(world, "association-lost")).toBe(false);
    expect(sentTypes(world)).not.toContain("ABORT");
  });

  it.each(seeds(12))("with messages of many fragments under way, seed %i", (seed) => {
    const load = { ratePerSecond: 60, sizeBytes: 20_000, streams: 3 };
    judge(failover(seed, load, seed % 2 === 0 ? quietNetwork : lossy, 0.2 + (seed % 7)), seed, 4);
  });

  it.each(seeds(12))("where TSNs and SSNs wrap, seed %i", (seed) => {
    /** The highest numbers, so that a few hundred chunks go beyond 2^32 - 1. */
    const nearTheEnd = (own: number): RandomSource => {
      const source = seededRandom(own);
      return { ...source, uint32: () => (0xffffff80 | (source.uint32() & 0x7f)) >>> 0 };
    };
    const world = connected(seed, seed % 2 === 0 ? quietNetwork : lossy, 0.2 + (seed % 7), nearTheEnd);
    world.renumberStreams((0xffff - spread(seed, 100)) | 0);
    startLoads(world, smallMessages);
    world.run(300 + spread(seed, 333));
    endPrimary(world, seed);
    world.run(1000);
    drain(world, seed);
    judge(world, seed);
    const tsns = packetsToPeer(world).flatMap(({ packet }) =>
      packet.chunks.flatMap((chunk) => (chunk.type === "DATA" ? [chunk.tsn as number] : [])),
    );
    expect(Math.max(...tsns)).toBeGreaterThan(0xffffff00);
    expect(Math.min(...tsns)).toBeLessThan(10_000);
  });
});

describe("a computer stands still", () => {
  it.each(seeds(10))("the secondary: the primary waits for it, and nobody takes over, seed %i", (seed) => {
    const world = connected(seed, quietNetwork, 0.2 + (seed % 5));
    startLoads(world, smallMessages);
    world.run(200 + spread(seed, 100));
    const frozenAtMs = world.nowMs;
    world.freeze("b");
    world.run(300 + spread(seed, 700));
    const thawedAtMs = world.nowMs;
    world.thaw("b");
    world.run(1000);
    expect(world.takenOver).toBe(false);
    const meanwhile = packetsToPeer(world).filter(
      ({ atMs }) => atMs > frozenAtMs + leaseMs && atMs < thawedAtMs,
    );
    expect(meanwhile).toEqual([]);
    drain(world, seed);
    judge(world, seed);
  });

  it.each(seeds(20))("the primary, until after the takeover: then it sends nothing more, seed %i", (seed) => {
    const world = connected(seed, seed % 2 === 0 ? quietNetwork : lossy, 0.2 + (seed % 5));
    startLoads(world, smallMessages);
    world.run(200 + spread(seed, 100));
    world.freeze("a");
    world.run(takeoverAfterMs + spread(seed, 800), () => world.takenOver && seed % 4 === 0);
    world.run(seed % 4 === 0 ? 0 : 50);
    expect(world.takenOver, `seed ${seed}`).toBe(true);
    world.thaw("a");
    world.run(1000);
    drain(world, seed);
    const sinceMs = takeoverMs(world);
    const late = packetsToPeer(world).filter(({ atMs, epoch }) => atMs >= sinceMs && epoch < 2);
    expect(late.map(({ atMs, from }) => ({ atMs, from }))).toEqual([]);
    expect(hasEvent(world, "fenced")).toBe(true);
    judge(world, seed);
  });
});

describe("the primary lives and its outside path is dead", () => {
  it.each(seeds(10))("all goes on by way of B, in both directions, seed %i", (seed) => {
    const world = connected(seed, quietNetwork, 0.2 + (seed % 5));
    startLoads(world, smallMessages);
    world.run(200 + spread(seed, 100));
    world.network.cut(addressA);
    world.run(3000);
    expect(world.takenOver).toBe(false);
    drain(world, seed);
    judge(world, seed);
  });

  it.each(seeds(6))("also where only the cluster has something to say, seed %i", (seed) => {
    const world = connected(seed, quietNetwork, 0.2 + (seed % 5));
    world.run(200);
    world.network.cut(addressA);
    world.a?.active?.startLoad(smallMessages, world.nowMs);
    world.run(3000);
    drain(world, seed);
    expect(peerEvent(world, "association-lost")).toBe(false);
    const down = world.records.filter(
      (record) => record.host === "peer" && record.kind === "message" && record.act === "delivered",
    );
    expect(down).toHaveLength(world.a?.status().totals.reduce((sum, { sent }) => sum + sent, 0) ?? -1);
  });
});
