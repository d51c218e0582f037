import { describe, expect, it } from "vitest";
import type { Member } from "../../agents/replica/index.ts";
import type { ClusterWorld } from "./cluster.ts";
import { addressB, addressPeer, leaseMs, takeoverAfterMs } from "./cluster.ts";
import { quietNetwork } from "./network.ts";
import { connected, drain, hasEvent, judge, lossy, smallMessages, startLoads } from "./scenario.ts";

const seeds = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

const primaryOf = (world: ClusterWorld): Member | undefined =>
  [world.a, world.b].find((member) => member?.active !== undefined);

function handOver(world: ClusterWorld, seed: number): void {
  const before = primaryOf(world);
  expect(before?.handOver(world.nowMs), `seed ${seed}`).toBe(undefined);
  world.settle();
  const moved = (): boolean => primaryOf(world) !== undefined && primaryOf(world) !== before;
  expect(world.run(1000, moved), `seed ${seed}: the other member is the primary`).toBe(true);
}

describe("planned switch-over", () => {
  it.each(seeds(12))("there and back a hundred times under load, nothing lost, seed %i", (seed) => {
    const world = connected(seed, seed % 2 === 0 ? quietNetwork : lossy, 0.2 + (seed % 3));
    startLoads(world, smallMessages);
    for (let count = 0; count < 100; count++) {
      world.run(((seed * 7919 + count * 104_729) % 400) / 10);
      handOver(world, seed);
    }
    expect(primaryOf(world)?.epoch).toBe(101);
    expect(hasEvent(world, "takeover-started")).toBe(false);
    drain(world, seed);
    judge(world, seed);
  });

  it.each(seeds(10))("with long messages under way, seed %i", (seed) => {
    const world = connected(seed, lossy, 0.5);
    startLoads(world, { ratePerSecond: 60, sizeBytes: 20_000, streams: 3 });
    for (let count = 0; count < 10; count++) {
      world.run(50 + seed);
      handOver(world, seed);
    }
    drain(world, seed);
    judge(world, seed, 4);
  });

  it("is refused where there is nobody to hand over to", () => {
    const world = connected(1, quietNetwork);
    world.killPrimary();
    world.run(100);
    expect(world.takenOver).toBe(true);
    expect(world.b.handOver(world.nowMs)).toContain("no standby");
  });
});

describe("what a member gives out", () => {
  it("is nothing of the former primary any more, though it came in the turn of the takeover", () => {
    const world = connected(1, quietNetwork);
    const route = { local: addressB, remote: addressPeer };
    const packet = new Uint8Array([1, 2, 3, 4]);
    const passOn = (): void => {
      const frame = { kind: "outbound", epoch: 1, route, packet } as const;
      world.b.receiveFrame("partner", frame, world.nowMs);
    };
    const isPassedOn = (): boolean =>
      world.b.takeOutputs(world.nowMs).packets.some(({ bytes }) => bytes === packet);
    passOn();
    expect(isPassedOn()).toBe(true);
    passOn();
    world.b.linkDown("partner", true, world.nowMs);
    expect(isPassedOn()).toBe(false);
    expect(world.b.epoch).toBe(2);
  });

  it("is to be sent before anybody may have taken over, and at any time where nobody can", () => {
    const world = connected(1, quietNetwork);
    const { nowMs } = world;
    const spare = (takeoverAfterMs - leaseMs) / 2;
    expect(world.a?.takeOutputs(nowMs).sendUntilMs).toBe(nowMs + spare);
    world.killPrimary();
    world.run(100);
    expect(world.b.takeOutputs(world.nowMs).sendUntilMs).toBe(Infinity);
  });
});

describe("a computer that returns", () => {
  it.each(seeds(20))(
    "is synchronised under load, and takes over again when the other dies, seed %i",
    (seed) => {
      const world = connected(seed, seed % 2 === 0 ? quietNetwork : lossy, 0.2 + (seed % 4));
      startLoads(world, smallMessages);
      world.run(200);
      world.killPrimary();
      world.run(300);
      expect(world.takenOver).toBe(true);
      world.bringBack();
      const isCurrent = (): boolean => world.a?.standby?.isCurrent === true;
      expect(world.run(2000, isCurrent), `seed ${seed}: a is the standby`).toBe(true);
      world.run(100 + seed);
      handOver(world, seed);
      expect(world.a?.active).toBeDefined();
      drain(world, seed);
      judge(world, seed);
    },
  );
});
