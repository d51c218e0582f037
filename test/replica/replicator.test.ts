import { expect, it } from "vitest";
import type { ReplicationPolicy } from "../../agents/replica/policy/index.ts";
import type { Gated } from "../../agents/replica/commit-gate.ts";
import { HeldStates } from "../../agents/replica/index.ts";
import { Replicator } from "../../agents/replica/replicator.ts";
import { associationLife } from "../support/association-life.ts";

const quiet = { messagesDelivered: 0, pathChanged: false };

/** A primary's side of replication, over what it has made of an association so far. */
function stage(policy: ReplicationPolicy) {
  const life = associationLife();
  const source = new HeldStates();
  const associations = (): Iterable<number> => source.states().keys();
  const state = (association: number) => source.states().get(association);
  const replicator = new Replicator<string>({ epoch: 1, policy, source: { associations, state } });
  const make = (first: number, last: number): void => {
    const updates = life.slice(first, last);
    source.hold(updates);
    replicator.publish({ updates, ...quiet }, 0);
  };
  const sack = (sequence: number): Gated<string> => {
    return { association: life[0]?.association ?? 0, dependsOn: sequence, item: "SACK" };
  };
  return { life, replicator, make, state, sack };
}

it("a holder that gets whole states only gets new ones after the primary was alone", () => {
  const { replicator, make, state, sack } = stage({ kind: "impending-failure", afterwards: "once" });
  make(0, 20);
  replicator.holderUp(0);
  expect(replicator.takeFrames().map(({ kind }) => kind)).toContain("synced");
  // The states were not acknowledged yet.
  replicator.goAlone();
  make(20, 30);
  // The holder answers again.
  if (!replicator.isSynchronising) replicator.holderUp(0);
  for (const frame of replicator.takeFrames()) {
    if (frame.kind !== "state") continue;
    const { association } = frame;
    const sequence = state(association)?.sequence ?? 0;
    replicator.receiveFrame({ kind: "held", epoch: 1, association, sequence }, 0);
  }
  expect(replicator.isCurrent).toBe(true);
  const waits = sack(state(sack(0).association)?.sequence ?? 0);
  expect(replicator.submit(waits)).toEqual([waits]);
});

it("a holder that has all from the start is told of a lax policy before anything leaves without it", () => {
  const { life, replicator, make, sack } = stage({ kind: "interval", intervalMs: 50 });
  make(0, 20);
  replicator.holderHasAll();
  expect(replicator.takeFrames()).toContainEqual({ kind: "policy", epoch: 1, excuses: true });
  const received = life.findIndex(({ update }, at) => at > 20 && update.kind === "dataDelivered");
  make(20, received + 1);
  const waits = sack(life[received]?.sequence ?? 0);
  expect(replicator.submit(waits)).toEqual([]);
  for (const { association, sequence } of life.slice(0, received))
    replicator.receiveFrame({ kind: "held", epoch: 1, association, sequence }, 0);
  expect(replicator.takeReleased()).toEqual([]);
  replicator.receiveFrame({ kind: "policy", epoch: 1, excuses: true }, 0);
  expect(replicator.takeReleased()).toEqual([waits]);
});
