import { expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { goodRun } from "../../support/history-builder.ts";
import { lossyRun } from "../../support/lossy-run.ts";

/** A run of requests: nothing in it is numbered, and the requester says at the end what became of them. */
function dialogue(counts: Readonly<Record<string, number>> | undefined): HistoryBuilder {
  const run = goodRun();
  run.messages = [];
  run.totals = [];
  run.terms = { policy: "every-update", placement: "standby", application: "requester" };
  run.event("peer", "application", "9 requests were answered", { association: 2 });
  if (counts !== undefined) run.event("b", "application", "what became of the requests", counts);
  return run;
}

const messageChecks = ["messages-lost", "messages-duplicated", "messages-reordered", "messages-damaged"];

test("requests are judged by what the requester counted, and not as numbered messages", () => {
  const report = judge(dialogue({ answered: 9, unanswered: 0, unexpected: 0, open: 0 }).history());
  expect(report.checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
  expect(report.checks.some(({ id }) => messageChecks.includes(id))).toBe(false);
  expect(report.checks.find(({ id }) => id === "requests-answered")?.summary).toBe("9 of 9");
  expect(report.headline).toContain("requests answered: 9 of 9");
});

test.each(["unanswered", "unexpected", "open"])("a request that is %s fails", (what) => {
  const counts = { answered: 9, unanswered: 0, unexpected: 0, open: 0, [what]: 2 };
  const check = judge(dialogue(counts).history()).checks.find(({ id }) => id === "requests-answered");
  expect(check).toMatchObject({ outcome: "fail", evidenceTotal: 2 });
});

test("without the requester's word nothing is known of its requests", () => {
  const check = judge(dialogue(undefined).history()).checks.find(({ id }) => id === "requests-answered");
  expect(check?.outcome).toBe("unknown");
});

test("what the cluster sends back byte for byte is no second delivery", () => {
  const run = goodRun();
  const up = run.messages.filter(({ act, flow }) => act === "delivered" && flow === "up");
  for (const { streamId, number } of up.slice(0, 3)) run.message("peer", "delivered", "up", streamId, number);
  expect(judge(run.history()).outcome).toBe("pass");
});

test("the promise says how often an application gets a message", () => {
  const exact = goodRun();
  exact.terms = { policy: "every-update", placement: "standby", application: "./mine.mjs" };
  expect(judge(exact.history()).promise).toBe(
    "Policy every-update on the standby: nothing lost, duplicated or out of order. Application ./mine.mjs: each message is delivered exactly once as its snapshot has it; what it does outside of the association, at least once, again only of the last replication round trip.",
  );
  const { run } = lossyRun();
  run.terms = { ...run.terms, application: "sink" };
  expect(judge(run.history()).promise).toContain(
    "Application sink: each message is delivered at least once or reported lost, again only of the last 50 ms and a replication round trip",
  );
});
