import { expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import { chunk, goodRun } from "../../support/history-builder.ts";

test("figures of the clean run follow from how it was built", () => {
  const run = goodRun();
  const fault = run.faults[0]?.at ?? 0;
  const figures = new Map(judge(run.history()).figures.map((figure) => [figure.id, figure.value]));
  expect(figures.get("fault-to-detection")).toBe(50_000);
  // Recorded at the interface 5 us after it was sent, 200 us after the detection.
  expect(figures.get("detection-to-first-packet")).toBe(205);
  expect(figures.get("fault-to-first-packet")).toBe(50_205);
  expect(figures.get("lag-held-median")).toBe(50);
  expect(figures.get("lag-acked-p99")).toBe(90);
  expect(figures.get("retransmissions")).toBe(1);
  expect(figures.get("retransmissions-secondary")).toBe(1);
  expect(figures.get("duplicates-reported")).toBe(0);
  const downs = run.messages
    .filter(({ host, act }) => host === "peer" && act === "delivered")
    .map(({ at }) => at);
  const afterFault = downs.find((at) => at > fault) ?? 0;
  const beforeFault = downs.findLast((at) => at <= fault) ?? 0;
  expect(figures.get("gap-down")).toBe(afterFault - beforeFault);
  // The first delivery after the fault is the message that was in flight; the next one was sent after it.
  const [, restored] = downs.filter((at) => at > fault);
  expect(figures.get("fault-to-restoration")).toBe((restored ?? 0) - fault);
});

test("the headline names the first packet from the secondary", () => {
  expect(judge(goodRun().history()).headline).toMatchInlineSnapshot(
    `"The association survived: 0 of 25 messages lost, first packet from the secondary 50.2 ms after the fault."`,
  );
});

test("clock errors stand beside each figure that spans two computers", () => {
  const run = goodRun();
  for (const host of run.hosts) host.clockErrorMicros = 40;
  const errors = new Map(judge(run.history()).figures.map((figure) => [figure.id, figure.error]));
  expect(errors.get("fault-to-first-packet")).toBe(40);
  expect(errors.get("detection-to-first-packet")).toBe(0);
  expect(errors.get("lag-held-median")).toBe(80);
  expect(errors.get("lag-acked-median")).toBe(0);
});

test("what the secondary relays for a living primary is neither its first packet nor a restoration", () => {
  const run = goodRun();
  const plain = new Map(judge(run.history()).figures.map((figure) => [figure.id, figure.value]));
  const fault = run.faults[0]?.at ?? 0;
  // A relayed SACK leaves b, and a message sent after the order to kill still gets through, before b takes over.
  run.now = fault + 1000;
  run.transmit("b", "peer", [chunk("SACK", { cumulativeTsn: 1, advertisedWindow: 1000 })], {
    reason: "sack",
  });
  const figures = new Map(judge(run.history()).figures.map((figure) => [figure.id, figure.value]));
  for (const id of ["fault-to-first-packet", "detection-to-first-packet", "fault-to-restoration"]) {
    expect(figures.get(id), id).toBe(plain.get(id));
  }
});

test("a run without captures says first what could be judged, then why the rest could not", () => {
  const run = goodRun();
  run.packets = [];
  run.captures = [];
  expect(judge(run.history()).headline).toMatch(
    /^Inconclusive: 0 of 25 messages lost, but nothing was captured, so \d+ checks could not be judged\.$/,
  );
});
