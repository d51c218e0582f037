import { describe, expect, it } from "vitest";
import type { Flush, TurnNews } from "../../agents/replica/policy/index.ts";
import { FlushTrigger, parseReplication } from "../../agents/replica/policy/index.ts";
import type { AssociationState, AssociationUpdate } from "../../agents/sctp/index.ts";
import { Endpoint, plainTerms, seededRandom, tsn } from "../../agents/sctp/index.ts";
import { endpointConfig } from "../sim/endpoints.ts";

const acked: AssociationUpdate = { kind: "cumAcked", tsn: tsn(1) };
const phase: AssociationUpdate = { kind: "phaseEntered", phase: "shutdown-pending" };
const queued: AssociationUpdate = {
  kind: "messageQueued",
  streamId: 0,
  ppid: 0,
  unordered: false,
  immediate: false,
  payload: new Uint8Array(1),
  terms: plainTerms,
};

const quiet: TurnNews = { updates: [], messagesDelivered: 0, pathChanged: false, stateOf: () => undefined };
/** A turn with these updates, ten bytes each. */
const turn = (updates: readonly AssociationUpdate[], more: Partial<TurnNews> = {}): TurnNews => ({
  ...quiet,
  updates: updates.map((update) => ({ association: 1, update, bytes: new Uint8Array(10) })),
  ...more,
});

