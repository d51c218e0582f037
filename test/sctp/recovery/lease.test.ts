import { expect, it } from "vitest";
import { cloneAssociationState, tsn, writeLease } from "../../../agents/sctp/index.ts";
import { Pair } from "../pair.ts";

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
