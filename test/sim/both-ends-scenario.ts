import { expect } from "vitest";
import { seededRandom } from "../../agents/sctp/index.ts";
import { parsePacket } from "../../agents/sctp/wire/index.ts";
import type { NetworkFaults } from "./network.ts";
import { smallMessages } from "./scenario.ts";
import type { Death, EndName, TwoClusterTerms } from "./two-clusters.ts";
import { TwoClusters } from "./two-clusters.ts";

export const ends: readonly EndName[] = ["near", "outside"];
const deaths: readonly Death[] = ["kill", "power", "freeze"];
export const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

const confirmations = (world: TwoClusters, end: EndName): number =>
  world.records.filter(
    (record) => record.end === end && record.kind === "event" && record.name === "address-confirmed",
  ).length;

/** Connected, both ends sure of the other one's second address, and loaded both ways. */
export function underLoad(seed: number, faults: NetworkFaults, terms?: TwoClusterTerms): TwoClusters {
  const world = new TwoClusters(seed, faults, terms);
  const isConfirmed = (): boolean => ends.every((end) => confirmations(world, end) > 0);
  expect(world.run(30_000, isConfirmed), `seed ${seed}: each end confirms both addresses`).toBe(true);
  for (const end of ends) world.serving(end)?.startLoad(smallMessages, world.nowMs);
  world.settle();
  return world;
}

/** Somewhere in the load the primaries of both ends go at once, each in a way of its own. */
export function strikeAtOnce(world: TwoClusters, seed: number): void {
  const dice = seededRandom(seed);
  world.run(300 + (dice.uint32() % 3000) / 10);
  for (const end of ends) world.strike(end, deaths[dice.uint32() % 3] ?? "kill");
}

/** They go one after the other: before, within or after the other end's takeover. */
export function strikeApart(world: TwoClusters, seed: number): void {
  const dice = seededRandom(seed + 1000);
  world.run(300 + (dice.uint32() % 3000) / 10);
  const order = dice.uint32() % 2 === 0 ? ends : ends.toReversed();
  for (const end of order) {
    world.strike(end, deaths[dice.uint32() % 3] ?? "kill");
    world.run((dice.uint32() % 8000) / 10);
  }
}

/** Stops the loads and waits until all is acknowledged at both ends. */
export function drain(world: TwoClusters, seed: number): void {
  for (const end of ends) world.serving(end)?.stopLoad(world.nowMs);
  world.settle();
  const drained = (): boolean => ends.every((end) => world.serving(end)?.status().drained === true);
  expect(world.run(60_000, drained), `seed ${seed}: everything is acknowledged`).toBe(true);
  world.run(1000);
}

/** What neither end may see: ABORT, a second INIT, a TSN with two payloads, a word of an epoch that is over. */
export function wireFaults(world: TwoClusters): string[] {
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
