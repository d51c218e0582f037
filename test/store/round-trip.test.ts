import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judge } from "../../captures/verdict/index.ts";
import { openRun, rejudge } from "../../main/store/index.ts";
import { goodRun } from "../support/history-builder.ts";
import { realized, record, temporaryRuns } from "../support/recorded-run.ts";

test("a history comes back from the file as it went in, and is judged the same", () => {
  using runs = temporaryRuns();
  const history = realized(goodRun());
  const writer = record(runs.path, history);
  expect(writer.history()).toEqual(history);
  const report = judge(writer.history());
  expect(report.outcome).toBe("pass");
  writer.setVerdict(report);
  const { folder, sqlite } = writer.finish();
  const reader = openRun(sqlite);
  expect(reader.history()).toEqual(history);
  expect(reader.verdict()).toEqual(report);
  expect(reader.cutOff).toBe(false);
  reader.close();
  expect(readdirSync(folder).sort((left, right) => left.localeCompare(right))).toEqual([
    "captures",
    "run.json",
    "run.sqlite",
  ]);
});

test("the links named latest lead to the newest run", () => {
  using runs = temporaryRuns();
  const history = realized(goodRun(1));
  record(runs.path, history).finish();
  const newest = record(runs.path, history, "the newest").finish();
  for (const link of [join(runs.path, "latest"), join(runs.path, "kill-primary", "latest")]) {
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readlinkSync(link).endsWith(newest.id)).toBe(true);
    const reader = openRun(link);
    expect(reader.summary().title).toBe("the newest");
    expect(reader.paths.pcapng).toBe(newest.pcapng);
    reader.close();
  }
  expect(JSON.parse(readFileSync(join(newest.folder, "run.json"), "utf8"))).toMatchObject({
    id: newest.id,
    state: "finished",
    peer: "understudy",
    seed: 7,
  });
});

test("a run can be judged again", () => {
  using runs = temporaryRuns();
  const writer = record(runs.path, realized(goodRun()));
  writer.setVerdict({ outcome: "fail", headline: "an old verdict", checks: [], figures: [] });
  const { folder } = writer.finish();
  expect(rejudge(folder).outcome).toBe("pass");
  const reader = openRun(folder);
  expect(reader.verdict()?.headline).toMatch(/^The association survived/);
  expect(reader.summary().outcome).toBe("pass");
  reader.close();
});

test("frames that hold no SCTP are kept, but are no part of the history", () => {
  using runs = temporaryRuns();
  const history = realized(goodRun(1));
  const writer = record(runs.path, history);
  const arp = new Uint8Array(60).fill(0, 12).fill(8, 12, 13).fill(6, 13, 14);
  writer.addPackets({ host: "a", interfaceName: "out" }, [
    { atUs: history.packets[0]?.at ?? 0, linkType: 1, bytes: arp, originalLength: 60 },
  ]);
  expect(writer.history().packets).toHaveLength(history.packets.length);
  writer.finish();
});

test("a run that is being recorded is not judged again under its recorder's hands", () => {
  using runs = temporaryRuns();
  const writer = record(runs.path, realized(goodRun(1)));
  expect(() => rejudge(writer.paths.folder)).toThrow("is being recorded now");
  writer.close();
});

test("stamps with fractions, as clock corrections leave them, are rounded to microseconds", () => {
  using runs = temporaryRuns();
  const history = realized(goodRun(1));
  const shift = <T extends { readonly at: number }>(list: readonly T[]): T[] =>
    list.map((item) => ({ ...item, at: item.at + 0.25 }));
  const shifted = {
    ...history,
    packets: shift(history.packets),
    updates: shift(history.updates),
    faults: shift(history.faults),
  };
  const writer = record(runs.path, shifted);
  expect(writer.history()).toEqual(history);
  writer.close();
});
