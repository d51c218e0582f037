import { describe, expect, test } from "vitest";
import { judge, successionOf } from "../../../captures/verdict/index.ts";
import {
  chunk,
  conclude,
  dataChunk,
  goodRun,
  HistoryBuilder,
  sackChunk,
  setUp,
} from "../../support/history-builder.ts";

const resultOf = (run: HistoryBuilder, id: string): { outcome: string; summary: string } | undefined =>
  judge(run.history()).checks.find((check) => check.id === id);
const failedChecks = (run: HistoryBuilder): string[] =>
  judge(run.history())
    .checks.filter(({ outcome }) => outcome === "fail")
    .map(({ id }) => id);

/** One message into and one out of a member that replicates every update to the other one. */
function serve(run: HistoryBuilder, server: "a" | "b", epoch: number, replicated = true): void {
  const up = run.wait(1000).nextNumber("up", 0);
  const upTsn = run.nextTsn("peer");
  const holder = server === "a" ? "b" : "a";
  run.message("peer", "sent", "up", 0, up);
  run.transmit("peer", server, [dataChunk(upTsn, 0, up)]);
  run.makeAlone("dataReceived", upTsn, server, epoch);
  const delivered = run.makeAlone("delivered", upTsn, server, epoch);
  run.message(server, "delivered", "up", 0, up, delivered);
  if (replicated) run.flush(holder);
  run.transmit(server, "peer", [sackChunk(upTsn)], { reason: "sack", dependsOn: delivered });
  const number = run.nextNumber("down", 0);
  const tsn = run.nextTsn("cluster");
  const queued = run.makeAlone("messageQueued", undefined, server, epoch);
  run.message(server, "sent", "down", 0, number, queued);
  const assigned = run.makeAlone("tsnAssigned", tsn, server, epoch);
  if (replicated) run.flush(holder);
  run.transmit(server, "peer", [dataChunk(tsn, 0, number)], { dependsOn: assigned });
  run.message("peer", "delivered", "down", 0, number);
  run.transmit("peer", server, [sackChunk(tsn)], { reason: "sack" });
}

/** A serves, hands over to B, which hands over back to A; each is the other's standby meanwhile. */
function thereAndBack(): HistoryBuilder {
  const run = new HistoryBuilder();
  run.terms = { policy: "every-update", placement: "standby", fencing: "keep-primary", fault: "handover" };
  setUp(run);
  for (let round = 0; round < 3; round += 1) serve(run, "a", 1);
  run.wait(1000);
  run.faults.push({ at: run.now, host: "a", fault: "handover", text: "a is to hand over to b" });
  for (const [from, to, epoch] of [
    ["a", "b", 2],
    ["b", "a", 3],
  ] as const) {
    run.wait(100).event(from, "handover-started", "the switch-over begins", { epoch });
    run.wait(500).event(to, "handover-complete", "serving from here", { epoch, tookMs: 0.5 });
    run.wait(100).event(to, "synchronised", "all is held", { associations: 1, bytes: 900, tookMs: 1 });
    for (let round = 0; round < 3; round += 1) serve(run, to, epoch);
  }
  conclude(run);
  run.totals = run.totals.filter(({ sent }) => sent > 0);
  return run;
}

