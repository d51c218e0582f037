import { describe, expect, it } from "vitest";
import type { AssociationState, ReceivedChunk } from "../../agents/sctp/index.ts";
import { Endpoint, applyUpdate, cloneAssociationState, seededRandom, tsn } from "../../agents/sctp/index.ts";
import { Stage } from "../fuzz/stage.ts";
import type { StagePhase } from "../fuzz/stage.ts";

function copyIn(phase: StagePhase): { state: AssociationState; stage: Stage } {
  const stage = new Stage(phase);
  const state = stage.server.endpoint.state(stage.server.handle ?? 0);
  if (state === undefined) throw new Error("there is no association");
  return { state: cloneAssociationState(state), stage };
}

function resumed(state: AssociationState, stage: Stage): Endpoint {
  const endpoint = new Endpoint(stage.server.config, seededRandom(9));
  endpoint.resume(state, stage.world.nowMs);
  return endpoint;
}

describe("an association that goes on elsewhere", () => {
  it("delivers what was received whole and not delivered", () => {
    const { state, stage } = copyIn("established");
    const next = state.receive.cumulativeTsn;
    const chunk = (ahead: number, fields: Partial<ReceivedChunk>): ReceivedChunk => ({
      tsn: tsn(next + ahead),
      streamId: 7,
      ssn: 0,
      fsn: 0,
      ppid: 0,
      unordered: false,
      beginning: true,
      ending: true,
      payload: new Uint8Array([ahead]),
      ...fields,
    });
    const chunks = [
      chunk(1, { unordered: true }),
      chunk(2, { ending: false }),
      chunk(3, { beginning: false }),
      chunk(4, { ssn: 1 }),
      chunk(5, { ssn: 2, ending: false }),
    ];
    state.receive.buffered.clear();
    for (const each of chunks) applyUpdate(state, { kind: "dataReceived", chunk: each });
    const { deliveries } = resumed(state, stage).takeOutputs();
    expect(deliveries.map(({ payload }) => [...payload])).toEqual([[1], [2, 3], [4]]);
    expect(state.receive.buffered.size).toBe(1);
  });

  it.each(["shutdown-sent", "shutdown-ack-sent"] as const)("repeats its last word in %s at once", (phase) => {
    const { stage } = copyIn("established");
    const first = phase === "shutdown-sent" ? stage.server : stage.client;
    stage.world.run(500);
    first.endpoint.shutdown(first.handle ?? 0, stage.world.nowMs);
    stage.world.drain(first);
    const handle = stage.server.handle ?? 0;
    stage.world.run(5, () => stage.server.endpoint.state(handle)?.phase === phase);
    const state = stage.server.endpoint.state(handle);
    if (state?.phase !== phase) throw new Error(`the association is not in ${phase}`);
    const endpoint = resumed(cloneAssociationState(state), stage);
    const reasons = endpoint.takeOutputs().packets.map(({ reason }) => reason);
    expect(reasons).toContain("shutdown");
    // T5 bounds the shutdown whoever runs it (RFC 9260 section 9.2).
    const timers = endpoint.snapshot().associations[0]?.deadlines.map(([name]) => name) ?? [];
    expect(timers).toContain("t2-shutdown");
    expect(timers.includes("t5-guard")).toBe(phase === "shutdown-sent");
  });
});
