import { describe, expect, it } from "vitest";
import { seededRandom } from "../../agents/sctp/index.ts";
import { parsePacket } from "../../agents/sctp/wire/index.ts";
import type { NetworkFaults } from "./network.ts";
import { quietNetwork } from "./network.ts";
import { lossy, smallMessages } from "./scenario.ts";
import type { Death, EndName } from "./two-clusters.ts";
import { TwoClusters } from "./two-clusters.ts";

const ends: readonly EndName[] = ["near", "outside"];
const deaths: readonly Death[] = ["kill", "power", "freeze"];
const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

const confirmations = (world: TwoClusters, end: EndName): number =>
  world.records.filter(
    (record) => record.end === end && record.kind === "event" && record.name === "address-confirmed",
  ).length;

/** Connected, both ends sure of the other one's second address, and loaded both ways. */
function underLoad(seed: number, faults: NetworkFaults): TwoClusters {
  const world = new TwoClusters(seed, faults);
  const isConfirmed = (): boolean => ends.every((end) => confirmations(world, end) > 0);
  expect(world.run(30_000, isConfirmed), `seed ${seed}: each end confirms both addresses`).toBe(true);
  for (const end of ends) world.serving(end)?.startLoad(smallMessages, world.nowMs);
  world.settle();
  return world;
}

/** Stops the loads, waits until all is acknowledged at both ends, and judges what was delivered and sent. */
function drainAndJudge(world: TwoClusters, seed: number): void {
  for (const end of ends) world.serving(end)?.stopLoad(world.nowMs);
  world.settle();
  const drained = (): boolean => ends.every((end) => world.serving(end)?.status().drained === true);
  expect(world.run(60_000, drained), `seed ${seed}: everything is acknowledged`).toBe(true);
  world.run(1000);
  const totals = ends.flatMap((end) => world.serving(end)?.status().totals ?? []);
  expect(totals.length, `seed ${seed}: both ends number`).toBe(2 * smallMessages.streams);
  for (const { flow, streamId, sent } of totals) {
    const all = Array.from({ length: sent }, (_, number) => number);
    expect(sent).toBeGreaterThan(50);
    const arrived = (end: EndName, each: string): void => {
      const key = `${each} ${streamId}`;
      expect(delivered(world, end, key), `seed ${seed}: ${key}`).toEqual(all);
    };
    arrived(flow === "up" ? "near" : "outside", flow);
    if (flow === "down") arrived("near", "echo");
  }
  expect(wireFaults(world), `seed ${seed}`).toEqual([]);
}

/** Numbers delivered at an end, in order; what both members report under one update counts once. */
function delivered(world: TwoClusters, end: EndName, key: string): number[] {
  const seen = new Set<string>();
  return world.records.flatMap((record) => {
    if (record.end !== end || record.kind !== "message" || record.act !== "delivered") return [];
    const once = `${record.number} ${record.sequence}`;
    if (`${record.flow} ${record.streamId}` !== key || seen.has(once)) return [];
    seen.add(once);
    return [record.number];
  });
}

/** What neither end may see: ABORT, a second INIT, a TSN with two payloads, a word of an epoch that is over. */
function wireFaults(world: TwoClusters): string[] {
  const faults: string[] = [];
  const epochs = new Map<string, number>();
  const payloads = new Map<string, Uint8Array>();
  const tags = new Set<number>();
  for (const { datagram } of world.network.log) {
    const { from, bytes, epoch = 0 } = datagram;
    const end = from.startsWith("192.0.2.1") ? "near" : "outside";
    const latest = epochs.get(end) ?? 0;
    if (epoch < latest) faults.push(`${from} speaks under epoch ${epoch} after ${latest}`);
    epochs.set(end, Math.max(latest, epoch));
    const parsed = parsePacket(bytes);
    if (!parsed.ok) throw new Error(parsed.reason);
    for (const chunk of parsed.packet.chunks) {
      if (chunk.type === "ABORT") faults.push(`ABORT from ${from}`);
      if (chunk.type === "INIT") tags.add(chunk.initiateTag);
      if (chunk.type !== "DATA") continue;
      const key = `${end} ${chunk.tsn}`;
      const before = payloads.get(key);
      if (before === undefined) payloads.set(key, chunk.payload);
      else if (Buffer.compare(before, chunk.payload) !== 0) faults.push(`TSN ${chunk.tsn} has two payloads`);
    }
  }
  if (tags.size !== 1) faults.push(`${tags.size} associations were begun`);
  return faults;
}

describe("clusters at both ends", () => {
  it("deliver everything where nobody dies", () => {
    const world = underLoad(1, lossy);
    world.run(500);
    drainAndJudge(world, 1);
    expect(ends.map((end) => world.epochOf(end))).toEqual([1, 1]);
  });

  it.each(seeds(12))("lose nothing when both primaries go at once, seed %i", (seed) => {
    const world = underLoad(seed, seed % 2 === 0 ? quietNetwork : lossy);
    const dice = seededRandom(seed);
    world.run(300 + (dice.uint32() % 3000) / 10);
    for (const end of ends) world.strike(end, deaths[dice.uint32() % 3] ?? "kill");
    world.run(2500);
    drainAndJudge(world, seed);
    expect(ends.map((end) => world.epochOf(end))).toEqual([2, 2]);
  });

  it.each(seeds(12))("lose nothing when they go at different instants, seed %i", (seed) => {
    const world = underLoad(seed, seed % 2 === 0 ? quietNetwork : lossy);
    const dice = seededRandom(seed + 1000);
    world.run(300 + (dice.uint32() % 3000) / 10);
    const order = dice.uint32() % 2 === 0 ? ends : ends.toReversed();
    for (const end of order) {
      world.strike(end, deaths[dice.uint32() % 3] ?? "kill");
      // Before, within or after the other end's takeover.
      world.run((dice.uint32() % 8000) / 10);
    }
    world.run(2500);
    drainAndJudge(world, seed);
    expect(ends.map((end) => world.epochOf(end))).toEqual([2, 2]);
  });

  it.each(ends)("go on as they were where only the other one is struck: %s", (end) => {
    const world = underLoad(7, lossy);
    world.run(400);
    world.strike(end, "kill");
    world.run(1000);
    drainAndJudge(world, 7);
    expect(world.epochOf(end)).toBe(2);
    expect(world.epochOf(end === "near" ? "outside" : "near")).toBe(1);
  });
});
