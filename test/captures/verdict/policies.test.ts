import { describe, expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import type { HostEvent } from "../../../captures/verdict/history.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { chunk, dataChunk, goodRun, sackChunk } from "../../support/history-builder.ts";
import type { LossyRun } from "../../support/lossy-run.ts";
import { lossyRun } from "../../support/lossy-run.ts";

const failedChecks = (run: HistoryBuilder): string[] =>
  judge(run.history())
    .checks.filter(({ outcome }) => outcome === "fail")
    .map(({ id }) => id);

/** Changes the detail of the events that `wanted` picks; there must be one. */
function changeEvents(
  run: HistoryBuilder,
  wanted: (event: HostEvent) => boolean,
  change: HostEvent["detail"],
): void {
  const found = run.events.filter(wanted);
  if (found.length === 0) throw new Error("the built run has changed: there is no such event");
  for (const event of found) event.detail = { ...event.detail, ...change };
}

const report =
  (direction: string) =>
  ({ name, detail }: HostEvent): boolean =>
    name === "loss-report" && detail["direction"] === direction;
const named =
  (name: string) =>
  (event: HostEvent): boolean =>
    event.name === name;

function dropEvents(run: HistoryBuilder, unwanted: (event: HostEvent) => boolean): void {
  const kept = run.events.filter((event) => !unwanted(event));
  if (kept.length === run.events.length) throw new Error("the built run has changed: there is no such event");
  run.events = kept;
}

/** Takes every delivery of a message away. */
function undeliver(run: HistoryBuilder, flow: string, streamId: number, number: number): void {
  run.messages = run.messages.filter(
    (each) =>
      each.act !== "delivered" || each.flow !== flow || each.streamId !== streamId || each.number !== number,
  );
}

const tsnOf = (run: HistoryBuilder, flow: string, number: number): number =>
  run.heads.find((head) => head.flow === flow && head.number === number)?.tsn ?? -1;

test("a run that keeps what an interval promises passes every check, and says what was lost", () => {
  const { run } = lossyRun();
  const found = judge(run.history());
  expect(found.checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
  expect(found.headline).toBe(
    "The association survived: 6 of 43 messages lost, each reported, 2 numbers skipped and never sent, first packet from the secondary 51.2 ms after the fault.",
  );
  expect(found.promise).toBe(
    "Policy interval:50ms on the standby, fencing prefer-availability: every loss reported, and none older than 50 ms.",
  );
  expect(found.checks.map(({ id }) => id)).toContain("losses-reported");
  expect(found.checks.map(({ id }) => id)).not.toContain("commit-gate");
});

test("a number that A gave out is a loss, though it never left and B skips it", () => {
  const { run, neverSent } = lossyRun();
  run.message("a", "sent", "down", neverSent.streamId, neverSent.number);
  const lost = judge(run.history()).checks.find(({ id }) => id === "messages-lost");
  expect(lost?.summary).toBe("7 of 44, each reported, 1 numbers skipped and never sent");
});

test("what the outside computer delivered stays delivered, whatever numbers its own updates have", () => {
  const { run } = lossyRun();
  let sequence = 0;
  run.messages = run.messages.map((message) => {
    if (message.host !== "peer" || message.act !== "delivered") return message;
    sequence += 1;
    const { at, host } = message;
    run.updates.push({
      kind: "update",
      act: "made",
      at,
      host,
      sequence: 1000 + sequence,
      epoch: 1,
      change: "delivered",
      bytes: "",
    });
    return { ...message, sequence: 1000 + sequence };
  });
  expect(judge(run.history()).checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
});

test("the same record under every-update fails: what was lost may not be lost, and left too early", () => {
  const { run } = lossyRun();
  run.terms.policy = "every-update";
  dropEvents(run, named("policy"));
  expect(failedChecks(run)).toEqual(expect.arrayContaining(["messages-lost", "output-commit"]));
});

test("under every-update nothing is rolled back: what is delivered again is a duplicate", () => {
  const { run, lostUp } = lossyRun();
  run.terms.policy = "every-update";
  dropEvents(run, named("policy"));
  const [number = 0] = lostUp;
  run.message("b", "delivered", "up", 0, number, run.makeAlone("delivered", tsnOf(run, "up", number)));
  expect(failedChecks(run)).toContain("messages-duplicated");
});

const planted: readonly { check: string; what: string; plant: (built: LossyRun) => void }[] = [
  {
    check: "messages-lost",
    what: "a message that A delivered before the last synchronisation is missing",
    plant: ({ run }) => undeliver(run, "up", 0, 3),
  },
  {
    check: "messages-lost",
    what: "the inbound loss is not reported",
    plant: ({ run }) => dropEvents(run, report("inbound")),
  },
  {
    check: "messages-lost",
    what: "the inbound report is one TSN short",
    plant: ({ run, lostUp }) =>
      changeEvents(run, report("inbound"), { firstTsn: tsnOf(run, "up", lostUp[1] ?? 0) }),
  },
  {
    check: "messages-lost",
    what: "a number is skipped, but the message was on the wire and no range holds its TSN",
    plant: ({ run, lostDown }) => changeEvents(run, report("outbound"), { firstTsn: lostDown.tsn + 1 }),
  },
  {
    check: "messages-lost",
    what: "a number is missing that nobody skipped or gave up",
    plant: ({ run }) => {
      dropEvents(run, named("numbers-skipped"));
      dropEvents(run, report("outbound"));
    },
  },
  {
    check: "losses-reported",
    what: "more messages are missing than the report allows for",
    plant: ({ run, lostUp }) => changeEvents(run, report("inbound"), { messagesAtMost: lostUp.length - 1 }),
  },
  {
    check: "losses-reported",
    what: "numbers that were never sent count against the report too",
    plant: ({ run }) => {
      dropEvents(run, named("numbers-skipped"));
      changeEvents(run, report("outbound"), { messagesAtMost: 1 });
    },
  },
  {
    check: "losses-reported",
    what: "the report goes beyond what the peer sent",
    plant: ({ run }) => changeEvents(run, report("inbound"), { lastTsn: tsnOf(run, "up", 22) + 1 }),
  },
  {
    check: "losses-reported",
    what: "the range is the wrong way round",
    plant: ({ run }) => {
      const { at, host } = run.events.find(report("inbound")) as HostEvent;
      run.now = at;
      const detail = { direction: "inbound", firstTsn: 9, lastTsn: 5, messagesAtMost: 0 };
      run.event(host as "b", "loss-report", "nonsense", detail);
    },
  },
  {
    check: "losses-reported",
    what: "a loss that is reported lies further back than the interval",
    plant: ({ run, lostUp }) => {
      undeliver(run, "up", 0, 4);
      changeEvents(run, report("inbound"), {
        firstTsn: tsnOf(run, "up", 4),
        messagesAtMost: lostUp.length + 1,
      });
    },
  },
  {
    check: "messages-duplicated",
    what: "B delivers again what it held as delivered",
    plant: ({ run }) => run.message("b", "delivered", "up", 0, 2, run.makeAlone("delivered")),
  },
  {
    check: "lease-coverage",
    what: "a new TSN leaves at the limit of the lease",
    plant: ({ run, lostDown }) => changeEvents(run, named("lease"), { limitTsn: lostDown.tsn }),
  },
  {
    check: "lease-coverage",
    what: "the lease was acknowledged only after its first TSN had left",
    plant: ({ run }) => {
      const lease = run.events.find(named("lease"));
      const first = run.packets.find(
        ({ host, direction, sctp }) =>
          host === "a" && direction === "out" && sctp.chunks.some(({ type }) => type === "DATA"),
      );
      if (lease !== undefined && first !== undefined) lease.at = first.at + 1;
    },
  },
  {
    check: "output-commit",
    what: "COOKIE ACK leaves before the secondary holds the association",
    plant: ({ run }) => {
      const held = run.updates.find(({ act, change }) => act === "held" && change === "opened");
      if (held !== undefined) held.at += 2000;
    },
  },
  {
    check: "right-instance",
    what: "B takes over from a silent primary that is to be kept",
    plant: ({ run }) => void (run.terms = { ...run.terms, fault: "freeze", fencing: "keep-primary" }),
  },
  {
    check: "right-instance",
    what: "B takes over although only A's path is dead",
    plant: ({ run }) => void (run.terms.fault = "path-cut"),
  },
  {
    check: "tsn-identity",
    what: "the TSN that B repeats without its payload is one that the peer has not acknowledged",
    plant: ({ run, lostDown }) => {
      run.now = (run.events.find(named("takeover-started"))?.at ?? 0) + 10;
      run.event("b", "recovery-step", "the peer is asked for a SACK", { step: "probe" });
      run.transmit("b", "peer", [dataChunk(lostDown.tsn, 0, 0, 1)]);
    },
  },
  {
    check: "tsn-identity",
    what: "A repeats a TSN without its payload",
    plant: ({ run }) => {
      run.now = (run.faults[0]?.at ?? 0) - 300;
      run.transmit("a", "peer", [dataChunk(5003, 0, 0, 1)]);
    },
  },
  {
    check: "no-abort",
    what: "B gives the association up",
    plant: ({ run }) => void run.transmit("b", "peer", [chunk("ABORT")], { reason: "abort" }),
  },
];

describe("each planted violation of an asynchronous policy fails its own check", () => {
  test.each(planted)("$check: $what", ({ check, plant }) => {
    const built = lossyRun();
    plant(built);
    expect(failedChecks(built.run)).toEqual([check]);
    const found = judge(built.run.history()).checks.find(({ id }) => id === check);
    expect(found?.evidence[0]?.text).toBeTruthy();
  });
});

describe("what an asynchronous policy allows does not fail", () => {
  const lawful: readonly [what: string, change: (built: LossyRun) => void][] = [
    [
      "B delivers again what A delivered and never told",
      ({ run, lostUp }) => {
        const number = lostUp[0] ?? 0;
        const tsn = tsnOf(run, "up", number);
        run.message("b", "delivered", "up", 0, number, run.makeAlone("delivered", tsn));
        // It is the first thing that B does in its epoch.
        const first = run.updates.find(({ change }) => change === "dataSkipped");
        const again = run.messages.at(-1);
        if (again !== undefined && first !== undefined) again.sequence = first.sequence;
      },
    ],
    [
      "B says at first what it knew, which is less than A said",
      ({ run }) => {
        run.now = (run.events.find(named("takeover-started"))?.at ?? 0) + 10;
        run.transmit("b", "peer", [sackChunk(tsnOf(run, "up", 10))], { reason: "sack" });
      },
    ],
    [
      "B asks for a SACK by a TSN that the peer has, without its payload",
      ({ run }) => {
        run.now = (run.events.find(named("takeover-started"))?.at ?? 0) + 10;
        run.event("b", "recovery-step", "the peer is asked for a SACK", { step: "probe" });
        run.transmit("b", "peer", [dataChunk(5003, 0, 0, 1)]);
      },
    ],
    [
      "a report that allows for more than is missing",
      ({ run }) => changeEvents(run, report("inbound"), { messagesAtMost: 50 }),
    ],
    [
      "a message that was still queued is given up with the lease",
      ({ run }) => dropEvents(run, named("numbers-skipped")),
    ],
    [
      "a fragment lies in the range, its first one before it",
      ({ run, lostDown }) => {
        for (const { sctp } of run.packets)
          for (const part of sctp.chunks)
            if (part.tsn === lostDown.tsn) Object.assign(part, { ending: false, flags: 2 });
        changeEvents(run, report("outbound"), { firstTsn: lostDown.tsn + 1 });
      },
    ],
  ];
  test.each(lawful)("%s", (_what, change) => {
    const built = lossyRun();
    change(built);
    expect(failedChecks(built.run)).toEqual([]);
  });

  test("an echo of a message that did not arrive is not owed", () => {
    const { run, lostDown } = lossyRun();
    const downs = run.messages.filter(({ flow, act }) => flow === "down" && act === "delivered");
    for (const { streamId, number, at } of downs) {
      run.now = at;
      run.message("b", "delivered", "echo", streamId, number);
    }
    for (const streamId of [0, 1]) {
      const sent =
        run.totals.find((total) => total.flow === "down" && total.streamId === streamId)?.sent ?? 0;
      run.totals.push({ flow: "echo", streamId, sent });
    }
    expect(failedChecks(run)).toEqual([]);
    undeliver(run, "echo", lostDown.streamId, lostDown.number - 1);
    expect(failedChecks(run)).toEqual(["messages-lost"]);
  });

  test("without the captures nobody can say which message had which TSN", () => {
    const { run } = lossyRun();
    dropEvents(run, report("inbound"));
    run.packets = [];
    run.captures = [];
    const found = judge(run.history()).checks.find(({ id }) => id === "messages-lost");
    expect(found?.outcome).toBe("unknown");
  });
});

describe("the bound of an event", () => {
  /** All seven losses passed in the last 40 ms; a slower machine makes them old. */
  const slowed = (policy: string): HistoryBuilder => {
    const { run } = lossyRun();
    run.terms.policy = policy;
    changeEvents(run, named("policy"), { policy });
    const takeover = run.events.find(named("takeover-started"))?.at ?? 0;
    // Everything at and after the fault comes 100 ms later: what was lost is then old.
    for (const list of [
      run.faults,
      run.packets,
      run.events,
      run.messages,
      run.updates,
      run.sent,
      run.acked,
    ]) {
      for (const each of list) if (each.at >= takeover - 51_000) each.at += 100_000;
    }
    return run;
  };
  test.each([
    ["event:'messages>=7'", []],
    ["event:'messages>=5'", []],
    ["event:'messages>=4'", ["losses-reported"]],
    ["event:'updates>=20 || messages>3'", ["losses-reported"]],
    ["event:'updates>=2 && path-change'", []],
    ["event:'bytes>=200'", []],
    ["event:'bytes>=100'", ["losses-reported"]],
  ] as const)("%s", (policy, expected) => {
    expect(failedChecks(slowed(policy))).toEqual(expected);
  });
});

describe("impending failure", () => {
  const announced = (policy: string): HistoryBuilder => {
    const { run } = lossyRun();
    run.terms = { ...run.terms, policy, fault: "announce" };
    changeEvents(run, named("policy"), { policy });
    run.now = (run.faults[0]?.at ?? 0) - 30_000;
    run.event("a", "impending-failure", "the operator says so", { reason: "operator" });
    // The whole state, as its holder writes it down.
    const made = run.updates.filter(({ act, at }) => act === "made" && at < run.now);
    const sequence = made.at(-1)?.sequence ?? 0;
    const whole = { kind: "update", act: "held", epoch: 1, change: "opened", bytes: "AQID" } as const;
    run.updates.push({ ...whole, host: "b", at: run.now + 500, sequence });
    return run;
  };
  test("once: what came after the synchronisation may be lost", () => {
    expect(failedChecks(announced("impending-failure:once"))).toEqual([]);
  });
  test("from then on: nothing may be", () => {
    expect(failedChecks(announced("impending-failure:from-then-on"))).toContain("losses-reported");
  });
});

describe("a store on a third computer", () => {
  const shared = (): HistoryBuilder => {
    const run = goodRun();
    run.terms = { policy: "shared", placement: "store", fencing: "witness", fault: "crash" };
    run.hosts.push({ name: "keeper", role: "keeper", outsideAddress: "", clockErrorMicros: 0 });
    for (const update of run.updates) if (update.act === "held") update.host = "keeper";
    // Who takes over from a store goes on writing to it.
    for (const { act, host, at, ...update } of run.updates.filter((each) => each.host === "b")) {
      run.updates.push({ ...update, act: "held", host: "keeper", at });
      run.acked.push({ kind: "acked", host: "b", at, sequence: update.sequence });
    }
    run.messages = run.messages.map((each) =>
      each.host === "b" && each.at < (run.faults[0]?.at ?? 0) ? { ...each, host: "keeper" } : each,
    );
    return run;
  };
  test("its records say what was held", () => {
    const found = judge(shared().history());
    expect(found.checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
    expect(found.checks.find(({ id }) => id === "output-commit")?.summary).toContain("held by keeper");
  });
  test("a whole state that the successor was given is not the delivery of the last message in it", () => {
    const run = shared();
    const last = run.messages.findLast(({ act, host }) => act === "delivered" && host === "a");
    const at = (run.events.find(({ name }) => name === "takeover-started")?.at ?? 0) - 1;
    if (last?.sequence === undefined) throw new Error("a delivered nothing");
    const { sequence } = last;
    run.updates.push({
      ...{ kind: "update", act: "held", at, host: "b", sequence, epoch: 2 },
      ...{ change: "opened", bytes: "" },
    } as (typeof run.updates)[number]);
    run.messages.push({ ...last, host: "b", at: at + 1 });
    expect(failedChecks(run)).not.toContain("messages-duplicated");
  });
  test("what it held too late left too early", () => {
    const run = shared();
    const late = run.updates.findLast(({ act, change }) => act === "held" && change === "tsnAssigned");
    if (late !== undefined) late.at += 5000;
    expect(failedChecks(run)).toEqual(["output-commit"]);
  });
  test("a store that keeps no books of ours is judged by the primary's own", () => {
    const run = shared();
    run.updates = run.updates.filter(({ act }) => act === "made");
    run.messages = run.messages.filter(({ host }) => host !== "keeper");
    run.events = run.events.filter(({ host }) => host !== "keeper");
    const found = judge(run.history());
    expect(found.checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
    expect(found.checks.map(({ id }) => id)).not.toContain("output-commit");
    expect(found.checks.map(({ id }) => id)).toContain("commit-gate");
  });
});

test("a policy that is changed under way is judged by what was in force", () => {
  const run = goodRun();
  run.terms = { policy: "interval:1s", placement: "standby" };
  run.event("a", "policy", "every update from now on", { policy: "every-update", placement: "standby" });
  const change = run.events.at(-1);
  const packets = run.packets.filter(
    ({ host, direction, sctp }) =>
      host === "a" && direction === "out" && sctp.chunks.some(({ type }) => type === "DATA"),
  );
  const [first, second] = packets.slice(0, 2);
  if (change === undefined || first === undefined || second === undefined) throw new Error("no packets");
  change.at = first.at + 10;
  run.events.push({ ...change, at: run.events[0]?.at ?? 0, detail: { policy: "interval:1s" } });
  const limitTsn = 9000;
  run.events.push({ ...change, at: 0, name: "lease", detail: { limitTsn, nextTsn: 5000 } });
  const heldLate = (tsn: number | undefined): void => {
    const held = run.updates.find(
      (each) => each.act === "held" && each.change === "tsnAssigned" && each.tsn === tsn,
    );
    if (held !== undefined) held.at += 3000;
  };
  heldLate(first.sctp.chunks[0]?.tsn);
  expect(failedChecks(run)).toEqual([]);
  heldLate(second.sctp.chunks[0]?.tsn);
  expect(failedChecks(run)).toEqual(["output-commit"]);
  // The stricter policy is kept from when the holder has what left before.
  run.acked = run.acked.filter(({ at }) => at < (change.at ?? 0) || at > second.at);
  expect(failedChecks(run)).toEqual([]);
});
