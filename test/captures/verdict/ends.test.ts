import { describe, expect, test } from "vitest";
import type { StreamDeliveries } from "../../../captures/verdict/deliveries.ts";
import { streamKey } from "../../../captures/verdict/deliveries.ts";
import { readLosses } from "../../../captures/verdict/losses.ts";
import { setScene } from "../../../captures/verdict/scene.ts";
import { fromOutside, judge } from "../../../captures/verdict/index.ts";
import type { History, HistoryHost, HostEvent, HostMessage } from "../../../captures/verdict/history.ts";
import type { CheckResult } from "../../../captures/verdict/report.ts";
import { chunk, firstTsn, goodRun } from "../../support/history-builder.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { lossyRun } from "../../support/lossy-run.ts";

const across: Readonly<Record<string, string>> = { a: "peer", b: "peer2", peer: "a" };
const flowAcross = { up: "down", down: "up", echo: "echo" } as const;
const roleOf: Readonly<Record<string, HistoryHost["role"]>> = {
  peer: "peer",
  peer2: "peer-secondary",
  a: "primary",
};

const moved = <Item extends { readonly host: string }>(items: readonly Item[]): Item[] =>
  items.map((item) => ({ ...item, host: across[item.host] ?? item.host }));

/** The run of a cluster whose primary was killed, told as if that cluster were the outside end. */
function asOutside(run: HistoryBuilder): History {
  const history = run.history();
  const hosts = history.hosts.map((host) => {
    const name = across[host.name] ?? host.name;
    return { ...host, name, role: roleOf[name] ?? "peer" };
  });
  const idle: HistoryHost = {
    name: "b",
    role: "secondary",
    outsideAddress: "192.0.2.99",
    clockErrorMicros: 0,
  };
  return {
    ...history,
    hosts: [...hosts, idle],
    captures: moved(history.captures),
    packets: moved(history.packets),
    updates: moved(history.updates),
    acked: moved(history.acked),
    sent: moved(history.sent),
    events: moved(history.events),
    faults: moved(history.faults),
    messages: moved(history.messages).map((message) => ({ ...message, flow: flowAcross[message.flow] })),
    totals: history.totals.map((total) => ({ ...total, flow: flowAcross[total.flow] })),
    terms: {
      policy: "every-update",
      fencing: "keep-primary",
      peerPolicy: "every-update",
      peerFencing: "prefer-availability",
      fault: "crash@peer",
    },
  };
}

const check = (history: History, id: string): CheckResult | undefined =>
  judge(history).checks.find((each) => each.id === id);

