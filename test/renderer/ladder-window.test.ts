import { describe, expect, it } from "vitest";
import type { LadderWindow } from "../../main/api/contract.ts";
import { estimateCount, nextLadderRequest } from "../../renderer/model/ladder-window.ts";

const bounds = { fromUs: 0, toUs: 1_000_000 };
const view = { fromUs: 400_000, toUs: 500_000 };

const answer = (fromUs: number, toUs: number, counts?: number[]): LadderWindow => ({
  fromUs,
  toUs,
  exact: counts === undefined,
  transmissions: [],
  replications: [],
  lag: [],
  density: counts === undefined ? [] : [{ from: "peer", to: "a-address", counts }],
  total: 0,
});

describe("nextLadderRequest", () => {
  it("asks for the view and a quarter on either side, inside the run", () => {
    expect(nextLadderRequest(undefined, view, bounds, 100)).toEqual({ fromUs: 375_000, toUs: 525_000 });
    expect(nextLadderRequest(undefined, bounds, bounds, 100)).toEqual(bounds);
  });

  it("asks nothing while an exact answer covers the view", () => {
    expect(
      nextLadderRequest(answer(375_000, 525_000), { fromUs: 380_000, toUs: 480_000 }, bounds, 100),
    ).toBeUndefined();
    expect(
      nextLadderRequest(answer(375_000, 525_000), { fromUs: 370_000, toUs: 470_000 }, bounds, 100),
    ).toBeDefined();
  });

  it("asks for the packets once the counts say that they fit", () => {
    const counts = answer(
      0,
      1_000_000,
      Array.from({ length: 10 }, () => 60),
    );
    expect(nextLadderRequest(counts, { fromUs: 400_000, toUs: 500_000 }, bounds, 100)).toEqual(view);
  });

  it("refines counts only after a real zoom, so that it never asks in circles", () => {
    const counts = answer(
      0,
      1_000_000,
      Array.from({ length: 10 }, () => 900),
    );
    expect(nextLadderRequest(counts, { fromUs: 0, toUs: 500_000 }, bounds, 100)).toBeUndefined();
    expect(nextLadderRequest(counts, { fromUs: 0, toUs: 200_000 }, bounds, 100)).toBeDefined();
    const same = answer(view.fromUs, view.toUs, [900]);
    expect(nextLadderRequest(same, view, bounds, 100)).toBeUndefined();
  });

  it("counts slices that touch the view", () => {
    const counts = answer(0, 1_000_000, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
    expect(estimateCount(counts, { fromUs: 250_000, toUs: 400_000 })).toBe(4 + 8);
  });
});
