import { expect, test } from "vitest";
import type { History } from "../../../captures/verdict/history.ts";
import { judge } from "../../../captures/verdict/index.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { addressOf, chunk, goodRun } from "../../support/history-builder.ts";

/** A run as if it had been that of one of several associations: TSNs and update numbers are the same on each. */
function onPort(run: HistoryBuilder, port: number): History {
  const history = run.history();
  const tag = { cluster: 0x100_0000 + port, peer: 0x200_0000 + port };
  const tagOn = (host: string): number => (host === "peer" ? tag.peer : tag.cluster);
  const named = <T extends { readonly host: string }>(list: readonly T[]): (T & { association: number })[] =>
    list.map((each) => ({ ...each, association: tagOn(each.host) }));
  return {
    ...history,
    packets: history.packets.map((packet) => {
      const { sctp } = packet;
      const isFromPeer = sctp.sourceAddress === addressOf.peer;
      const ports = isFromPeer ? { sourcePort: port } : { destinationPort: port };
      return { ...packet, sctp: { ...sctp, ...ports } };
    }),
    updates: named(history.updates),
    acked: named(history.acked),
    sent: named(history.sent),
    messages: named(history.messages),
    events: history.events.map((event) => {
      const association = tagOn(event.host);
      const detail = { ...event.detail, association, localPort: port, peerPort: 7000 };
      return event.name === "association-up" || event.name === "address-confirmed"
        ? { ...event, detail }
        : event;
    }),
    totals: history.totals.map((total) => ({
      ...total,
      association: total.flow === "up" ? tag.peer : tag.cluster,
    })),
  };
}

/** What both ends say of the set-up; the builder's event is that of the outside computer. */
function upOnCluster(port: number, history: History): History["events"] {
  const up = history.events.find(({ name }) => name === "association-up");
  if (up === undefined) throw new Error("the built run has changed: the association never comes up");
  const detail = { association: 0x100_0000 + port, localPort: 7000, peerPort: port };
  return [{ ...up, host: "a", detail }];
}

/** Several associations in one record. What is about hosts, the fault and the takeover, is in it once. */
function together(runs: Readonly<Record<number, HistoryBuilder>>): History {
  const all = Object.entries(runs).map(([port, run]) => ({
    port: Number(port),
    history: onPort(run, Number(port)),
  }));
  const [first] = all;
  if (first === undefined) throw new Error("there is no run");
  const join = <T extends { readonly at: number }>(pick: (history: History) => readonly T[]): T[] =>
    all.flatMap(({ history }) => pick(history)).toSorted((one, other) => one.at - other.at);
  const ofOthers = all
    .slice(1)
    .flatMap(({ history }) => history.events.filter(({ detail }) => detail["association"] !== undefined));
  const ups = all.flatMap(({ port, history }) => upOnCluster(port, history));
  return {
    ...first.history,
    packets: join(({ packets }) => packets).map((packet, index) => ({ ...packet, id: index + 1 })),
    updates: join(({ updates }) => updates),
    acked: join(({ acked }) => acked),
    sent: join(({ sent }) => sent),
    messages: join(({ messages }) => messages),
    events: [...first.history.events, ...ofOthers, ...ups].toSorted((one, other) => one.at - other.at),
    totals: all.flatMap(({ history }) => history.totals),
  };
}

const find = (history: History, id: string) => judge(history).checks.find((check) => check.id === id);

/** Takes the first delivery of a number that was given out away. */
function undeliver(run: HistoryBuilder): HistoryBuilder {
  const first = run.messages.findIndex(({ act, flow }) => act === "delivered" && flow === "down");
  run.messages.splice(first, 1);
  return run;
}

test("several associations that use the same TSNs and numbers are judged each by itself, and counted together", () => {
  const report = judge(together({ 7001: goodRun(), 7002: goodRun(), 7003: goodRun() }));
  expect(report.checks.filter(({ outcome }) => outcome !== "pass")).toEqual([]);
  const single = judge(goodRun().history());
  expect(report.checks.map(({ id }) => id)).toEqual(single.checks.map(({ id }) => id));
  const { summary } = report.checks.find(({ id }) => id === "messages-lost") ?? {};
  const of = Number(/^0 of (\d+)$/.exec(single.checks[0]?.summary ?? "")?.[1]);
  expect(of).toBeGreaterThan(10);
  expect(summary).toBe(`0 of ${3 * of}, on 3 associations`);
  expect(report.headline).toMatch(
    /^All 3 associations survived: 0 of \d+ messages lost, on 3 associations, first/,
  );
});

test("one that fails is named, and the sum is said", () => {
  const lost = find(
    together({ 7001: goodRun(), 7002: undeliver(goodRun()), 7003: goodRun() }),
    "messages-lost",
  );
  expect(lost?.outcome).toBe("fail");
  expect(lost?.summary).toMatch(/^1 of \d+, on 1 of 3 associations: 7002: 1 of \d+$/);
  expect(lost?.evidence.map(({ text }) => text)).toEqual([
    expect.stringMatching(/^association 7002: flow down, stream \d: number \d+ of \d+ never delivered$/),
  ]);
});

test("an ABORT on one of them is that one's", () => {
  const aborted = goodRun();
  aborted.transmit("b", "peer", [chunk("ABORT")], { reason: "abort" });
  const { summary = "", outcome } = find(together({ 7001: goodRun(), 7002: aborted }), "no-abort") ?? {};
  expect(outcome).toBe("fail");
  expect(summary).toMatch(/^on 1 of 2 associations: 7002: /);
});

test("a packet of no association that is known speaks against all", () => {
  const history = together({ 7001: goodRun(), 7002: goodRun() });
  const [like] = history.packets.filter(({ sctp }) => sctp.destinationAddress === addressOf.peer);
  if (like === undefined) throw new Error("the built run has changed: nothing goes to the outside computer");
  const stray = { ...like, sctp: { ...like.sctp, destinationPort: 9, sourceAddress: "192.0.2.99" } };
  const check = find({ ...history, packets: [...history.packets, stray] }, "one-association");
  expect(check?.summary).toMatch(/^on 2 of 2 associations: /);
});

test("times are those of the worst association, counts the sum", () => {
  const report = judge(together({ 7001: goodRun(), 7002: goodRun() }));
  const single = judge(goodRun().history());
  const value = (figures: typeof report.figures, id: string) => figures.find((each) => each.id === id)?.value;
  expect(value(report.figures, "packets")).toBe(2 * (value(single.figures, "packets") ?? 0));
  expect(value(report.figures, "gap-up")).toBe(value(single.figures, "gap-up"));
  expect(report.figures.find(({ id }) => id === "gap-up")?.method).toContain("the longest of 2 associations");
});
