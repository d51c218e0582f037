import { expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import type { CheckResult } from "../../../captures/verdict/report.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { lossyRun } from "../../support/lossy-run.ts";

const check = (run: HistoryBuilder, id: string): CheckResult | undefined =>
  judge(run.history()).checks.find((each) => each.id === id);

test("a lease that a killed member may have taken along leaves it undecided whether there was one, unless its successor tells of it", () => {
  const { run, lostDown } = lossyRun();
  for (const event of run.events)
    if (event.name === "lease") event.detail = { ...event.detail, limitTsn: lostDown.tsn };
  expect(check(run, "lease-coverage")).toMatchObject({ outcome: "fail", evidenceTotal: 1 });
  const lost = run.sent.filter(({ host }) => host === "a").slice(-2);
  run.sent = run.sent.filter((record) => !lost.includes(record));
  expect(check(run, "lease-coverage")).toMatchObject({ outcome: "unknown", evidenceTotal: 1 });
  const takeover = run.events.find(({ name }) => name === "takeover-started");
  if (takeover === undefined) throw new Error("the built run has changed: nobody takes over");
  const held = (limitTsn: number): void => {
    const step = { ...takeover, name: "recovery-step", text: "TSNs are given up" } as const;
    run.events.push({ ...step, detail: { step: "lease", limitTsn } });
  };
  held(lostDown.tsn);
  expect(check(run, "lease-coverage")).toMatchObject({ outcome: "unknown", evidenceTotal: 1 });
  run.events.pop();
  held(lostDown.tsn + 1);
  expect(check(run, "lease-coverage")).toMatchObject({ outcome: "pass" });
});

test("a report with an open end says nothing of what the peer has sent; any other one does", () => {
  const { run } = lossyRun();
  const report = run.events.find(({ detail }) => detail["direction"] === "inbound");
  if (report === undefined) throw new Error("the built run has changed: there is no such report");
  const outcomeOf = (tsns: number): string | undefined => {
    const lastTsn = Number(report.detail["firstTsn"]) + tsns - 1;
    report.detail = { ...report.detail, lastTsn, messagesAtMost: tsns };
    return check(run, "losses-reported")?.outcome;
  };
  expect(outcomeOf(2 ** 30)).toBe("pass");
  expect(outcomeOf(2 ** 30 - 1)).toBe("fail");
});
