import { describe, expect, it } from "vitest";
import {
  drain,
  ends,
  seeds,
  strikeApart,
  strikeAtOnce,
  underLoad,
  wireFaults,
} from "./both-ends-scenario.ts";
import { quietNetwork } from "./network.ts";
import { lossy, smallMessages } from "./scenario.ts";
import type { EndName, TwoClusters } from "./two-clusters.ts";

/** Everything that was numbered arrives, in order, and the wire shows nothing that neither end may see. */
function drainAndJudge(world: TwoClusters, seed: number): void {
  drain(world, seed);
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

describe("clusters at both ends", () => {
  it("deliver everything where nobody dies", () => {
    const world = underLoad(1, lossy);
    world.run(500);
    drainAndJudge(world, 1);
    expect(ends.map((end) => world.epochOf(end))).toEqual([1, 1]);
  });

  it.each(seeds(12))("lose nothing when both primaries go at once, seed %i", (seed) => {
    const world = underLoad(seed, seed % 2 === 0 ? quietNetwork : lossy);
    strikeAtOnce(world, seed);
    world.run(2500);
    drainAndJudge(world, seed);
    expect(ends.map((end) => world.epochOf(end))).toEqual([2, 2]);
  });

  it.each(seeds(12))("lose nothing when they go at different instants, seed %i", (seed) => {
    const world = underLoad(seed, seed % 2 === 0 ? quietNetwork : lossy);
    strikeApart(world, seed);
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