function trigger(text: string): FlushTrigger {
  const parsed = parseReplication(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return new FlushTrigger(parsed.replication.policy);
}

const nothing: Flush = { kind: "nothing" };
const updates: Flush = { kind: "updates" };
const allStates: Flush = { kind: "states", associations: "all" };

describe("every update", () => {
  it("goes out in its turn, and is waited for", () => {
    const each = trigger("every-update");
    expect(each.excuses).toBe(false);
    expect(each.turn(turn([acked]), 0)).toEqual(updates);
    expect(each.turn(quiet, 1)).toEqual(nothing);
    expect(each.nextDeadlineMs()).toBeUndefined();
  });
});

describe("an interval", () => {
  it("counts from the first update that waits, and asks for no timer without one", () => {
    const each = trigger("interval:50ms");
    expect(each.excuses).toBe(true);
    expect(each.nextDeadlineMs()).toBeUndefined();
    expect(each.turn(turn([acked]), 1000)).toEqual(nothing);
    expect(each.turn(turn([acked, acked]), 1030)).toEqual(nothing);
    expect(each.lag).toEqual({ updates: 3, bytes: 30, sinceMs: 1000 });
    expect(each.nextDeadlineMs()).toBe(1050);
    expect(each.advance(1049)).toEqual(nothing);
    expect(each.advance(1050)).toEqual(updates);
    expect(each.nextDeadlineMs()).toBeUndefined();
    expect(each.lag).toEqual({ updates: 0, bytes: 0, sinceMs: undefined });
    expect(each.advance(5000)).toEqual(nothing);
  });

  it("lets structural updates take everything with them at once", () => {
    const each = trigger("interval:50ms");
    each.turn(turn([acked]), 0);
    expect(each.turn(turn([acked, phase]), 1)).toEqual(updates);
    expect(each.nextDeadlineMs()).toBeUndefined();
  });

  it("lets the operator's command go before, where anything waits", () => {
    const each = trigger("interval:50ms");
    expect(each.command()).toEqual(nothing);
    each.turn(turn([acked]), 0);
    expect(each.command()).toEqual(updates);
    expect(each.command()).toEqual(nothing);
  });

  it("does not keep more than a bounded amount", () => {
    const each = trigger("interval:3600s");
    const large = { association: 1, update: queued, bytes: new Uint8Array(100_000) };
    const news = { ...quiet, updates: [large] };
    const answers = Array.from({ length: 11 }, (_, index) => each.turn(news, index));
    expect(answers.map(({ kind }) => kind)).toEqual([...Array<string>(10).fill("nothing"), "updates"]);
  });

  it("has nothing to do once the holder lacks nothing", () => {
    const each = trigger("interval:50ms");
    each.turn(turn([acked]), 0);
    each.clear();
    expect(each.nextDeadlineMs()).toBeUndefined();
    expect(each.advance(100)).toEqual(nothing);
  });
});

describe("an event", () => {
  it("is a number of updates, bytes or messages since the last one", () => {
    for (const text of ["event:updates>=3", "event:bytes>29", "event:messages>2"]) {
      const each = trigger(text);
      for (const round of [1, 2]) {
        expect(each.turn(turn([queued]), round)).toEqual(nothing);
        expect(each.turn(turn([queued]), round)).toEqual(nothing);
        expect(each.turn(turn([queued]), round)).toEqual(updates);
      }
    }
    expect(trigger("event:messages>=2").turn(turn([queued], { messagesDelivered: 1 }), 0)).toEqual(updates);
  });

  it("is the end of a message in this very turn", () => {
    const each = trigger("event:updates>=2 && message-boundary");
    expect(each.turn(turn([queued]), 0)).toEqual(nothing);
    expect(each.turn(turn([acked]), 0)).toEqual(nothing);
    expect(each.turn(turn([acked], { messagesDelivered: 1 }), 0)).toEqual(updates);
  });

  it("is a path that changed since the last one", () => {
    const each = trigger("event:path-change && updates>=2");
    expect(each.turn(turn([], { pathChanged: true }), 0)).toEqual(nothing);
    expect(each.turn(turn([acked, acked]), 0)).toEqual(nothing);
    expect(each.turn(turn([], { pathChanged: true }), 0)).toEqual(updates);
    expect(each.turn(turn([acked], { pathChanged: true }), 0)).toEqual(nothing);
    expect(each.turn(turn([acked]), 0)).toEqual(updates);
  });

  it("is the operator's command, which goes before an event that says nothing of it", () => {
    const each = trigger("event:command && updates>=2");
    each.turn(turn([acked]), 0);
    expect(each.command()).toEqual(nothing);
    expect(each.turn(turn([acked]), 0)).toEqual(updates);
    expect(each.turn(turn([acked, acked, acked]), 0)).toEqual(nothing);
    expect(each.command()).toEqual(updates);
    const other = trigger("event:updates>=1000");
    other.turn(turn([acked]), 0);
    expect(other.command()).toEqual(updates);
  });

  it("is the way that the cumulative TSNs of both directions made, resets left out", () => {
    const state = liveState();
    const each = trigger("event:tsns>=5");
    const stateOf = (): AssociationState => state;
    state.receive.cumulativeTsn = tsn(0xfffffffe);
    state.send.cumulativeAck = tsn(100);
    expect(each.turn(turn([acked], { stateOf }), 0)).toEqual(nothing);
    state.receive.cumulativeTsn = tsn(1);
    state.send.cumulativeAck = tsn(101);
    expect(each.turn(turn([acked, acked], { stateOf }), 0)).toEqual(nothing);
    state.send.cumulativeAck = tsn(102);
    expect(each.turn(turn([acked], { stateOf }), 0)).toEqual(updates);
    state.receive.cumulativeTsn = tsn(70_000);
    const reset: AssociationUpdate = { kind: "tsnReset", cumulativeTsn: tsn(70_000) };
    expect(each.turn(turn([acked, reset, acked], { stateOf }), 0)).toEqual(updates);
    expect(each.turn(turn([acked], { stateOf }), 0)).toEqual(nothing);
    state.receive.cumulativeTsn = tsn(70_005);
    expect(each.turn(turn([acked], { stateOf }), 0)).toEqual(updates);
  });
});

describe("an impending failure", () => {
  it("is the only reason for whole states, once", () => {
    const each = trigger("impending-failure:once");
    expect([each.excuses, each.keepsUpdates]).toEqual([true, false]);
    expect(each.turn(turn([acked, queued]), 0)).toEqual(nothing);
    expect(each.nextDeadlineMs()).toBeUndefined();
    expect(each.failureImpends()).toEqual(allStates);
    expect(each.failureImpends()).toEqual(nothing);
    expect(each.turn(turn([acked]), 1)).toEqual(nothing);
    expect([each.excuses, each.keepsUpdates]).toEqual([true, false]);
  });

  it("goes on with every update where that is wanted", () => {
    const each = trigger("impending-failure:from-then-on");
    each.turn(turn([acked]), 0);
    expect(each.failureImpends()).toEqual(allStates);
    expect([each.excuses, each.keepsUpdates]).toEqual([false, true]);
    expect(each.turn(turn([acked]), 1)).toEqual(updates);
  });

  it("sends the state of an association with a structural update, since the updates before were not kept", () => {
    const each = trigger("impending-failure");
    each.turn(turn([acked]), 0);
    const news = {
      ...quiet,
      updates: [
        { association: 7, update: phase, bytes: new Uint8Array(3) },
        { association: 8, update: acked, bytes: new Uint8Array(3) },
      ],
    };
    expect(each.turn(news, 1)).toEqual({ kind: "states", associations: [7] });
    expect(each.command()).toEqual(allStates);
  });

  it("means nothing to the other policies", () => {
    const each = trigger("interval:50ms");
    each.turn(turn([acked]), 0);
    expect(each.failureImpends()).toEqual(nothing);
  });
});

describe("a change of policy", () => {
  const switched = (from: string, to: string): Flush => {
    const each = trigger(from);
    each.turn(turn([acked, acked]), 0);
    return each.setPolicy(trigger(to).policy);
  };

  it("judges what waits by the new one", () => {
    expect(switched("interval:50ms", "every-update")).toEqual(updates);
    expect(switched("interval:50ms", "event:updates>=2")).toEqual(updates);
    expect(switched("interval:50ms", "event:updates>=3")).toEqual(nothing);
    expect(switched("every-update", "interval:50ms")).toEqual(nothing);
  });

  it("wants whole states after a policy that kept no updates, and leaves none waiting before it", () => {
    expect(switched("impending-failure", "interval:50ms")).toEqual(allStates);
    expect(switched("impending-failure", "impending-failure:from-then-on")).toEqual(nothing);
    expect(switched("interval:50ms", "impending-failure")).toEqual(updates);
  });

  it("goes on with the time that has passed", () => {
    const each = trigger("interval:50ms");
    each.turn(turn([acked]), 1000);
    each.setPolicy({ kind: "interval", intervalMs: 20 });
    expect(each.nextDeadlineMs()).toBe(1020);
  });
});

/** The state of a real association. */
function liveState(): AssociationState {
  const ends = ["192.0.2.1", "192.0.2.2"].map(
    (address, index) => new Endpoint(endpointConfig([address], index === 1), seededRandom(index + 1)),
  );
  const handle = ends[0]?.connect("192.0.2.2", 7000, 0) ?? 0;
  for (let round = 0; round < 4; round++) {
    for (const [index, end] of ends.entries()) {
      for (const { bytes, local, remote } of end.takeOutputs().packets)
        ends[1 - index]?.receive(bytes, { local: remote, remote: local }, 0);
    }
  }
  const state = ends[0]?.state(handle);
  if (state === undefined) throw new Error("no association came up");
  return state;
}
