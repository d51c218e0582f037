import { describe, expect, it } from "vitest";
import { noExtensions, seededRandom } from "../../agents/sctp/index.ts";
import type { Extensions } from "../../agents/sctp/index.ts";
import { ClusterWorld, addressB } from "./cluster.ts";
import { quietNetwork } from "./network.ts";
import { drain, endPrimary, judge, lossy, packetsToPeer, smallMessages, startLoads } from "./scenario.ts";

const withAsconf: Extensions = { ...noExtensions, authentication: true, addressReconfiguration: true };

/** An association that is set up while the primary is alone; some time later the standby comes. */
function aloneFirst(seed: number, extensions: Extensions, faults = quietNetwork): ClusterWorld {
  const how = { standbyIsLate: true, parameters: { extensions } };
  const world = new ClusterWorld(seed, faults, 0.5, seededRandom, how);
  expect(world.run(30_000, () => world.peer.association !== undefined)).toBe(true);
  world.run(5000);
  return world;
}

const confirmedAtMs = (world: ClusterWorld): number | undefined => {
  const found = world.records.find(
    (record) =>
      record.host === "peer" &&
      record.kind === "event" &&
      record.name === "address-confirmed" &&
      record.detail["address"] === addressB,
  );
  return found === undefined ? undefined : found.at / 1000;
};

const listed = (world: ClusterWorld): boolean =>
  packetsToPeer(world).some(({ packet }) =>
    packet.chunks.some(
      (chunk) =>
        chunk.type === "INIT_ACK" &&
        chunk.parameters.some((each) => each.type === "IPV4_ADDRESS" && each.address === addressB),
    ),
  );

describe("a standby that comes after the association was set up", () => {
  it("is announced to a peer that takes ASCONF, and confirmed at once", () => {
    const world = aloneFirst(1, withAsconf);
    expect(listed(world)).toBe(false);
    expect(confirmedAtMs(world)).toBeUndefined();
    const joinedMs = world.nowMs;
    world.standbyJoins();
    expect(world.run(1000, () => confirmedAtMs(world) !== undefined)).toBe(true);
    // Synchronisation, ASCONF and its answer, HEARTBEAT and its answer: a few round trips.
    expect((confirmedAtMs(world) ?? Infinity) - joinedMs).toBeLessThan(50);
  });

  it("is in INIT ACK from the start where the peer cannot be told later", () => {
    const world = aloneFirst(2, noExtensions);
    expect(listed(world)).toBe(true);
    world.standbyJoins();
    expect(world.run(60_000, () => confirmedAtMs(world) !== undefined)).toBe(true);
  });

  it("is announced too when it comes between INIT ACK and COOKIE ECHO", () => {
    for (let seed = 1; seed <= 12; seed++) {
      const how = { standbyIsLate: true, parameters: { extensions: withAsconf } };
      const world = new ClusterWorld(seed, quietNetwork, 0.5, seededRandom, how);
      world.run(seed * 0.5);
      world.standbyJoins();
      expect(
        world.run(1000, () => confirmedAtMs(world) !== undefined),
        `seed ${seed}`,
      ).toBe(true);
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("takes over with nothing lost, on a bad network too, seed %i", (seed) => {
    const world = aloneFirst(seed, withAsconf, seed % 2 === 0 ? quietNetwork : lossy);
    startLoads(world, smallMessages);
    world.run(200);
    world.standbyJoins();
    expect(
      world.run(10_000, () => confirmedAtMs(world) !== undefined),
      `seed ${seed}`,
    ).toBe(true);
    world.run(500);
    endPrimary(world, seed);
    world.run(1000);
    expect(world.takenOver, `seed ${seed}: B has taken over`).toBe(true);
    drain(world, seed);
    judge(world, seed);
  });
});
