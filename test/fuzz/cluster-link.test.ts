import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StandbyInstance, decodeFrame, encodeFrame } from "../../agents/replica/index.ts";
import { ClusterWorld, addressB, addressPeer } from "../sim/cluster.ts";
import { quietNetwork } from "../sim/network.ts";
import { smallMessages } from "../sim/scenario.ts";
import { resealed } from "./stage.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? 9260);

describe("the cluster link", () => {
  it(`takes any bytes for a frame or for none, seed ${seed}`, () => {
    const frames: Uint8Array[] = [];
    const world = new ClusterWorld(5, quietNetwork);
    world.run(100);
    world.peer.startLoad(smallMessages, world.nowMs);
    world.tapLink((bytes) => frames.push(bytes));
    world.run(100);
    expect(frames.length).toBeGreaterThan(100);
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    const mutated = fc
      .tuple(fc.nat(), fc.array(change, { maxLength: 5 }), fc.nat({ max: 20 }))
      .map(([index, changes, cut]) => {
        const bytes = (frames[index % frames.length] ?? new Uint8Array(0)).slice();
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes.subarray(0, bytes.length - (cut > 10 ? cut - 10 : 0));
      });
    let readable = 0;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (bytes) => {
        const frame = decodeFrame(bytes);
        if (frame === undefined) return;
        readable += 1;
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
      }),
      { seed, numRuns: 10_000 },
    );
    expect(readable).toBeGreaterThan(1000);
  });
});

describe("the secondary", () => {
  it(`passes on or answers any bytes that come to its address, seed ${seed}`, () => {
    const standby = new StandbyInstance({ epoch: 1, beatIntervalMs: 25, leaseMs: 250, takeoverAfterMs: 400 });
    standby.linkUp(0);
    standby.takeOutputs();
    const bytes = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(fc.oneof(bytes, bytes.map(resealed)), (packet) => {
        standby.receive(packet, { local: addressB, remote: addressPeer }, false);
        const { frames, packets } = standby.takeOutputs();
        expect(frames.length + packets.length).toBe(1);
      }),
      { seed, numRuns: 3000 },
    );
  });
});
