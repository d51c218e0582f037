import { describe, expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { chunk, goodRun, sackChunk } from "../../support/history-builder.ts";

const outcomes = (run: HistoryBuilder): Map<string, string> =>
  new Map(judge(run.history()).checks.map(({ id, outcome }) => [id, outcome]));
const unknownChecks = (run: HistoryBuilder): string[] =>
  [...outcomes(run)].filter(([, outcome]) => outcome === "unknown").map(([id]) => id);

const messageChecks = ["messages-lost", "messages-duplicated", "messages-reordered", "messages-damaged"];
const wireChecks = [
  "tags-unchanged",
  "no-abort",
  "no-restart",
  "one-association",
  "tsn-identity",
  "cumulative-tsn",
  "output-commit",
  "checksums-good",
];

describe("a check that lacks its input is unknown", () => {
  const emptied: readonly [
    what: string,
    empty: (run: HistoryBuilder) => void,
    expected: readonly string[],
  ][] = [
    ["messages", (run) => void (run.messages = []), messageChecks],
    ["totals", (run) => void (run.totals = []), messageChecks],
    ["packets", (run) => void (run.packets = []), wireChecks],
    ["updates", (run) => void (run.updates = []), ["output-commit"]],
    ["acked", (run) => void (run.acked = []), ["commit-gate"]],
    ["sent", (run) => void (run.sent = []), ["commit-gate", "captures-agree"]],
    ["events", (run) => void (run.events = []), ["old-epoch-silent", "cumulative-tsn"]],
    [
      "captures",
      (run) => void (run.captures = []),
      [...wireChecks, "old-epoch-silent", "captures-complete", "captures-agree"],
    ],
  ];
  test.each(emptied)("without %s", (_what, empty, expected) => {
    const run = goodRun();
    empty(run);
    expect([...unknownChecks(run)].sort((left, right) => left.localeCompare(right))).toEqual(
      [...expected].sort((left, right) => left.localeCompare(right)),
    );
    expect(judge(run.history()).outcome).toBe("unknown");
  });

  test("an empty history is unknown in every check", () => {
    const empty = { hosts: [], captures: [], packets: [], updates: [], acked: [] };
    const report = judge({ ...empty, sent: [], messages: [], events: [], faults: [], totals: [] });
    expect(report.checks.every(({ outcome }) => outcome === "unknown")).toBe(true);
    expect(report.headline).toMatch(/^Inconclusive: /);
    expect(report.figures).toEqual([]);
  });

  test("a foreign capture, without hosts, is judged without an exception", () => {
    const run = goodRun();
    run.hosts = [];
    expect(outcomes(run).get("tags-unchanged")).toBe("unknown");
  });

  test("without the set-up, tags and addresses cannot be proven, and one tag all along is not a failure", () => {
    const run = goodRun();
    run.packets = run.packets.filter(({ sctp }) =>
      sctp.chunks.every(({ type }) => !/INIT|COOKIE/.test(type)),
    );
    const found = outcomes(run);
    expect(found.get("tags-unchanged")).toBe("unknown");
    expect(found.get("one-association")).toBe("unknown");
  });
});

describe("captures that cannot be trusted", () => {
  test("drops at all hosts make every check on the wire unknown", () => {
    const run = goodRun();
    for (const capture of run.captures) capture.drops = 3;
    expect(unknownChecks(run)).toEqual(
      expect.arrayContaining([...wireChecks, "captures-complete", "old-epoch-silent"]),
    );
    expect(judge(run.history()).outcome).toBe("unknown");
  });

  test("drops at the members leave what the peer saw decided", () => {
    const run = goodRun();
    for (const capture of run.captures) if (capture.host !== "peer") capture.drops = 3;
    const found = outcomes(run);
    expect(found.get("no-abort")).toBe("pass");
    expect(found.get("tags-unchanged")).toBe("pass");
    expect(found.get("output-commit")).toBe("unknown");
  });

  test("a violation that was found fails in spite of drops", () => {
    const run = goodRun();
    for (const capture of run.captures) capture.drops = 3;
    run.transmit("b", "peer", [chunk("ABORT")], { reason: "abort" });
    expect(outcomes(run).get("no-abort")).toBe("fail");
  });

  test("an engine that cannot count its drops proves nothing, and a capture that ended early neither", () => {
    const uncounted = goodRun();
    for (const capture of uncounted.captures) delete capture.drops;
    expect(outcomes(uncounted).get("no-abort")).toBe("unknown");
    const cut = goodRun();
    for (const capture of cut.captures) capture.complete = false;
    expect(outcomes(cut).get("no-abort")).toBe("unknown");
  });

  test("arrival stamps cannot prove that a packet waited, but still prove that one did not", () => {
    const run = goodRun();
    for (const capture of run.captures) capture.stampQuality = "arrival";
    expect(outcomes(run).get("output-commit")).toBe("unknown");
    for (const update of run.updates) if (update.act === "held") update.at += 100_000;
    expect(outcomes(run).get("output-commit")).toBe("fail");
  });

  test("a packet that the capture cut short has an unknown checksum, not a bad one", () => {
    const run = goodRun();
    const packet = run.packets[20];
    if (packet !== undefined) packet.sctp = { ...packet.sctp, checksumGood: false, truncated: true };
    expect(outcomes(run).get("checksums-good")).toBe("unknown");
  });
});

describe("computers with different clocks", () => {
  const withError = (micros: number): HistoryBuilder => {
    const run = goodRun();
    for (const host of run.hosts) host.clockErrorMicros = micros;
    return run;
  };

  test("inside the clock error the primary's own acknowledgements decide", () => {
    expect(outcomes(withError(200)).get("output-commit")).toBe("pass");
  });

  test("inside the clock error and without acknowledgements it is unknown", () => {
    const run = withError(200);
    run.acked = [];
    expect(outcomes(run).get("output-commit")).toBe("unknown");
  });

  test("inside the clock error, causes and effects around it decide where a killed primary took its last records along", () => {
    const run = withError(200);
    const fault = run.faults[0]?.at ?? 0;
    run.acked = run.acked.filter(({ at }) => at < fault - 3000);
    run.sent = run.sent.filter(({ host, at }) => host !== "a" || at < fault - 3000);
    expect(outcomes(run).get("output-commit")).toBe("pass");
  });

  test("beyond the clock error it fails", () => {
    const run = withError(200);
    for (const update of run.updates) if (update.act === "held") update.at += 10_000;
    expect(outcomes(run).get("output-commit")).toBe("fail");
  });

  test("a packet of the old primary inside the clock error of the takeover is undecided", () => {
    const run = withError(200);
    const takeover = run.events.find(({ name }) => name === "takeover-started");
    run.now = (takeover?.at ?? 0) + 100;
    run.transmit("a", "peer", [chunk("HEARTBEAT")], { reason: "heartbeat" });
    expect(outcomes(run).get("old-epoch-silent")).toBe("unknown");
    for (const host of run.hosts) host.clockErrorMicros = 10;
    expect(outcomes(run).get("old-epoch-silent")).toBe("fail");
  });
});

describe("what is lawful does not fail", () => {
  test("a run without a fault", () => {
    const run = goodRun();
    run.faults = [];
    run.events = run.events.filter(({ host }) => host !== "b");
    run.updates = run.updates.filter(({ epoch }) => epoch === 1);
    expect(outcomes(run).get("old-epoch-silent")).toBe("pass");
  });

  test("an INIT that was sent twice before the answer came", () => {
    const run = goodRun();
    const init = run.packets.filter(({ sctp }) => sctp.chunks[0]?.type === "INIT");
    for (const packet of init) run.packets.push({ ...packet, at: packet.at - 500 });
    const record = run.sent[0];
    if (record !== undefined) run.sent.push({ ...record, at: record.at - 500 });
    expect(judge(run.history()).outcome).toBe("pass");
  });

  test("the last packets of a killed agent have no record", () => {
    const run = goodRun();
    const fault = run.faults[0]?.at ?? 0;
    run.sent = run.sent.filter(({ host, at }) => host !== "a" || at < fault - 3000);
    expect(outcomes(run).get("captures-agree")).toBe("pass");
  });

  test("a packet that left between the order to kill and its execution, where an agent runs there anew later", () => {
    const run = goodRun();
    const fault = run.faults[0]?.at ?? 0;
    run.now = fault + 4000;
    run.transmit("a", "peer", [chunk("HEARTBEAT")], { recorded: false });
    const lost = run.events.find(({ name }) => name === "primary-lost");
    run.now = (run.packets.at(-1)?.at ?? 0) + 60_000;
    run.transmit("a", "peer", [chunk("HEARTBEAT")], { reason: "heartbeat" });
    expect(outcomes(run).get("captures-agree")).toBe("pass");
    if (lost !== undefined) lost.at = fault + 1000;
    expect(outcomes(run).get("captures-agree")).toBe("fail");
  });

  test("a packet that the interface refused, and that a busy computer tried again milliseconds later", () => {
    const again = (afterMicros: number): string | undefined => {
      const run = goodRun();
      const sent = run.packets.find(({ host, direction }) => host === "b" && direction === "out");
      if (sent !== undefined) run.packets.push({ ...sent, at: sent.at + afterMicros });
      return outcomes(run).get("captures-agree");
    };
    expect(again(8000)).toBe("pass");
    expect(again(30_000)).toBe("fail");
  });

  test("a peer that keeps no record of what it sends", () => {
    const run = goodRun();
    run.sent = run.sent.filter(({ host }) => host !== "peer");
    expect(judge(run.history()).outcome).toBe("pass");
  });

  test("an acknowledgement that the secondary passes on for the primary before the takeover", () => {
    const run = goodRun();
    const older = run.packets.find(({ host, direction, sctp }) => {
      return host === "a" && direction === "out" && sctp.chunks[0]?.type === "SACK";
    });
    const cumulativeTsn = older?.sctp.chunks[0]?.cumulativeTsn ?? 0;
    run.now = (older?.at ?? 0) + 400;
    run.transmit("b", "peer", [sackChunk(cumulativeTsn)], { reason: "sack" });
    expect(outcomes(run).get("cumulative-tsn")).toBe("pass");
  });

  test("a peer that numbers its own updates and deliveries", () => {
    const run = goodRun();
    let sequence = 0;
    for (const message of run.messages) {
      if (message.host === "peer" && message.act === "delivered") message.sequence = sequence += 1;
    }
    const update = { kind: "update", act: "made", epoch: 1, change: "delivered", bytes: "AQID" } as const;
    run.updates.push({ ...update, host: "peer", at: run.now, sequence: 1 });
    expect(judge(run.history()).outcome).toBe("pass");
  });

  test("TSNs that wrap around", () => {
    // The clean run starts the peer's TSNs 6 below the wrap; 12 messages take it across.
    const tsns = goodRun().packets.flatMap(({ sctp }) => sctp.chunks.map(({ tsn }) => tsn ?? 1));
    expect(tsns).toContain(0xffff_ffff);
    expect(tsns).toContain(0);
  });
});
