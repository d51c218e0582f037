import { describe, expect, it } from "vitest";
import type { History } from "../../captures/verdict/history.ts";
import { stateAt } from "../../main/replay/index.ts";
import { ClusterWorld } from "../sim/cluster.ts";
import { quietNetwork } from "../sim/network.ts";

/** A recorded history out of a simulated run, packets left out. */
function historyOf(world: ClusterWorld): History {
  const updates = world.records.flatMap((record) =>
    record.kind === "update" && record.host !== "peer"
      ? [{ ...record, bytes: Buffer.from(record.bytes).toString("base64") }]
      : [],
  );
  const events = world.records.flatMap((record) => (record.kind === "event" ? [record] : []));
  const rest = {
    hosts: [],
    captures: [],
    packets: [],
    acked: [],
    sent: [],
    messages: [],
    faults: [],
    totals: [],
  };
  return { ...rest, updates, events };
}

function run(): { world: ClusterWorld; history: History; killedAtUs: number } {
  const world = new ClusterWorld(11, quietNetwork, 2);
  world.run(1000);
  const load = { ratePerSecond: 800, sizeBytes: 100, streams: 4 };
  world.a?.active?.startLoad(load, world.nowMs);
  world.peer.startLoad(load, world.nowMs);
  world.run(4000);
  const killedAtUs = world.nowMs * 1000;
  world.killPrimary();
  world.run(500);
  return { world, history: historyOf(world), killedAtUs };
}

const field = (at: ReturnType<typeof stateAt>, name: string) => at.rows.find((row) => row.field === name);

describe("the association state at an instant", () => {
  const { world, history, killedAtUs } = run();
  const source = { history: () => history };

  it("is empty before the association and full after it", () => {
    const before = stateAt(source, 0);
    expect(field(before, "phase")).toMatchObject({ a: null, b: null });
    const during = stateAt(source, killedAtUs);
    expect(field(during, "phase")).toMatchObject({ a: "established", b: "established", severity: "same" });
    expect(during.aSequence).toBeGreaterThan(5000);
  });

  it("shows B behind A by what is on the link, and says what that would cost", () => {
    // While updates are under way A has more than B.
    const made = history.updates.find((update) => update.act === "made" && update.change === "tsnAssigned");
    const at = stateAt(source, made?.at ?? 0);
    expect(at.aSequence).toBeGreaterThan(at.bSequence);
    // Without packets nobody knows what the peer saw, so the worst is assumed; what never left is harmless.
    expect(field(at, "next TSN")).toMatchObject({ severity: "breaks-association" });
    const queued = history.updates.find(
      (update) => update.act === "made" && update.change === "messageQueued",
    );
    expect(field(stateAt(source, queued?.at ?? 0), "queued")?.severity).not.toBe("breaks-association");
  });

  it("calls the dead primary's older copy harmless", () => {
    const { rows } = stateAt(source, world.nowMs * 1000 + 1);
    const severities = new Set(rows.map((row) => row.severity));
    expect([...severities].toSorted()).toEqual(["harmless", "same"]);
  });

  it("is the same for every instant whether asked in order or at random", () => {
    const instants = Array.from({ length: 40 }, (_, index) => killedAtUs - index * 97_001);
    const forward = instants.map((atUs) => stateAt(source, atUs));
    const other = { history: () => history };
    const backward = instants.toReversed().map((atUs) => stateAt(other, atUs));
    expect(backward.toReversed()).toEqual(forward);
  });

  it("ends with what the instance on B really had", () => {
    const at = stateAt(source, world.nowMs * 1000 + 1);
    const last = history.updates.findLast((update) => update.host === "b");
    expect(at.bSequence).toBe(last?.sequence);
    expect(at.bSequence).toBeGreaterThan(at.aSequence);
  });
});
