import { describe, expect, it } from "vitest";
import type { Outcome, VerdictReport } from "../../captures/verdict/report.ts";
import { allCells, isMeant, nameOf, smallSelection, type Cell } from "../../main/cli/matrix-cells.ts";
import { matrixTable, outcomeOfPlayed, type Played } from "../../main/cli/matrix-table.ts";
import { faultNames } from "../../main/lab/faults/index.ts";

const cells = allCells(["agent", "usrsctp", "kernel", "cluster"]);
const crash: Cell = { policy: "every-update", fault: "crash", peer: "agent" };

function judged(outcome: Outcome, lost: string, gapMs: number, came: boolean = true): Played {
  const report: VerdictReport = {
    outcome,
    headline: "",
    checks: [
      { id: "messages-lost", title: "", outcome, summary: lost, rule: "", evidence: [], evidenceTotal: 0 },
      {
        id: "losses-reported",
        title: "",
        outcome,
        summary: "2 lost in 1 reported ranges",
        rule: "",
        evidence: [],
        evidenceTotal: 0,
      },
    ],
    figures: [{ id: "gap-up", title: "", value: gapMs * 1000, unit: "us", error: 0, method: "" }],
  };
  return { kind: "judged", report, awaited: [{ what: "b takes over", came }], folder: undefined };
}

describe("what the matrix plays", () => {
  it("has every fault, and no combination twice", () => {
    expect(new Set(cells.map(({ fault }) => fault.split("@")[0]))).toEqual(new Set(faultNames));
    expect(new Set(cells.map(nameOf)).size).toBe(cells.length);
  });

  it("leaves out what cannot be", () => {
    for (const { fault, store } of cells) expect(fault === "store-death" && store === undefined).toBe(false);
    expect(
      cells.filter(({ policy }) => policy === "impending-failure:once").map(({ fault }) => fault),
    ).not.toContain("crash");
  });

  it("has each policy, store and fencing mode of the large one in the small selection", () => {
    for (const key of ["policy", "store", "fencing"] as const)
      expect(new Set(smallSelection.map((cell) => cell[key]))).toEqual(
        new Set(cells.map((cell) => cell[key])),
      );
    const names = new Set(cells.map(nameOf));
    for (const cell of smallSelection) expect(names).toContain(nameOf(cell));
  });

  it.each([
    ["crash", 15],
    ["shared redis crash", 3],
    ["interval crash usrsctp", 1],
    ["interval:50ms crash usrsctp", 1],
    ["crash freeze", 0],
  ])('finds what "%s" means', (words, count) => {
    expect(cells.filter((cell) => isMeant(cell, words.split(" ")))).toHaveLength(count);
  });
});

describe("the table", () => {
  it("sums the losses, gives median and longest gap, and names what did not come", () => {
    const all = [
      judged("pass", "2 of 90, each reported, 12 numbers skipped and never sent", 30),
      judged("pass", "3 of 90", 10),
      judged("pass", "0 of 90", 20, false),
    ];
    const [, , row] = matrixTable(new Map([[crash, all]])).split("\n");
    expect(row?.split("|").map((text) => text.trim())).toEqual([
      "",
      "every-update",
      "-",
      "prefer-availability",
      "crash",
      "agent",
      "FAIL 2/3",
      "7",
      "6",
      "12",
      "20 (30)",
      "-",
      "b takes over: NOT in 1 of 3",
      "",
    ]);
  });

  it("shows a run that broke down, and takes a fault that went otherwise for a failure", () => {
    const trouble: Played = { kind: "trouble", text: "no lab" };
    expect(matrixTable(new Map([[crash, [trouble]]]))).toMatch(/\| crash +\| agent \| trouble \|/);
    expect(
      [trouble, judged("pass", "0 of 9", 1, false), judged("unknown", "0 of 9", 1)].map(outcomeOfPlayed),
    ).toEqual(["trouble", "fail", "unknown"]);
  });

  it("keeps a bar in a policy's text inside its cell", () => {
    const either: Cell = { ...crash, policy: "event:'updates>=20||bytes>=9'" };
    expect(matrixTable(new Map([[either, [judged("pass", "0 of 9", 1)]]]))).toContain(
      "updates>=20\\|\\|bytes>=9",
    );
  });
});
