import { describe, expect, it } from "vitest";
import type { LadderWindow, Mark, Transmission } from "../../main/api/contract.ts";
import { layoutAnnotations } from "../../renderer/charts/ladder/annotations.ts";
import { instantAt, ladderGeometry, yAt } from "../../renderer/charts/ladder/geometry.ts";
import { hitPacket, layoutLadder } from "../../renderer/charts/ladder/layout.ts";
import {
  layoutOverview,
  overviewInstant,
  overviewY,
  sliceCounts,
} from "../../renderer/charts/overview/layout.ts";

const view = { fromUs: 1_000_000, toUs: 2_000_000 };
const geometry = ladderGeometry(780, 700, view);

const transmission = (id: number, sentUs: number, rest: Partial<Transmission> = {}): Transmission => ({
  id,
  packetId: id,
  from: "peer",
  to: "a-address",
  sentUs,
  receivedUs: sentUs + 10_000,
  label: "DATA",
  kind: "data",
  ...rest,
});

const ladder = (transmissions: Transmission[]): LadderWindow => ({
  ...view,
  exact: true,
  transmissions,
  replications: [],
  lag: [],
  density: [],
  total: transmissions.length,
});

describe("ladder geometry", () => {
  it("turns instants into heights and back", () => {
    expect(yAt(geometry, view.fromUs)).toBe(geometry.top);
    expect(yAt(geometry, view.toUs)).toBe(geometry.bottom);
    expect(instantAt(geometry, yAt(geometry, 1_234_567))).toBeCloseTo(1_234_567, 6);
  });

  it("keeps the columns apart and the lanes in order, also on a narrow screen", () => {
    for (const width of [1_100, 780, 520, 430]) {
      const { laneX, bandRight, gutterLeft } = ladderGeometry(width, 700, view);
      const order = [
        bandRight,
        laneX.peer,
        laneX["a-address"],
        laneX.a,
        laneX.b,
        laneX["b-address"],
        gutterLeft,
      ];
      expect(order, `width ${width}`).toEqual(order.toSorted((one, other) => one - other));
    }
  });
});

describe("ladder layout", () => {
  it("slopes a packet by its transit and marks repeats", () => {
    const layout = layoutLadder(
      ladder([transmission(1, 1_100_000), transmission(2, 1_300_000, { repeats: 1 })]),
      geometry,
      new Set(),
    );
    const [first, second] = layout.packets;
    expect(first?.x1).toBe(geometry.laneX.peer);
    expect(first?.x2).toBe(geometry.laneX["a-address"]);
    expect((first?.y2 ?? 0) - (first?.y1 ?? 0)).toBeCloseTo(
      ((geometry.bottom - geometry.top) * 10_000) / 1_000_000,
      6,
    );
    expect(second?.repeated).toBe(true);
  });

  it("ends a lost packet on its way", () => {
    const { receivedUs: _, ...sent } = transmission(2, 1_200_000);
    const layout = layoutLadder(ladder([transmission(1, 1_100_000), sent]), geometry, new Set());
    const lost = layout.packets[1];
    expect(lost?.lost).toBe(true);
    expect(lost?.x2).toBeGreaterThan(geometry.laneX.peer);
    expect(lost?.x2).toBeLessThan(geometry.laneX["a-address"]);
  });

  it("knows the first copy of a repeat, also when that lies outside the view", () => {
    const items = [transmission(1, 500_000), transmission(2, 1_500_000, { repeats: 1 })];
    const layout = layoutLadder(ladder(items), geometry, new Set());
    expect(layout.packets).toHaveLength(1);
    expect(layout.firstCopies.get(1)?.y1).toBeLessThan(geometry.top);
  });

  it("gives texts only to packets that leave room for them", () => {
    const items = [1_100_000, 1_105_000, 1_110_000, 1_300_000].map((sentUs, index) =>
      transmission(index + 1, sentUs),
    );
    const layout = layoutLadder(ladder(items), geometry, new Set());
    expect([...layout.withText].map((line) => line.transmission.id)).toEqual([1, 4]);
  });

  it("leaves out hidden kinds and what lies outside the view", () => {
    const items = [
      transmission(1, 900_000),
      transmission(2, 1_500_000, { kind: "sack" }),
      transmission(3, 1_600_000),
    ];
    const layout = layoutLadder(ladder(items), geometry, new Set(["sack"] as const));
    expect(layout.packets.map(({ transmission: { id } }) => id)).toEqual([3]);
  });

  it("finds the packet under the pointer, the nearer of two, and none in the void", () => {
    const layout = layoutLadder(
      ladder([transmission(1, 1_100_000), transmission(2, 1_120_000), transmission(3, 1_900_000)]),
      geometry,
      new Set(),
    );
    const line = layout.packets[1];
    const middle = { x: ((line?.x1 ?? 0) + (line?.x2 ?? 0)) / 2, y: ((line?.y1 ?? 0) + (line?.y2 ?? 0)) / 2 };
    expect(hitPacket(layout, middle.x, middle.y + 1, 6)?.transmission.id).toBe(2);
    expect(hitPacket(layout, middle.x, yAt(geometry, 1_500_000), 6)).toBeUndefined();
    expect(hitPacket(layout, geometry.laneX.b, middle.y, 6)).toBeUndefined();
  });

  it("stacks density bars of one lane and lets them grow toward the receiver", () => {
    const counts = [10, 0, 5, 0];
    const layout = layoutLadder(
      {
        ...ladder([]),
        exact: false,
        density: [
          { from: "peer", to: "a-address", counts },
          { from: "peer", to: "b-address", counts: [5, 0, 0, 0] },
          { from: "a-address", to: "peer", counts: [5, 0, 0, 0] },
        ],
      },
      geometry,
      new Set(),
    );
    const [toA, , toB, back] = layout.bars;
    expect(toA?.x).toBe(geometry.laneX.peer);
    expect(toB?.x).toBeCloseTo((toA?.x ?? 0) + (toA?.width ?? 0), 6);
    expect((back?.x ?? 0) + (back?.width ?? 0)).toBeCloseTo(geometry.laneX["a-address"], 6);
    expect((toA?.x ?? 0) + (toA?.width ?? 0)).toBeLessThan(back?.x ?? 0);
  });
});