describe("a run in which the outside end is a cluster", () => {
  test("is judged at that end by the same checks, and the titles say at which", () => {
    const history = asOutside(goodRun());
    for (const id of ["output-commit", "commit-gate", "old-epoch-silent", "cumulative-tsn"]) {
      expect(check(history, `outside-${id}`), id).toMatchObject({ outcome: "pass" });
      expect(check(history, `outside-${id}`)?.title, id).toMatch(/^peer\/peer2: /);
      expect(check(history, id)?.title, id).toMatch(/^a\/b: /);
    }
    expect(check(history, "messages-lost")).toMatchObject({ outcome: "pass" });
    expect(check(history, "outside-messages-lost")).toBe(undefined);
  });

  test("expects a takeover of the end that was struck, and none of the other one", () => {
    const history = asOutside(goodRun());
    expect(check(history, "outside-right-instance")?.summary).toBe(
      "peer under epoch 1, then peer2 under epoch 2, as the primary's end was sure",
    );
    expect(check(history, "right-instance")?.summary).toBe(
      "a under epoch 1, as only the other end was struck",
    );
    const still = { ...history, terms: { ...history.terms, fault: "crash" } };
    expect(check(still, "outside-right-instance")).toMatchObject({ outcome: "fail" });
  });

  test("fails at that end alone where its former primary speaks on", () => {
    const run = goodRun();
    run.wait(1000).transmit("a", "peer", [chunk("HEARTBEAT")]);
    const history = asOutside(run);
    expect(check(history, "outside-old-epoch-silent")).toMatchObject({
      outcome: "fail",
      summary: "1 packets left peer after the takeover",
    });
    expect(check(history, "old-epoch-silent")).toMatchObject({ outcome: "pass" });
  });

  test("keeps the books of the ends apart, though both number from 1", () => {
    const history = asOutside(goodRun());
    const held = history.updates.filter(({ act }) => act === "held");
    // What peer2 holds is held by nobody of the other end.
    expect(held.length).toBeGreaterThan(0);
    const without = { ...history, updates: history.updates.filter(({ act }) => act !== "held") };
    const forged = held.map((update) => ({ ...update, host: "b" }));
    expect(
      check({ ...without, updates: [...without.updates, ...forged] }, "outside-output-commit")?.outcome,
    ).not.toBe("pass");
  });

  test("may report as lost what the other end, too, gave up without knowing whether it was sent", () => {
    const told = asOutside(goodRun());
    const at = Math.max(...told.events.map((event) => event.at));
    const report = (host: string, direction: string, firstTsn: number, lastTsn: number): HostEvent => ({
      host,
      at,
      kind: "event",
      name: "loss-report",
      text: "a range may be lost",
      detail: { direction, firstTsn, lastTsn, messagesAtMost: 8 },
    });
    const summary = (...reports: readonly HostEvent[]): string | undefined => {
      const terms = { ...told.terms, policy: "interval:50ms", peerPolicy: "interval:50ms" };
      return check({ ...told, terms, events: [...told.events, ...reports] }, "outside-losses-reported")
        ?.summary;
    };
    const inbound = report("peer2", "inbound", 900_000, 900_004);
    const refused = "1 reports or losses beyond what the policy allows";
    expect(summary(inbound)).toBe(refused);
    expect(summary(inbound, report("a", "outbound", 900_000, 900_003))).toBe(refused);
    expect(summary(inbound, report("a", "outbound", 900_002, 900_010))).toMatch(/^nothing was lost/);
  });

  test("answers a message again that it is given again, and that is no duplicate", () => {
    const { run, lostUp } = lossyRun();
    const [first = 0, second = 0] = lostUp;
    const tookOver = run.events.find(({ name }) => name === "takeover-started")?.at ?? 0;
    // It is the first thing that the second computer does in its epoch.
    const again = run.updates.find(({ change }) => change === "dataSkipped");
    run.message("b", "delivered", "up", 0, first, run.makeAlone("delivered", 0));
    const redelivered = run.messages.at(-1);
    if (redelivered !== undefined && again !== undefined) redelivered.sequence = again.sequence;
    const history = asOutside(run);
    const echo = (number: number, at: number): HostMessage => {
      const about = { flow: "echo", streamId: 0, sizeBytes: 200, intact: true } as const;
      return { kind: "message", host: "a", at, act: "delivered", number, ...about };
    };
    const atEnd = (redelivered?.at ?? 0) + 1000;
    const judged = (...echoes: readonly HostMessage[]): (string | undefined)[] => {
      const terms = { ...history.terms, peerPolicy: "interval:50ms" };
      const heard = { ...history, terms, messages: [...history.messages, ...echoes] };
      return ["messages-duplicated", "messages-reordered"].map((id) => check(heard, id)?.outcome);
    };
    const answers = [echo(first, tookOver - 2000), echo(second, tookOver - 1000), echo(first, atEnd)];
    expect(judged(...answers)).toEqual(["pass", "pass"]);
    expect(judged(...answers, echo(first, atEnd + 1))).toEqual(["fail", "pass"]);
  });

  test("owes no echo of a delivery that it went back behind, even where that one was on the wire", () => {
    const run = goodRun();
    run.terms = { policy: "interval:50ms", placement: "standby" };
    run.heads.push({ flow: "echo", streamId: 0, number: 0, tsn: firstTsn.peer });
    run.totals.push({ flow: "echo", streamId: 0, sent: 1 });
    const scene = setScene(run.history());
    const key = streamKey("down", 0);
    const down = scene.deliveries.get(key);
    if (down === undefined) throw new Error("nothing was delivered at the peer");
    const [first, ...others] = down.deliveries;
    const echo = (changed: Partial<StreamDeliveries>): string | undefined => {
      const deliveries = new Map([...scene.deliveries, [key, { ...down, ...changed }]]);
      return readLosses({ ...scene, deliveries }).missing.find(({ flow }) => flow === "echo")?.reason.kind;
    };
    expect(first?.number).toBe(0);
    expect(echo({})).toBe("unreported");
    expect(echo({ deliveries: others })).toBe("unreported");
    expect(echo({ deliveries: others, rolledBack: down.deliveries.slice(0, 1) })).toBe("not-owed");
    expect(echo({ rolledBack: down.deliveries.slice(0, 1) })).toBe("unreported");
  });

  test("is one computer where no second one is named", () => {
    expect(fromOutside(goodRun().history())).toBe(undefined);
    expect(judge(goodRun().history()).checks.filter(({ title }) => title.startsWith("a/b"))).toEqual([]);
  });
});
