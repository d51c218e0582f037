import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { judge } from "../../captures/verdict/index.ts";
import type { History } from "../../captures/verdict/history.ts";
import type { DeskLink, StateAt } from "../../main/api/contract.ts";
import { createDesk } from "../../main/store/index.ts";
import { goodRun } from "../support/history-builder.ts";
import { realized, record, temporaryRuns } from "../support/recorded-run.ts";

const runs = temporaryRuns();
const history: History = realized(goodRun());
const wholeRun = { fromUs: 0, toUs: 2_000_000_000_000_000 };
let desk: DeskLink;
let runId = "";

const stateAt = (_reader: unknown, atUs: number): StateAt => ({
  atUs,
  aSequence: 1,
  bSequence: 1,
  aRole: "primary",
  bRole: "secondary",
  rows: [],
});

beforeAll(() => {
  const writer = record(runs.path, history);
  writer.setVerdict(judge(history));
  runId = writer.finish().id;
  desk = createDesk({ runsDir: runs.path, stateAt });
});
afterAll(() => runs[Symbol.dispose]());

describe("the desk answers", () => {
  test("run.open: hosts, counts, marks in order of time", async () => {
    const overview = await desk.send("run.open", { runId });
    expect(overview.hosts).toEqual(history.hosts);
    expect(overview.captures).toEqual(history.captures);
    expect(overview.run).toMatchObject({
      id: runId,
      outcome: "pass",
      peer: "understudy",
      title: "a test run",
    });
    expect(overview.counts.packets).toBe(history.packets.length);
    // Every packet was seen at both ends, but for the one that died with the primary.
    expect(overview.counts.transmissions).toBe((history.packets.length + 1) / 2);
    const kinds = overview.marks.map(({ kind }) => kind).filter((kind) => kind !== "other");
    expect(kinds).toEqual([
      "association-up",
      "address-confirmed",
      "fault",
      "detected",
      "takeover",
      "first-packet",
      "restored",
    ]);
    expect(overview.fromUs).toBe(history.packets[0]?.at);
    expect(overview.files.sqlite.startsWith(overview.files.folder)).toBe(true);
  });

  test("run.ladder: every item of a small window, with lanes, loss and repetition", async () => {
    const ladder = await desk.send("run.ladder", { runId, ...wholeRun, limit: 20_000 });
    expect(ladder.exact).toBe(true);
    expect(ladder.total).toBe(ladder.transmissions.length + ladder.replications.length);
    const lost = ladder.transmissions.filter(({ receivedUs }) => receivedUs === undefined);
    expect(lost).toMatchObject([{ from: "a-address", to: "peer", kind: "data" }]);
    const repeated = ladder.transmissions.filter(({ repeats }) => repeats !== undefined);
    expect(repeated).toMatchObject([{ from: "b-address", to: "peer", repeats: lost[0]?.id }]);
    expect(new Set(ladder.transmissions.map(({ kind }) => kind))).toEqual(
      new Set(["setup", "heartbeat", "data", "sack"]),
    );
    const batch = ladder.replications[0];
    expect(batch).toMatchObject({ firstSequence: 1, lastSequence: 1, label: "opened" });
    expect((batch?.heldUs ?? 0) - (batch?.madeUs ?? 0)).toBe(50);
    expect((batch?.ackedUs ?? 0) - (batch?.madeUs ?? 0)).toBe(90);
  });

  test("run.ladder: what left before the window and arrives in it belongs to it", async () => {
    const all = await desk.send("run.ladder", { runId, ...wholeRun, limit: 20_000 });
    const one = all.transmissions[10];
    const fromUs = (one?.sentUs ?? 0) + 50;
    const window = await desk.send("run.ladder", { runId, fromUs, toUs: fromUs + 1, limit: 10 });
    expect(window.transmissions).toEqual([one]);
  });

  test("run.ladder: a crowded window is counted, and nothing is lost in the counting", async () => {
    const { fromUs, toUs } = await desk.send("run.open", { runId });
    const exact = await desk.send("run.ladder", { runId, fromUs, toUs, limit: 20_000 });
    const counted = await desk.send("run.ladder", { runId, fromUs, toUs, limit: 10 });
    expect(counted.exact).toBe(false);
    expect(counted.transmissions).toEqual([]);
    const sum = counted.density.flatMap(({ counts }) => counts).reduce((total, count) => total + count, 0);
    expect(sum).toBe(counted.total);
    expect(counted.total).toBe(exact.total);
  });

  test("run.packets: pages in order of time, and a filter over info, hosts and addresses", async () => {
    const first = await desk.send("run.packets", { runId, offset: 0, limit: 10, filter: "" });
    const second = await desk.send("run.packets", { runId, offset: 10, limit: 10, filter: "" });
    expect(first.total).toBe(history.packets.length);
    expect([...first.rows, ...second.rows].map(({ atUs }) => atUs)).toEqual(
      history.packets.slice(0, 20).map(({ at }) => at),
    );
    expect(first.rows[0]?.chunks).toEqual(history.packets[0]?.sctp.chunks);
    const acks = await desk.send("run.packets", {
      runId,
      offset: 0,
      limit: 100,
      filter: "heartbeat_ack 192.0.2.12",
    });
    expect(acks.total).toBe(2);
    expect(acks.rows.every(({ info }) => info.startsWith("HEARTBEAT_ACK"))).toBe(true);
    const literal = await desk.send("run.packets", { runId, offset: 0, limit: 100, filter: "%" });
    expect(literal.total).toBe(0);
  });

  test("run.packetIndexAt: where the table must jump", async () => {
    const atUs = history.packets[30]?.at ?? 0;
    const { index } = await desk.send("run.packetIndexAt", { runId, atUs, filter: "" });
    const page = await desk.send("run.packets", { runId, offset: index, limit: 1, filter: "" });
    expect(page.rows[0]?.atUs).toBe(atUs);
    expect((await desk.send("run.packetIndexAt", { runId, atUs: 0, filter: "sack" })).index).toBe(0);
  });

  test("run.packet: tree, bytes, and why its sender sent it", async () => {
    const packets = await desk.send("run.packets", { runId, offset: 0, limit: 500, filter: "COOKIE_ACK" });
    const packetId = packets.rows[0]?.id ?? 0;
    const detail = await desk.send("run.packet", { runId, packetId });
    expect(detail.tree.length).toBeGreaterThan(2);
    expect(detail.bytesHex).toHaveLength(2 * detail.row.lengthBytes);
    expect(detail.sentBecause).toMatchObject({ reason: "setup", dependsOn: 1 });
    expect(detail.sentBecause?.heldUs).toBeLessThan(detail.row.atUs);
  });

  test("run.verdict, run.state and runs.list", async () => {
    expect(await desk.send("run.verdict", { runId })).toEqual(judge(history));
    expect((await desk.send("run.state", { runId, atUs: 5 })).atUs).toBe(5);
    expect(await desk.send("runs.list", {})).toMatchObject([{ id: runId, outcome: "pass" }]);
  });
});

