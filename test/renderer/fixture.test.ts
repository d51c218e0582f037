import { describe, expect, it } from "vitest";
import { fixtureDesk } from "../../renderer/link/fixture.ts";

const desk = fixtureDesk({ seed: 1 });
const runId = "demo-1";
const overview = await desk.send("run.open", { runId });
const whole = { runId, fromUs: overview.fromUs, toUs: overview.toUs };

describe("fixture run", () => {
  it("is the same for the same seed, and another one for another", async () => {
    const ask = { ...whole, limit: 1_000_000 };
    const [one, again, other] = await Promise.all([
      desk.send("run.ladder", ask),
      fixtureDesk({ seed: 1 }).send("run.ladder", ask),
      fixtureDesk({ seed: 2 }).send("run.ladder", ask),
    ]);
    expect(again).toEqual(one);
    expect(other.transmissions[500]).not.toEqual(one.transmissions[500]);
  });

  it("tells a believable failover", async () => {
    const { transmissions, replications } = await desk.send("run.ladder", { ...whole, limit: 1_000_000 });
    expect(transmissions.length).toBeGreaterThan(18_000);
    expect(replications.length).toBeGreaterThan(5_000);
    const fault = overview.marks.find(({ kind }) => kind === "fault")?.atUs ?? 0;
    const byId = new Map(transmissions.map((item) => [item.id, item]));
    for (const item of transmissions) {
      if (item.to === "a-address" && item.sentUs > fault) expect(item.receivedUs).toBeUndefined();
      if (item.from === "a-address") expect(item.sentUs).toBeLessThan(fault + 1_000);
      if (item.repeats === undefined) continue;
      const first = byId.get(item.repeats);
      expect(first?.sentUs).toBeLessThan(item.sentUs);
      expect(first?.label).toBe(item.label);
    }
    expect(transmissions.filter(({ repeats }) => repeats !== undefined).length).toBeGreaterThan(10);
  });

  it("answers counts above the limit, and they add up", async () => {
    const answer = await desk.send("run.ladder", { ...whole, limit: 100 });
    expect(answer.exact).toBe(false);
    const counted = answer.density.flatMap(({ counts }) => counts).reduce((sum, count) => sum + count, 0);
    expect(counted).toBe(answer.total);
  });

  it("pages, filters and finds packets", async () => {
    const { total, rows } = await desk.send("run.packets", { runId, offset: 1_000, limit: 20, filter: "" });
    expect(total).toBe(overview.counts.packets);
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, index) => 1_001 + index));
    const { index } = await desk.send("run.packetIndexAt", { runId, atUs: rows[3]?.atUs ?? 0, filter: "" });
    expect(index).toBe(1_003);
    const heartbeats = await desk.send("run.packets", {
      runId,
      offset: 0,
      limit: 5,
      filter: "heartbeat 192.0.2.12",
    });
    expect(heartbeats.total).toBeGreaterThan(5);
    expect(heartbeats.rows.every(({ info }) => info.includes("HEARTBEAT"))).toBe(true);
  });

  it("decodes packets with byte ranges inside the bytes, flaws included", async () => {
    const flawed = await desk.send("run.packets", { runId, offset: 0, limit: 1, filter: "malformed" });
    for (const packetId of [1, 5_000, flawed.rows[0]?.id ?? 0]) {
      const detail = await desk.send("run.packet", { runId, packetId });
      const length = detail.bytesHex.length / 2;
      expect(length).toBe(detail.row.lengthBytes);
      const visit = (nodes: typeof detail.tree, start: number, end: number): void => {
        for (const node of nodes) {
          expect(node.start).toBeGreaterThanOrEqual(start);
          expect(node.end).toBeLessThanOrEqual(end);
          visit(node.children, node.start, node.end);
        }
      };
      visit(detail.tree, 0, length);
    }
    expect(
      JSON.stringify(await desk.send("run.packet", { runId, packetId: flawed.rows[0]?.id ?? 0 })),
    ).toContain("flaw");
  });

  it("refuses what it does not have in one sentence", async () => {
    await expect(desk.send("run.open", { runId: "nope" })).rejects.toThrow("There is no run nope");
    await expect(desk.send("run.open", { runId: "demo-4" })).rejects.toThrow("damaged");
    await expect(desk.send("run.packet", { runId, packetId: 0 })).rejects.toThrow("no packet 0");
  });
});
