import { expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import type { CheckResult } from "../../../captures/verdict/report.ts";
import { openRun } from "../../../main/store/index.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { addressOf, goodRun, sackChunk } from "../../support/history-builder.ts";
import { realized, record, temporaryRuns } from "../../support/recorded-run.ts";

/** A run with the option, in which `step` was what came of a's address after the takeover by b. */
function runWith(step?: "taken" | "not-taken"): HistoryBuilder {
  const run = goodRun(2);
  run.terms = {
    policy: "every-update",
    fencing: "prefer-availability",
    fault: "crash",
    addressTakeover: true,
  };
  const detail = (which: string) => ({ address: addressOf.a, step: which });
  if (step !== undefined) run.event("b", "address-takeover", `${addressOf.a} is ${step}`, detail(step));
  return run;
}

const oneOwner = (run: HistoryBuilder): CheckResult | undefined =>
  judge(run.history()).checks.find(({ id }) => id === "one-owner");

/** A packet between a's address and the peer, seen on a host that has this address now. */
function packetAt(run: HistoryBuilder, host: "a" | "b", direction: "out" | "in"): void {
  const sctp = run.wait(1000).transmit("b", "peer", [sackChunk(1)], { recorded: false });
  run.packets.splice(-2);
  const [sourceAddress, destinationAddress] =
    direction === "out" ? [addressOf.a, addressOf.peer] : [addressOf.peer, addressOf.a];
  run.observe(host, direction, run.now, { ...sctp, sourceAddress, destinationAddress });
}

test("the verdict says who has the lost address, since when, and what was promised", () => {
  const report = judge(runWith("taken").history());
  expect(report.promise).toContain("Who takes over has the outside address of the one that is gone, too");
  expect(report.figures.find(({ id }) => id === "fault-to-address")?.value).toBeGreaterThan(0);
  expect(oneOwner(runWith("taken"))).toMatchObject({
    outcome: "pass",
    summary: "b had 192.0.2.11 of a, and nothing left there from anywhere else",
  });
});

test("a packet from the address out of its former owner is a violation, before and after that it is none", () => {
  const run = goodRun(2);
  run.terms = { ...runWith().terms };
  packetAt(run, "a", "out");
  run.event("b", "address-takeover", "taken", { address: addressOf.a, step: "taken" });
  packetAt(run, "b", "out");
  expect(oneOwner(run)?.outcome).toBe("pass");
  packetAt(run, "a", "out");
  run.wait(1000).event("b", "address-takeover", "given back", { address: addressOf.a, step: "given-back" });
  packetAt(run, "a", "out");
  expect(oneOwner(run)).toMatchObject({ outcome: "fail", evidenceTotal: 1 });
});

test("what was taken again and again is told once", () => {
  const run = runWith("taken");
  run.wait(1000).event("b", "address-takeover", "given back", { address: addressOf.a, step: "given-back" });
  run.wait(1000).event("b", "address-takeover", "taken", { address: addressOf.a, step: "taken" });
  expect(oneOwner(run)?.summary).toBe("b had 192.0.2.11 of a, and nothing left there from anywhere else");
});

test("an address that was not taken is told with the reason; silence about it is no answer", () => {
  expect(oneOwner(runWith("not-taken"))).toMatchObject({
    outcome: "pass",
    summary: `${addressOf.a} is not-taken`,
  });
  expect(oneOwner(runWith())?.outcome).toBe("unknown");
  expect(oneOwner(goodRun(2))).toBeUndefined();
});

test("the run file tells the step on the timeline, and packets of a borrowed address go out of and into who has it", () => {
  using runs = temporaryRuns();
  const run = runWith("taken");
  packetAt(run, "b", "out");
  packetAt(run, "b", "in");
  const history = realized(run);
  const reader = openRun(record(runs.path, history).finish().folder);
  expect(reader.history()).toEqual(history);
  const mark = { kind: "recovery", host: "b", text: `${addressOf.a} is taken` };
  expect(reader.overview().marks).toContainEqual(expect.objectContaining(mark));
  reader.close();
});
