import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { judge } from "../../captures/verdict/index.ts";
import { openRun } from "../../main/store/index.ts";
import { ladderWindow } from "../../main/store/ladder.ts";
import { goodRun } from "../support/history-builder.ts";
import { lossyRun } from "../support/lossy-run.ts";
import { realized, record, temporaryRuns } from "../support/recorded-run.ts";

test("policy, fencing and fault come back with the run, and which message had which TSN from the captured bytes", () => {
  using runs = temporaryRuns();
  const history = realized(lossyRun().run);
  expect(history.messageHeads?.length).toBeGreaterThan(40);
  const writer = record(runs.path, history);
  expect(writer.history()).toEqual(history);
  const report = judge(writer.history());
  expect(report.outcome).toBe("pass");
  writer.setVerdict(report);
  const reader = openRun(writer.finish().folder);
  expect(reader.history()).toEqual(history);
  expect(reader.verdict()).toEqual(report);
  expect(reader.verdict()?.promise).toContain("interval:50ms");
  reader.close();
});

test("nobody reads the packets' bytes where no loss was reported", () => {
  using runs = temporaryRuns();
  const run = lossyRun().run;
  const history = realized(run);
  const told = (name: string): boolean => name === "loss-report" || name === "numbers-skipped";
  const events = history.events.filter(({ name }) => !told(name));
  const writer = record(runs.path, { ...history, events });
  expect(writer.history().messageHeads).toBeUndefined();
  writer.close();
});

test("a keeper is a host of the run, and its updates are no member's", () => {
  using runs = temporaryRuns();
  const run = goodRun(2);
  run.hosts.push({ name: "keeper", role: "keeper", outsideAddress: "", clockErrorMicros: 3 });
  run.terms = { policy: "shared", placement: "store", fencing: "witness", fault: "crash" };
  for (const update of run.updates) if (update.act === "held") update.host = "keeper";
  const history = realized(run);
  const reader = openRun(record(runs.path, history).finish().folder);
  expect(reader.history().hosts).toEqual(history.hosts);
  const made = history.updates.filter(({ act }) => act === "made").length;
  expect(reader.overview().counts.updates).toBe(made);
  reader.close();
});

test("a file of the format before this one opens and is judged", () => {
  using runs = temporaryRuns();
  const history = realized(goodRun(2));
  const { sqlite } = record(runs.path, history).finish();
  const older = new Database(sqlite);
  older.pragma("user_version = 1");
  older.close();
  const reader = openRun(sqlite);
  expect(judge(reader.history()).outcome).toBe("pass");
  reader.close();
});

test("the overview tells who served, what was gone, under which policy and with which leases", () => {
  using runs = temporaryRuns();
  const history = realized(lossyRun().run);
  const reader = openRun(record(runs.path, history).finish().folder);
  const overview = reader.overview();
  const [fault] = history.faults;
  const takeover = history.events.find(({ name }) => name === "takeover-started");
  expect(overview.terms).toEqual(history.terms);
  expect(overview.services).toEqual([
    { host: "a", epoch: 1, began: "start", fromUs: overview.fromUs, toUs: fault?.at },
    { host: "b", epoch: 2, began: "takeover", fromUs: takeover?.at, toUs: overview.toUs },
  ]);
  expect(overview.outages).toEqual([{ host: "a", what: "instance", fromUs: fault?.at }]);
  expect(overview.leases.map(({ host, limitTsn }) => [host, limitTsn])).toEqual([["a", 5064]]);
  expect(overview.policies.map(({ policy, placement }) => [policy, placement])).toEqual([
    ["interval:50ms", "standby"],
  ]);
  const kinds = overview.marks.map(({ kind }) => kind);
  expect(kinds).toEqual(expect.arrayContaining(["policy", "fault", "detected", "takeover", "loss"]));
  const losses = overview.marks.filter(({ kind }) => kind === "loss").map(({ text }) => text);
  expect(losses).toContainEqual(expect.stringMatching(/^inbound, TSN \d+ to \d+, at most 5 messages$/));
  reader.close();
});

test("lag grows until a flush, and what was never held is lost with its maker", () => {
  using runs = temporaryRuns();
  const history = realized(lossyRun().run);
  const reader = openRun(record(runs.path, history).finish().folder);
  const first = history.updates[0]?.at ?? 0;
  const [fault] = history.faults;
  const faultUs = fault?.at ?? 0;
  const { lag, replications } = ladderWindow(
    reader.database,
    { fromUs: first, toUs: faultUs + 50_000 },
    10_000,
  );
  // Four rounds of 10 ms between two flushes.
  const beforeFault = lag.filter(({ fromUs }) => fromUs < faultUs);
  expect(Math.max(...beforeFault.map(({ lagUs }) => lagUs))).toBeGreaterThan(30_000);
  expect(Math.max(...beforeFault.filter(({ lost }) => !lost).map(({ lagUs }) => lagUs))).toBeLessThan(45_000);
  expect(beforeFault.some(({ lost }) => lost)).toBe(true);
  expect(lag.filter(({ fromUs }) => fromUs > faultUs)).toEqual([]);
  expect(new Set(replications.map(({ from, to }) => `${from} to ${to}`))).toEqual(new Set(["a to b"]));
  reader.close();
});
