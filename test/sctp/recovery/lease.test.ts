import { expect, it } from "vitest";
import { cloneAssociationState, tsn, writeLease } from "../../../agents/sctp/index.ts";
import { quietNetwork } from "../../sim/network.ts";
import { Pair } from "../pair.ts";
import { StaleTakeover } from "./stale-takeover.ts";

it("a lease names the TSNs that may be used, across the wrap, and what each stream has used", () => {
  const pair = new Pair();
  pair.send(pair.server, 100, { streamId: 3 });
  pair.send(pair.server, 100, { streamId: 3 });
  pair.drain();
  const state = cloneAssociationState(pair.server.endpoint.state(pair.server.handle ?? 0)!);
  const acked = state.send.cumulativeAck;
  expect(writeLease(state, 64)).toEqual({
    ackedTsn: acked,
    nextTsn: tsn(acked + 3),
    limitTsn: tsn(acked + 67),
    streams: [{ streamId: 3, nextSsn: 2, nextUnorderedMid: 0 }],
  });
  state.send.nextTsn = tsn(0xffff_fff0);
  expect(writeLease(state, 64).limitTsn).toBe(0x30);
});

it("who goes on reports also what an instance before it gave up and died before it could say so", () => {
  const stage = new StaleTakeover({ seed: 11, extensions: { partialReliability: true } });
  stage.world.network.faults = { ...quietNetwork, loss: 1 };
  stage.send(stage.a);
  const lost = stage.sentByA.messages.at(-1)?.tsns ?? [];
  const b = stage.takeOver(stage.turns.length, 0);
  // The peer does not answer the probe.
  stage.world.run(200);
  expect(stage.reports("outbound")).toEqual([]);
  stage.takeOverAgain(b, { lag: { lease: writeLease(stage.stateOf(b), 16) } });
  stage.world.network.faults = quietNetwork;
  stage.world.run(3000);
  expect(stage.toPeer()).toEqual([]);
  expect(lost).toHaveLength(1);
  expect(stage.isReported("outbound", lost)).toBe(true);
});
