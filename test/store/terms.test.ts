import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { judge } from "../../captures/verdict/index.ts";
import { openRun } from "../../main/store/index.ts";
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
