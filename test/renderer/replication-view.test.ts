import { describe, expect, it } from "vitest";
import type { Mark, RunOverview } from "../../main/api/contract.ts";
import { layoutAnnotations } from "../../renderer/charts/ladder/annotations.ts";
import { ladderGeometry } from "../../renderer/charts/ladder/geometry.ts";
import { layoutLadder } from "../../renderer/charts/ladder/layout.ts";
import { fixtureDesk } from "../../renderer/link/fixture.ts";
import { lifeLine } from "../../renderer/model/life-lines.ts";
import { LANES, lanesOf } from "../../renderer/model/packet-kinds.ts";
import { runContext } from "../../renderer/model/run-state.ts";
import { roleAt, situationAt } from "../../renderer/model/situation.ts";

/** What the interface shows of replication: who serves, how far the holder is behind, what was lost. */

const desk = fixtureDesk({ seed: 1 });
const runId = "demo-5";
const overview = await desk.send("run.open", { runId });
const faultUs = overview.marks.find(({ kind }) => kind === "fault")?.atUs ?? 0;
const ladder = await desk.send("run.ladder", {
  runId,
  fromUs: faultUs - 150_000,
  toUs: faultUs + 450_000,
  limit: 20_000,
});
const serviceOf = (epoch: number): RunOverview["services"][number] => {
  const service = overview.services.find((each) => each.epoch === epoch);
  if (service === undefined) throw new Error(`the fixture has no epoch ${epoch}`);
  return service;
};

describe("the fixture's run under interval:50ms", () => {
  it("shows every kind of mark that replication has", () => {
    const kinds = new Set(overview.marks.map(({ kind }) => kind));
    const wanted = ["policy", "claim", "takeover", "recovery", "loss", "synchronised", "handover", "solo"];
    expect(wanted.filter((kind) => !kinds.has(kind as Mark["kind"]))).toEqual([]);
    expect(overview.services.map(({ host, epoch }) => `${host}${epoch}`)).toEqual(["a1", "b2", "a3"]);
  });

  it("replicates from whoever serves, and never holds what its last flush would have brought", () => {
    const { replications } = { replications: ladder.replications };
    const lost = replications.filter(({ heldUs }) => heldUs === undefined);
    expect(lost.length).toBe(1);
    expect(lost[0]?.madeUs).toBeGreaterThan(faultUs - 50_000);
    expect(ladder.lag.some((slice) => slice.lost && slice.fromUs < faultUs)).toBe(true);
    expect(ladder.lag.filter(({ fromUs }) => fromUs > faultUs)).toEqual([]);
  });
});

describe("life lines", () => {
  it("stop while an instance is gone, and carry a bar for each epoch", () => {
    const a = lifeLine("a", overview);
    expect(a.alive.map(({ fromUs }) => fromUs)).toEqual([overview.fromUs, a.gone[0]?.toUs]);
    expect(a.alive[0]?.toUs).toBe(faultUs);
    expect(a.serving.map(({ epoch }) => epoch)).toEqual([1, 3]);
    expect(lifeLine("b", overview).serving.map(({ epoch }) => epoch)).toEqual([2]);
    expect(lifeLine("peer", overview)).toMatchObject({ gone: [], serving: [] });
  });

  it("an address is gone with its instance, and with its cut link alone", () => {
    expect(lifeLine("a-address", overview).gone[0]?.fromUs).toBe(faultUs);
    const cut: RunOverview = {
      ...overview,
      outages: [{ host: "a", what: "address", fromUs: faultUs, toUs: faultUs + 10 }],
    };
    expect(lifeLine("a-address", cut).gone).toEqual([{ fromUs: faultUs, toUs: faultUs + 10 }]);
    expect(lifeLine("a", cut).gone).toEqual([]);
  });
});

describe("the situation at an instant", () => {
  it("names who serves under what, the lease and the lag", () => {
    const found = situationAt(overview, ladder, faultUs - 60_000);
    expect(found).toMatchObject({ nobody: false, service: { host: "a", epoch: 1 } });
    expect(found.policy?.policy).toBe("interval:50ms");
    expect(found.lease?.host).toBe("a");
    expect(found.lag?.lagUs).toBeGreaterThan(0);
    expect(found.lag?.lost).toBe(false);
    expect(situationAt(overview, ladder, faultUs - 5_000).lag?.lost).toBe(true);
  });

  it("says that nobody serves between the death of one and the takeover of the other", () => {
    expect(situationAt(overview, ladder, faultUs + 30_000).nobody).toBe(true);
    const after = situationAt(overview, ladder, serviceOf(2).fromUs + 10);
    expect(after).toMatchObject({ nobody: false, service: { host: "b", epoch: 2 } });
    // A lease of the instance that died is none of its successor's.
    expect(after.lease).toBeUndefined();
  });

  it("a member's role is who serves, whatever its own last word was", () => {
    const before = situationAt(overview, undefined, faultUs - 1000);
    expect(roleAt(before, "a", "primary instance")).toBe("serves, epoch 1");
    expect(roleAt(before, "b", "secondary instance")).toBe("secondary instance");
    const handedOver = situationAt(overview, undefined, serviceOf(3).fromUs + 10);
    expect(roleAt(handedOver, "b", "primary instance (took over)")).toBe("no longer primary");
    expect(roleAt(handedOver, "a", "dead (its last state)")).toBe("dead (its last state)");
    expect(roleAt(situationAt(overview, undefined, faultUs + 100), "a", "dead")).toBe("dead");
  });

  it("knows no lag where no window is at hand", () => {
    expect(situationAt(overview, undefined, faultUs).lag).toBeUndefined();
    expect(situationAt(overview, ladder, overview.toUs).lag).toBeUndefined();
  });
});

