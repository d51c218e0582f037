import { expect, it } from "vitest";
import type { ReplicationPolicy } from "../../agents/replica/policy/index.ts";
import type { Gated } from "../../agents/replica/commit-gate.ts";
import { HeldStates } from "../../agents/replica/index.ts";
import type { ClusterFrame } from "../../agents/replica/frames.ts";
import { StandbyInstance } from "../../agents/replica/standby.ts";
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
  /** The place behind the first update of this kind from `first` on. */
  const behind = (kind: string, first: number): number => {
    const at = life.findIndex(({ update }, index) => index >= first && update.kind === kind);
    expect(at).toBeGreaterThan(0);
    return at + 1;
  };
  const heldUpTo = () => new Map([...source.states()].map(([each, { sequence }]) => [each, sequence]));
  return { life, source, replicator, make, state, sack, behind, heldUpTo };
}

/** A holder at the other end of a link that keeps the order; each call is one way of it. */
function holder(replicator: Replicator<string>) {
  const standby = new StandbyInstance({ epoch: 1, beatIntervalMs: 10, takeoverAfterMs: 200 });
  let answers: ClusterFrame[] = [];
  const read = (): void => {
    for (const frame of replicator.takeFrames()) answers.push(...standby.hold(frame, 0));
  };
  const answer = (): void => {
    const said = answers;
    answers = [];
    for (const frame of said) replicator.receiveFrame(frame, 0);
  };
  return {
    held: standby.held,
    read,
    answer,
    settle(): void {
      for (let trip = 0; trip < 4; trip++) {
        read();
        answer();
      }
    },
  };
}

const strict: ReplicationPolicy = { kind: "every-update" };
const seldom: ReplicationPolicy = { kind: "interval", intervalMs: 1000 };

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
  const { life, replicator, make, sack, heldUpTo } = stage({ kind: "interval", intervalMs: 50 });
  make(0, 20);
  replicator.holderHasAll(heldUpTo());
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

it("a holder that has all from the start has nothing of what was made by going on from that", () => {
  const { life, source, replicator, make, sack, heldUpTo } = stage(strict);
  source.hold(life.slice(0, 20));
  const has = heldUpTo();
  source.hold(life.slice(20, 22));
  replicator.holderHasAll(has);
  make(20, 24);
  expect([20, 21, 22].map((sequence) => replicator.submit(sack(sequence)).length)).toEqual([1, 0, 0]);
});

it("a TSN leaves before it is held only where the holder has a lease now, whatever it had under a policy before", () => {
  const { replicator, make, state, sack, behind } = stage(seldom);
  const { held, settle } = holder(replicator);
  const known = behind("tsnAssigned", 0);
  make(0, known);
  replicator.holderUp(0);
  settle();
  const leased = behind("tsnAssigned", known);
  make(known, leased);
  settle();
  const { association } = sack(0);
  expect(held.lease(association)).toBeDefined();
  for (const policy of [strict, seldom]) {
    replicator.setPolicy(policy, 0);
    settle();
  }
  make(leased, behind("tsnAssigned", leased));
  settle();
  const data = sack(state(association)?.sequence ?? 0);
  expect(data.dependsOn).toBeGreaterThan(held.state(association)?.sequence ?? 0);
  expect(replicator.submit(data)).toEqual([data]);
  expect(held.lease(association)?.limitTsn).toBeGreaterThan(state(association)?.send.nextTsn ?? 0);
});

it("what got a TSN while the policy became laxer does not wait for anything else to happen", () => {
  const { life, replicator, make, sack, behind } = stage(strict);
  const { settle } = holder(replicator);
  const known = behind("tsnAssigned", 0);
  make(0, known);
  replicator.holderUp(0);
  settle();
  replicator.setPolicy(seldom, 0);
  const next = behind("tsnAssigned", known);
  make(known, next);
  const data = sack(life[next - 1]?.sequence ?? 0);
  expect(replicator.submit(data)).toEqual([]);
  settle();
  expect(replicator.takeReleased()).toEqual([data]);
});

it("the holder's answer to an older word about the policy is none to the last one", () => {
  const { replicator, make, sack, behind } = stage(strict);
  const { held, read, answer, settle } = holder(replicator);
  const known = behind("dataDelivered", 0);
  make(0, known);
  replicator.holderUp(0);
  settle();
  replicator.setPolicy(seldom, 0);
  read();
  replicator.setPolicy(strict, 0);
  replicator.setPolicy(seldom, 0);
  const next = behind("dataDelivered", known);
  make(known, next);
  const waits = sack(next);
  expect(replicator.submit(waits)).toEqual([]);
  // To the first word: what the holder reads next is that nothing is excused.
  answer();
  expect(replicator.takeReleased()).toEqual([]);
  settle();
  expect(held.mayLag).toBe(true);
  expect(replicator.takeReleased()).toEqual([waits]);
});

it("a holder that cannot be told of a laxer policy is waited for as before", () => {
  const { replicator, make, sack, behind } = stage(strict);
  const { held, settle } = holder(replicator);
  const known = behind("dataDelivered", 0);
  make(0, known);
  replicator.holderUp(0);
  settle();
  replicator.holderDown();
  replicator.setPolicy(seldom, 0);
  const next = behind("messageQueued", known);
  make(known, next);
  const waits = sack(next);
  expect(replicator.submit(waits)).toEqual([]);
  expect(held.mayLag).toBe(false);
  replicator.holderUp(0);
  settle();
  expect(held.mayLag).toBe(true);
  expect(replicator.takeReleased()).toEqual([waits]);
});

it("a stricter policy reaches a holder that was told of a laxer one, also where that never came into force", () => {
  const { replicator, make, behind } = stage(strict);
  const { held, settle } = holder(replicator);
  make(0, behind("dataDelivered", 0));
  replicator.holderUp(0);
  settle();
  replicator.setPolicy(seldom, 0);
  replicator.setPolicy(strict, 0);
  settle();
  expect(held.mayLag).toBe(false);
});