describe("annotations", () => {
  const mark = (atUs: number, kind: Mark["kind"]): Mark => ({
    atUs,
    kind,
    host: "a",
    text: "a text that is long enough to need two lines",
  });

  it("names marks without overlap, and says which found no room", () => {
    const many = Array.from({ length: 80 }, (_, index) =>
      mark(1_400_000 + index * 100, index === 40 ? "fault" : "other"),
    );
    const { marks, unlabelled } = layoutAnnotations(geometry, many, [], 1_400_000);
    expect(marks.length + unlabelled.length).toBe(80);
    expect(unlabelled.length).toBeGreaterThan(0);
    expect(marks.some((label) => label.mark.kind === "fault")).toBe(true);
    for (const [index, label] of marks.entries()) {
      const next = marks[index + 1];
      if (next !== undefined) expect(label.top + label.height).toBeLessThanOrEqual(next.top);
    }
  });
});

describe("overview", () => {
  it("counts traffic by path, leaves replication out, and merges whole slices", () => {
    const whole: LadderWindow = {
      ...ladder([]),
      exact: false,
      density: [
        { from: "peer", to: "a-address", counts: [4, 4, 4, 4, 0, 0] },
        { from: "b-address", to: "peer", counts: [0, 0, 0, 0, 3, 3] },
        { from: "a", to: "b", counts: [9, 9, 9, 9, 0, 0] },
      ],
    };
    expect(sliceCounts(whole, 4)).toEqual([
      { viaA: 8, viaB: 0 },
      { viaA: 8, viaB: 0 },
      { viaA: 0, viaB: 6 },
    ]);
  });

  it("counts the packets themselves where the answer is exact", () => {
    const slices = sliceCounts(
      ladder([transmission(1, 1_100_000), transmission(2, 1_900_000, { to: "b-address" })]),
      2,
    );
    expect(slices).toEqual([
      { viaA: 1, viaB: 0 },
      { viaA: 0, viaB: 1 },
    ]);
  });

  it("maps heights to instants and back", () => {
    const layout = layoutOverview(ladder([]), [], view, 60, 600);
    expect(layout.bars.length).toBeGreaterThan(0);
    expect(overviewInstant(view, 600, overviewY(view, 600, 1_250_000))).toBeCloseTo(1_250_000, 6);
  });
});
