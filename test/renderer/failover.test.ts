import { describe, expect, it } from "vitest";
import type { Mark } from "../../main/api/contract.ts";
import { failoverBands, failoverViewport, findFailover, stepMark } from "../../renderer/model/failover.ts";

const mark = (atUs: number, kind: Mark["kind"]): Mark => ({ atUs, kind, host: "b", text: kind });
const bounds = { fromUs: 0, toUs: 20_000_000 };

describe("failover", () => {
  const marks = [
    mark(9_000_000, "restored"),
    mark(10_300_000, "restored"),
    mark(10_064_000, "first-packet"),
    mark(10_061_000, "detected"),
    mark(10_000_000, "fault"),
    mark(15_000_000, "fault"),
  ];

  it("takes the first fault and what follows it, whatever the order of the marks", () => {
    expect(findFailover(marks)).toEqual({
      faultUs: 10_000_000,
      detectedUs: 10_061_000,
      firstPacketUs: 10_064_000,
      restoredUs: 10_300_000,
    });
  });

  it("joins bands where an instant is missing", () => {
    expect(failoverBands(findFailover(marks)).map(({ id, fromUs, toUs }) => [id, toUs - fromUs])).toEqual([
      ["detection", 61_000],
      ["takeover", 3_000],
      ["restoration", 236_000],
    ]);
    const undetected = findFailover(marks.filter(({ kind }) => kind !== "detected"));
    expect(failoverBands(undetected).map(({ id, fromUs, toUs }) => [id, toUs - fromUs])).toEqual([
      ["takeover", 64_000],
      ["restoration", 236_000],
    ]);
  });

  it("shows 150 ms around the failover at first, and the whole run where nothing failed", () => {
    expect(failoverViewport(findFailover(marks), bounds)).toEqual({ fromUs: 9_850_000, toUs: 10_450_000 });
    expect(failoverViewport({}, bounds)).toEqual(bounds);
    const early = { faultUs: 10_000_000, detectedUs: 10_400_000, restoredUs: 10_300_000 };
    expect(failoverViewport(early, bounds).toUs).toBe(10_550_000);
  });

  it("steps from mark to mark and stops at the ends", () => {
    expect(stepMark(marks, 10_000_000, 1)?.atUs).toBe(10_061_000);
    expect(stepMark(marks, 10_000_000, -1)?.atUs).toBe(9_000_000);
    expect(stepMark(marks, 15_000_000, 1)).toBeUndefined();
  });
});
