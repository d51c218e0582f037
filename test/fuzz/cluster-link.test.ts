import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { FrameSplitter, joinFrames } from "../../agents/host/cluster-link-frames.ts";
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

/** Pieces of `bytes`, cut at these places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...places, bytes.length].map((end, at) => bytes.subarray(places[at - 1] ?? 0, end));
}

describe("a byte stream of frames", () => {
  const frame = fc.oneof(
    fc.record({
      kind: fc.constant("state" as const),
      epoch: fc.nat(),
      association: fc.nat(),
      bytes: fc.uint8Array({ maxLength: 200 }),
    }),
    fc.record({ kind: fc.constant("beat" as const), epoch: fc.nat(), stampMs: fc.nat() }),
  );

  it(`gives the same frames however it is cut, seed ${seed}`, () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat()), (frames, cuts) => {
        const splitter = new FrameSplitter();
        const bytes = joinFrames(frames) ?? Buffer.alloc(0);
        const carried = pieces(bytes, cuts).flatMap((piece) => splitter.push(piece));
        expect(carried).toEqual(frames.map((each) => ({ kind: "frame", frame: each })));
      }),
      { seed, numRuns: 2000 },
    );
  });

  it(`of any bytes ends with the first that is none, seed ${seed}`, () => {
    const any = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      frame.map((each) => joinFrames([each])),
    );
    let flaws = 0;
    fc.assert(
      fc.property(fc.array(any, { maxLength: 6 }), fc.array(fc.nat()), (parts, cuts) => {
        const splitter = new FrameSplitter();
        const bytes = Buffer.concat(parts.map((part) => part ?? new Uint8Array(0)));
        const carried = pieces(bytes, cuts).flatMap((piece) => splitter.push(piece));
        const flaw = carried.findIndex(({ kind }) => kind === "flaw");
        if (flaw < 0) return;
        flaws += 1;
        expect(flaw).toBe(carried.length - 1);
        expect(splitter.push(joinFrames([{ kind: "claim", epoch: 1 }]) ?? Buffer.alloc(0))).toEqual([]);
      }),
      { seed, numRuns: 3000 },
    );
    expect(flaws).toBeGreaterThan(500);
  });

  it("costs one copy of a large frame that comes in small pieces", () => {
    const bytes = joinFrames([{ kind: "state", epoch: 1, association: 1, bytes: new Uint8Array(4_000_000) }]);
    if (bytes === undefined) throw new Error("the frame is too long");
    const copies = vi.spyOn(Buffer, "concat");
    const splitter = new FrameSplitter();
    let frames = 0;
    for (let at = 0; at < bytes.length; at += 1000) {
      frames += splitter.push(bytes.subarray(at, at + 1000)).length;
    }
    const copiedBytes = copies.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
    copies.mockRestore();
    expect(frames).toBe(1);
    expect(copiedBytes).toBeLessThan(1.1 * bytes.length);
  });
});

describe("the secondary", () => {
  it(`passes on or answers any bytes that come to its address, seed ${seed}`, () => {
    const standby = new StandbyInstance({ epoch: 1, beatIntervalMs: 25, takeoverAfterMs: 400 });
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