describe("the ladder", () => {
  const view = { fromUs: faultUs - 150_000, toUs: faultUs + 450_000 };
  const geometry = ladderGeometry(780, 700, view, lanesOf(overview.hosts));

  it("has a keeper's lane between A and B where there is a keeper", () => {
    expect(geometry.lanes.map(({ lane }) => lane)).toEqual([
      "peer",
      "a-address",
      "a",
      "keeper",
      "b",
      "b-address",
    ]);
    expect(lanesOf(overview.hosts.filter(({ role }) => role !== "keeper"))).toBe(LANES);
    const { a, keeper, b } = geometry.laneX;
    expect([a, keeper, b].toSorted((one, other) => one - other)).toEqual([a, keeper, b]);
  });

  it("draws the lag beside the lane of the instance that served, the longest one named", () => {
    const { lag } = layoutLadder(ladder, geometry, new Set(), overview.services);
    expect(lag.most?.lagUs).toBeGreaterThan(45_000);
    for (const bar of lag.bars) {
      expect(bar.x + bar.width).toBeLessThan(geometry.laneX.a);
      expect(bar.x).toBeGreaterThan(geometry.laneX["a-address"]);
    }
    expect(lag.bars.some(({ lost }) => lost)).toBe(true);
  });

  it("makes little of a lag that output commit always has", () => {
    const short = { ...ladder, lag: ladder.lag.map((slice) => ({ ...slice, lagUs: 300 })) };
    const { lag } = layoutLadder(short, geometry, new Set(), overview.services);
    expect(Math.max(...lag.bars.map(({ width }) => width))).toBeLessThan(4);
    expect(lag.most).toBeUndefined();
  });

  it("replication goes the way that it went", () => {
    const back = {
      ...ladder,
      replications: ladder.replications.map((item) => ({ ...item, from: "b", to: "a" }) as const),
    };
    const { replications } = layoutLadder(back, geometry, new Set());
    expect(replications[0]?.x1).toBe(geometry.laneX.b);
    expect(replications[0]?.x2).toBe(geometry.laneX.a);
  });
});

describe("labels of marks", () => {
  const view = { fromUs: 0, toUs: 1_000_000 };
  const geometry = ladderGeometry(780, 700, view);
  const mark = (atUs: number, kind: Mark["kind"], text: string): Mark => ({ atUs, kind, host: "b", text });

  it("show the whole text where there is room", () => {
    const text =
      "the standby is silent, the primary is to be kept, and so it goes on alone from here to the end";
    const { marks } = layoutAnnotations(geometry, [mark(500_000, "solo", text)], [], 0);
    expect(marks[0]?.lines.slice(1).join(" ")).toBe(text);
  });

  it("name the steps of one recovery in one label, and other marks in their own", () => {
    const steps = ["lease: one", "probe: two", "forward-tsn: three"];
    const all = [
      ...steps.map((text, index) => mark(500_000 + index * 40, "recovery", text)),
      mark(500_300, "loss", "outbound, TSN 5 to 9, at most 2 messages"),
    ];
    const { marks, unlabelled } = layoutAnnotations(geometry, all, [], 0);
    expect(marks.length).toBe(2);
    expect(unlabelled).toEqual([]);
    expect(marks[0]?.lines[0]).toContain("×3");
    for (const step of steps) expect(marks[0]?.lines.join("|")).toContain(step);
  });

  it("in a narrow column keep time and host, and give up the word", () => {
    const narrow = ladderGeometry(520, 700, view);
    const { marks } = layoutAnnotations(narrow, [mark(480_000, "announced", "soon")], [], 0);
    expect(marks[0]?.lines.join(" ")).toBe("! +480.0 ms · b soon");
  });
});

it("a run with nothing but a planned switch-over begins at that", () => {
  const marks = overview.marks.filter(({ kind }) => kind !== "fault");
  const handover = marks.find(({ kind }) => kind === "handover");
  expect(runContext({ ...overview, marks }).originUs).toBe(handover?.atUs);
});