describe("the desk refuses with one sentence", () => {
  const refused = async (answer: Promise<unknown>): Promise<string> => {
    const error: unknown = await answer.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ name: "RunStoreError" });
    return (error as Error).message;
  };

  test("an unknown run, also one that tries to leave the folder", async () => {
    expect(await refused(desk.send("run.open", { runId: "20260101T000000Z-ffffff" }))).toContain(
      "There is no run",
    );
    expect(await refused(desk.send("run.open", { runId: `../kill-primary/${runId}` }))).toContain(
      "There is no run",
    );
  });

  test("arguments out of bounds", async () => {
    const packets = { runId, offset: 0, filter: "" };
    expect(await refused(desk.send("run.packets", { ...packets, limit: 20_001 }))).toContain("limit");
    expect(await refused(desk.send("run.packets", { ...packets, offset: -1, limit: 1 }))).toContain("offset");
    expect(
      await refused(desk.send("run.packets", { ...packets, limit: 1, filter: "x".repeat(201) })),
    ).toContain("filter");
    expect(await refused(desk.send("run.ladder", { runId, fromUs: 2, toUs: 1, limit: 5 }))).toContain(
      "ends before",
    );
    expect(
      await refused(desk.send("run.ladder", { runId, fromUs: Number.NaN, toUs: 1, limit: 5 })),
    ).toContain("NaN");
    expect(await refused(desk.send("run.packet", { runId, packetId: 999_999 }))).toContain(
      "no packet 999999",
    );
  });

  test("a request outside the contract", async () => {
    const send = desk.send as (name: string, args: object) => Promise<unknown>;
    expect(await refused(send("constructor", {}))).toContain("knows no request");
  });
});

test("a run without a verdict says so, and a damaged one does not hide the others", async () => {
  using other = temporaryRuns();
  const writer = record(other.path, history);
  const { id } = writer.finish();
  const damaged = join(other.path, "kill-primary", "20260101T000000Z-abcdef");
  mkdirSync(damaged);
  writeFileSync(join(damaged, "run.sqlite"), "no database");
  mkdirSync(join(other.path, "kill-primary", "20260101T000000Z-000000"));
  const otherDesk = createDesk({ runsDir: other.path, stateAt });
  await expect(otherDesk.send("run.verdict", { runId: id })).rejects.toThrow("not been judged");
  const list = await otherDesk.send("runs.list", {});
  expect(list.map(({ outcome }) => outcome)).toEqual(["not-judged", "damaged", "damaged"]);
  expect(list[1]?.headline).toContain("is not a run file");
});

test("no runs at all is an empty list", async () => {
  using empty = temporaryRuns();
  const emptyDesk = createDesk({ runsDir: join(empty.path, "nothing-yet"), stateAt });
  expect(await emptyDesk.send("runs.list", {})).toEqual([]);
});

test("an update that only the secondary reported is still an arrow: its maker died with the record", async () => {
  using runs = temporaryRuns();
  const run = goodRun();
  const last = run.updates.findLast((update) => update.act === "made" && update.epoch === 1);
  run.updates = run.updates.filter((update) => update !== last);
  const writer = record(runs.path, realized(run));
  writer.finish();
  const desk = createDesk({ runsDir: runs.path, stateAt });
  const [summary] = await desk.send("runs.list", {});
  const { replications } = await desk.send("run.ladder", {
    runId: summary?.id ?? "",
    ...wholeRun,
    limit: 20_000,
  });
  const arrow = replications.find((each) => each.lastSequence === last?.sequence);
  expect(arrow?.label).toContain("the maker died before it could report this");
  expect(arrow?.madeUs).toBe(arrow?.heldUs);
});