describe("several tenures in one run", () => {
  test("a switch-over there and back is clean, and each member is judged while it serves", () => {
    const run = thereAndBack();
    const report = judge(run.history());
    expect(report.checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
    expect(report.headline).toContain("The association was handed over: 0 of 18 messages lost");
    expect(resultOf(run, "right-instance")?.summary).toBe(
      "a under epoch 1, then b under epoch 2, then a under epoch 3, as was planned",
    );
    expect(resultOf(run, "old-epoch-silent")?.summary).toBe("no packet left a or b after 2 takeovers");
    expect(resultOf(run, "output-commit")?.summary).toContain("held by b or a first");
  });

  test("a TSN that came with A's state is not new: it needs no lease of B's, who puts it on the wire first", () => {
    const run = thereAndBack();
    run.terms.policy = "interval:50ms";
    const tsn = run.updates.findLast(({ change, epoch }) => change === "tsnAssigned" && epoch === 1)?.tsn;
    const arrived = run.events.find(({ name }) => name === "handover-complete")?.at ?? 0;
    for (const packet of run.packets) {
      if (packet.host !== "a" || packet.sctp.chunks[0]?.tsn !== tsn) continue;
      packet.host = "b";
      packet.at = arrived + 10;
    }
    expect(resultOf(run, "lease-coverage")?.outcome).toBe("pass");
    run.updates = run.updates.filter((update) => update.tsn !== tsn);
    expect(resultOf(run, "lease-coverage")?.outcome).toBe("fail");
  });

  test("a whole state that the former primary gets later does not mean that it held nothing before", () => {
    const run = thereAndBack();
    const back = run.events.findLast(({ name }) => name === "handover-started")?.at ?? 0;
    const last = run.updates.findLast(({ act, epoch }) => act === "held" && epoch === 2);
    if (last !== undefined) run.updates.push({ ...last, change: "opened", at: back - 10 });
    expect(failedChecks(run)).toEqual([]);
  });

  test("of a long series its beginning and end are named, and its figures are those of all kills", () => {
    const run = new HistoryBuilder();
    run.terms = { policy: "every-update", placement: "standby", fencing: "keep-primary", fault: "crash" };
    setUp(run);
    serve(run, "a", 1);
    for (let epoch = 2; epoch <= 7; epoch += 1) {
      const [victim, next] = epoch % 2 === 0 ? (["a", "b"] as const) : (["b", "a"] as const);
      run.wait(1000).faults.push({ at: run.now, host: victim, fault: "kill", text: `${victim} is killed` });
      run.wait(100 * epoch).event(next, "takeover-started", "taking over", { epoch });
      run.event(next, "takeover-complete", "the association goes on", { epoch });
      run.wait(100).event(victim, "synchronised", "all is held", { associations: 1, bytes: 900, tookMs: 1 });
      serve(run, next, epoch);
    }
    conclude(run);
    run.totals = run.totals.filter(({ sent }) => sent > 0);
    expect(resultOf(run, "right-instance")?.summary).toBe(
      "a under epoch 1, then b under epoch 2, then 4 more of a and b, then a under epoch 7, as the primary's end was sure",
    );
    const { figures, headline } = judge(run.history());
    const values = new Map(figures.map(({ id, value }) => [id, value]));
    expect(values.get("series-takeover-median")).toBe(400);
    expect(values.get("series-takeover-most")).toBe(700);
    expect(headline).toContain("after the first kill");
    expect(values.get("lag-held-median")).toBe(50);
    expect(values.get("lag-acked-p99")).toBe(90);
  });

  test("who served when", () => {
    const { hosts, events, updates } = thereAndBack().history();
    const { tenures, rivals } = successionOf(hosts, events, updates);
    expect(tenures.map(({ host, epoch, began }) => `${host} ${epoch} ${began}`)).toEqual([
      "a 1 start",
      "b 2 handover",
      "a 3 handover",
    ]);
    expect(rivals).toEqual([]);
    expect(tenures[1]?.fromUs).toBe(tenures[0]?.toUs);
  });

  test("the second one that was replaced speaks on", () => {
    const run = thereAndBack();
    const back = run.events.findLast(({ name }) => name === "handover-complete");
    run.now = (back?.at ?? 0) + 50;
    run.transmit("b", "peer", [sackChunk(1)], { reason: "sack" });
    expect(failedChecks(run)).toContain("old-epoch-silent");
  });

  test("the new primary sends what the old one, now its standby, does not hold", () => {
    const run = thereAndBack();
    const held = run.updates.findLast(
      ({ act, host, epoch }) => act === "held" && host === "a" && epoch === 2,
    );
    if (held !== undefined) held.at += 5000;
    expect(failedChecks(run)).toEqual(["output-commit"]);
  });

  test("a packet of the new primary is released before its acknowledgement", () => {
    const run = thereAndBack();
    const ack = run.acked.findLast(({ host }) => host === "b");
    if (ack !== undefined) ack.at += 5000;
    expect(failedChecks(run)).toEqual(["commit-gate"]);
  });
});

describe("a primary that returns", () => {
  /** A is killed and comes back as the standby of B, with the whole state. */
  const rejoining = (): HistoryBuilder => {
    const run = new HistoryBuilder();
    run.terms = { policy: "every-update", fencing: "keep-primary", fault: "crash" };
    setUp(run);
    for (let round = 0; round < 3; round += 1) serve(run, "a", 1);
    run.faults.push({ at: run.now, host: "a", fault: "kill", text: "SIGKILL of the agent on a" });
    run.wait(5000).event("b", "takeover-started", "taking over in epoch 2", { epoch: 2 });
    for (let round = 0; round < 3; round += 1) serve(run, "b", 2, false);
    run.wait(1000).event("b", "secondary-connected", "the secondary instance is connected");
    run.event("b", "sync-started", "full synchronisation begins", { associations: 1 });
    run.wait(500).event("b", "synchronised", "all is sent", { associations: 1, bytes: 900, tookMs: 0.5 });
    run.holdWhole("b", "a", 2).event("a", "rejoined", "the standby again", { epoch: 2 });
    for (let round = 0; round < 3; round += 1) serve(run, "b", 2);
    conclude(run);
    run.totals = run.totals.filter(({ sent }) => sent > 0);
    return run;
  };

  test("holds the whole state, then each update; what B sent alone is not asked for", () => {
    const run = rejoining();
    expect(judge(run.history()).checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
    expect(resultOf(run, "output-commit")?.summary).toContain("held by b or a first");
  });

  test("and what B sends afterwards waits for it", () => {
    const run = rejoining();
    const held = run.updates.findLast(({ act, host }) => act === "held" && host === "a");
    if (held !== undefined) held.at += 5000;
    run.wait(6000).event("a", "note", "a is still there");
    expect(failedChecks(run)).toEqual(["output-commit"]);
  });

  test("a SACK waits for the whole state too", () => {
    const run = rejoining();
    const whole = run.updates.find(
      ({ act, change, epoch }) => act === "held" && change === "opened" && epoch === 2,
    );
    if (whole !== undefined) whole.at += 50_000;
    run.wait(60_000).event("a", "note", "a is still there");
    expect(failedChecks(run)).toEqual(["output-commit"]);
  });

  test("packets that it passes on are B's", () => {
    const run = rejoining();
    run.transmit("a", "peer", [chunk("HEARTBEAT_ACK")], { reason: "heartbeat-ack" });
    run.transmit("a", "peer", [chunk("HEARTBEAT")], { reason: "data" });
    expect(failedChecks(run)).toEqual([]);
    run.transmit("a", "peer", [chunk("HEARTBEAT")], { reason: "heartbeat" });
    expect(failedChecks(run)).toEqual(["old-epoch-silent"]);
  });
});

describe("a zombie", () => {
  const woken = (): HistoryBuilder => {
    const run = goodRun();
    run.terms = { policy: "every-update", fencing: "prefer-availability", fault: "zombie" };
    for (const mark of run.faults) mark.fault = "freeze";
    run.wait(1000);
    run.faults.push({ at: run.now, host: "a", fault: "heal", text: "the agent on a goes on" });
    return run;
  };

  test("that says nothing is no violation", () => {
    const run = woken();
    run.wait(10).event("a", "fenced", "another instance has taken over (epoch 2)", { epoch: 2 });
    expect(judge(run.history()).outcome).toBe("pass");
  });

  test("that sends one packet is one, even an answer to a HEARTBEAT", () => {
    const run = woken();
    run.transmit("a", "peer", [chunk("HEARTBEAT_ACK")], { reason: "heartbeat-ack" });
    expect(failedChecks(run)).toEqual(["old-epoch-silent"]);
  });

  test("that has become the standby of the new primary answers HEARTBEATs again", () => {
    const run = woken();
    run.wait(10).event("a", "rejoined", "the standby of epoch 2", { epoch: 2 });
    run.transmit("a", "peer", [chunk("HEARTBEAT_ACK")], { reason: "heartbeat-ack" });
    expect(failedChecks(run)).toEqual([]);
  });

  test("that changes the state under its successor's epoch has broken the fence", () => {
    const run = woken();
    run.makeAlone("tsnAssigned", undefined, "a", 2);
    expect(failedChecks(run)).toEqual(["old-epoch-silent"]);
  });
});

describe("faults after which the primary goes on", () => {
  /** B relays at most; A serves to the end. */
  const steady = (fault: string, fencing: string): HistoryBuilder => {
    const run = new HistoryBuilder();
    run.terms = { policy: "every-update", placement: "standby", fencing, fault };
    setUp(run);
    for (let round = 0; round < 3; round += 1) serve(run, "a", 1);
    run.faults.push({ at: run.now, host: "a", fault, text: "something is cut" });
    for (let round = 0; round < 3; round += 1) serve(run, "a", 1);
    conclude(run);
    run.totals = run.totals.filter(({ sent }) => sent > 0);
    return run;
  };

  test.each([
    ["path-cut", "keep-primary"],
    ["cluster-cut", "keep-primary"],
    ["cluster-cut", "witness"],
    ["everything-cut", "witness"],
    ["store-death", "witness"],
    ["freeze", "keep-primary"],
  ])("%s with %s: no takeover is as it should be", (fault, fencing) => {
    const run = steady(fault, fencing);
    const report = judge(run.history());
    expect(report.checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
    expect(report.headline).toBe("The association survived: 0 of 12 messages lost, and a went on all along.");
    expect(report.promise).toContain(`fencing ${fencing}`);
  });

  test.each([
    ["crash", "keep-primary"],
    ["cluster-cut", "prefer-availability"],
    ["host-cut", "witness"],
    ["everything-cut", "prefer-availability"],
  ])("%s with %s: that nobody took over is a failure", (fault, fencing) => {
    expect(failedChecks(steady(fault, fencing))).toEqual(["right-instance"]);
  });

  test("what goes on alone after its holder was lost need not be held", () => {
    const run = new HistoryBuilder();
    run.terms = { policy: "every-update", fencing: "keep-primary", fault: "cluster-cut" };
    setUp(run);
    serve(run, "a", 1);
    run.faults.push({ at: run.now, host: "a", fault: "cluster-cut", text: "the cluster link is cut" });
    run.wait(50_000).event("a", "solo", "nothing is heard of b: going on alone", { reason: "silence" });
    serve(run, "a", 1, false);
    run.wait(1000).event("b", "note", "b is still there");
    conclude(run);
    run.totals = run.totals.filter(({ sent }) => sent > 0);
    expect(failedChecks(run)).toEqual([]);
    expect(resultOf(run, "output-commit")?.summary).toContain("more left while nobody held the state");
    run.events = run.events.filter(({ name }) => name !== "solo");
    expect(failedChecks(run)).toEqual(expect.arrayContaining(["output-commit", "commit-gate"]));
  });
});

test("a keeper's word that it was synchronised covers what was made before the primary said so", () => {
  const run = new HistoryBuilder();
  run.terms = { policy: "shared", placement: "store", fencing: "witness", fault: "store-death" };
  run.hosts.push({ name: "keeper", role: "keeper", outsideAddress: "", clockErrorMicros: 0 });
  setUp(run);
  for (let round = 0; round < 3; round += 1) serve(run, "a", 1, false);
  run.wait(1000).event("a", "synchronised", "all is sent", { associations: 1, bytes: 900, tookMs: 1 });
  const sequence = run.makeAlone("cumAcked", undefined, "a", 1) - 1;
  run.wait(300).event("b", "synchronised", "1 association is held", { associations: 1, bytes: 900 });
  const told = run.events.at(-1);
  if (told !== undefined) told.host = "keeper";
  run.acked.push({ kind: "acked", host: "a", at: run.now, sequence });
  run.flush("b");
  for (let round = 0; round < 3; round += 1) serve(run, "a", 1);
  for (const update of run.updates)
    if (update.act === "held" && update.sequence > sequence) update.host = "keeper";
  conclude(run);
  run.totals = run.totals.filter(({ sent }) => sent > 0);
  expect(failedChecks(run)).toEqual([]);
  expect(resultOf(run, "output-commit")).toMatchObject({ outcome: "pass" });
  if (told !== undefined) told.at += 60_000;
  run.wait(70_000).event("b", "note", "the books go on");
  const last = run.events.at(-1);
  if (last !== undefined) last.host = "keeper";
  expect(failedChecks(run)).toEqual(["output-commit"]);
});

test("what a killed holder had not written down, the serving member knows by its acknowledgements", () => {
  const run = new HistoryBuilder();
  run.terms = { policy: "every-update", fencing: "keep-primary", fault: "store-death" };
  setUp(run);
  for (let round = 0; round < 3; round += 1) serve(run, "a", 1);
  const cut = run.updates.findLast(({ change }) => change === "dataReceived")?.at ?? 0;
  run.updates = run.updates.filter(({ act, at }) => act === "made" || at < cut);
  run.faults.push({ at: run.now, host: "b", fault: "kill", text: "SIGKILL of the holder" });
  conclude(run);
  expect(resultOf(run, "output-commit")?.outcome).toBe("pass");
  const { faults, acked } = run;
  run.faults = [];
  expect(resultOf(run, "output-commit")?.outcome).not.toBe("pass");
  run.faults = faults;
  run.acked = acked.filter(({ at }) => at < cut);
  expect(resultOf(run, "output-commit")?.outcome).toBe("unknown");
});
