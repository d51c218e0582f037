import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CommitGate } from "../../agents/replica/commit-gate.ts";
import { isStructural } from "../../agents/replica/policy/index.ts";
import type { AssociationUpdate, Tsn } from "../../agents/sctp/index.ts";
import { tsn } from "../../agents/sctp/index.ts";
import { tsnAdd, tsnLess } from "../../agents/sctp/base/serial.ts";

const phase: AssociationUpdate = { kind: "phaseEntered", phase: "established" };
const acked: AssociationUpdate = { kind: "cumAcked", tsn: tsn(1) };
const assigned = (value: number): AssociationUpdate => ({
  kind: "tsnAssigned",
  tsn: tsn(value),
  streamId: 0,
  lengthBytes: 1,
});
const reset = (nextTsn: Tsn): AssociationUpdate => ({ kind: "outboundTsnReset", nextTsn });

/** A gate with one association whose first updates are `updates`, and which holds one packet for each of them. */
function gateWith(...updates: readonly AssociationUpdate[]): CommitGate<number> {
  const gate = new CommitGate<number>(false);
  gate.setRule({ excuses: true, solo: false });
  for (const [index, update] of updates.entries()) gate.note(1, index + 1, update);
  return gate;
}
const items = (gated: readonly { readonly item: number }[]): number[] => gated.map(({ item }) => item);
const submit = (gate: CommitGate<number>, dependsOn: number): number[] =>
  items(gate.submit({ association: 1, dependsOn, item: dependsOn }));

describe("the gate under an asynchronous policy", () => {
  it("waits for structural updates, and for nothing behind them but what depends on them", () => {
    const gate = gateWith(acked, phase, acked, acked);
    expect(submit(gate, 1)).toEqual([1]);
    expect(submit(gate, 2)).toEqual([]);
    expect(submit(gate, 4)).toEqual([]);
    expect(submit(gate, 3)).toEqual([]);
    expect(items(gate.acknowledge(1, 1))).toEqual([]);
    expect(items(gate.acknowledge(1, 2))).toEqual([2, 4, 3]);
    expect(submit(gate, 4)).toEqual([4]);
  });

  it("holds a TSN at the edge of the lease, until the next lease or the update itself is held", () => {
    const gate = gateWith(acked, assigned(10), assigned(11), assigned(12));
    expect(submit(gate, 2)).toEqual([]);
    gate.leaseWritten(1, tsn(12));
    expect(submit(gate, 3)).toEqual([]);
    expect(items(gate.leaseHeld(1, tsn(12)))).toEqual([2, 3]);
    expect(submit(gate, 4)).toEqual([]);
    expect(items(gate.acknowledge(1, 4))).toEqual([4]);
  });

  it("counts leases across the wrap of the TSN", () => {
    const gate = gateWith(acked, assigned(0xfffffffe), assigned(3), assigned(4));
    gate.leaseWritten(1, tsn(4));
    gate.leaseHeld(1, tsn(4));
    expect([2, 3, 4].map((each) => submit(gate, each))).toEqual([[2], [3], []]);
  });

  it("says when the next lease is due: at less than half a block", () => {
    const gate = gateWith(acked);
    expect(gate.leaseDue(1, tsn(0xfffffff0), 100)).toBe(true);
    gate.leaseWritten(1, tsnAdd(tsn(0xfffffff0), 100));
    expect(gate.leaseDue(1, tsnAdd(tsn(0xfffffff0), 50), 100)).toBe(false);
    expect(gate.leaseDue(1, tsnAdd(tsn(0xfffffff0), 51), 100)).toBe(true);
  });

  it("takes no lease that nobody wrote, or that is older than a reset of the TSNs", () => {
    const gate = gateWith(acked, assigned(10));
    expect(gate.leaseHeld(1, tsn(1000))).toEqual([]);
    expect(submit(gate, 2)).toEqual([]);
    gate.leaseWritten(1, tsn(1000));
    gate.note(1, 3, reset(tsn(500)));
    gate.note(1, 4, assigned(500));
    gate.acknowledge(1, 3);
    expect(gate.leaseHeld(1, tsn(1000))).toEqual([]);
    expect(submit(gate, 4)).toEqual([]);
    gate.leaseWritten(1, tsn(600));
    expect(items(gate.leaseHeld(1, tsn(600)))).toEqual([4]);
  });

  it("releases or keeps on a change of policy exactly what the new rule says", () => {
    const gate = gateWith(acked, assigned(10), acked);
    gate.setRule({ excuses: false, solo: false });
    expect([1, 2, 3].map((each) => submit(gate, each))).toEqual([[], [], []]);
    expect(items(gate.acknowledge(1, 2))).toEqual([1, 2]);
    gate.note(1, 4, acked);
    expect(submit(gate, 4)).toEqual([]);
    expect(items(gate.acknowledge(1, 3))).toEqual([3]);
    expect(items(gate.setRule({ excuses: true, solo: false }))).toEqual([4]);
    gate.setRule({ excuses: false, solo: false });
    expect(submit(gate, 4)).toEqual([]);
    expect(items(gate.setRule({ excuses: false, solo: true }))).toEqual([4]);
    expect(gate.waiting).toBe(0);
  });

  it("takes what was leased before a stricter policy for nothing that the holder knows of", () => {
    const gate = gateWith(acked, assigned(10));
    gate.leaseWritten(1, tsn(1000));
    gate.leaseHeld(1, tsn(1000));
    expect(submit(gate, 2)).toEqual([2]);
    gate.setRule({ excuses: false, solo: false });
    gate.setRule({ excuses: true, solo: false });
    gate.note(1, 3, assigned(11));
    expect([2, 3].map((each) => submit(gate, each))).toEqual([[], []]);
    expect(gate.leaseDue(1, tsn(12), 512)).toBe(true);
    // The answer to the lease from before is late.
    expect(gate.leaseHeld(1, tsn(1000))).toEqual([]);
    expect(items(gate.acknowledge(1, 2))).toEqual([2]);
    gate.leaseWritten(1, tsn(524));
    expect(items(gate.leaseHeld(1, tsn(524)))).toEqual([3]);
  });

  it("wants a whole state held after it went alone, of what it made meanwhile too", () => {
    const gate = gateWith(phase, acked);
    gate.acknowledge(1, 2);
    gate.holderLost();
    gate.setRule({ excuses: true, solo: true });
    gate.note(1, 3, acked);
    expect(submit(gate, 3)).toEqual([3]);
    gate.setRule({ excuses: true, solo: false });
    gate.note(1, 4, acked);
    expect([2, 3, 4].map((each) => submit(gate, each))).toEqual([[], [], []]);
    expect(items(gate.acknowledge(1, 2))).toEqual([2]);
    expect(items(gate.acknowledge(1, 3))).toEqual([3, 4]);
  });

  it("wants what was there before it began to be held as a whole", () => {
    const gate = new CommitGate<number>(false);
    gate.setRule({ excuses: true, solo: false });
    gate.note(1, 70, acked);
    expect(submit(gate, 70)).toEqual([]);
    expect(submit(gate, 3)).toEqual([]);
    expect(items(gate.acknowledge(1, 69))).toEqual([70, 3]);
  });

  it("forgets an association that ended, at once where it is alone", () => {
    const gate = gateWith(phase, acked);
    submit(gate, 1);
    expect(gate.waiting).toBe(1);
    gate.forget(1);
    expect(gate.waiting).toBe(0);
    expect(gate.heldUpTo(1)).toBe(0);
    gate.acknowledge(1, 5);
    gate.setRule({ excuses: true, solo: true });
    gate.note(1, 6, { kind: "phaseEntered", phase: "closed" });
    expect(gate.heldUpTo(1)).toBe(0);
    expect(submit(gate, 6)).toEqual([6]);
  });
});

describe("the gate", () => {
  it("agrees with a plain list that is looked through each time", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100, size: "max" }), (actions) => {
        const gate = new CommitGate<number>(false);
        const model = new PlainGate();
        for (const [index, each] of actions.entries()) {
          expect(items(act(gate, each, model, index))).toEqual(items(actOnModel(model, each, index)));
          expect(gate.waiting).toBe(model.waiting.length);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

type Action =
  | { readonly what: "note"; readonly association: number; readonly update: "phase" | "acked" | "assigned" }
  | { readonly what: "submit"; readonly association: number; readonly back: number }
  | { readonly what: "ack"; readonly association: number; readonly back: number }
  | { readonly what: "lease"; readonly association: number; readonly more: number }
  | { readonly what: "rule"; readonly excuses: boolean; readonly solo: boolean }
  | { readonly what: "lost" };

const association = fc.integer({ min: 1, max: 3 });
const few = fc.integer({ min: 0, max: 6 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant("note" as const),
      association,
      update: fc.constantFrom("phase", "acked", "assigned"),
    }),
  },
  { weight: 6, arbitrary: fc.record({ what: fc.constant("submit" as const), association, back: few }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant("ack" as const), association, back: few }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant("lease" as const), association, more: few }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant("rule" as const), excuses: fc.boolean(), solo: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant({ what: "lost" as const }) },
);

const nextTsns = new WeakMap<PlainGate, Map<number, number>>();

function nextTsn(model: PlainGate, of: number): number {
  const tsns = nextTsns.get(model) ?? new Map<number, number>();
  nextTsns.set(model, tsns);
  return tsns.get(of) ?? 0xfffffffa;
}

/** Does it to the gate; the model still stands before the action. */
function act(gate: CommitGate<number>, each: Action, model: PlainGate, item: number) {
  switch (each.what) {
    case "note":
      gate.note(each.association, model.made(each.association) + 1, updateOf(each, model));
      return [];
    case "submit":
      return gate.submit({
        association: each.association,
        dependsOn: Math.max(0, model.made(each.association) - each.back),
        item,
      });
    case "ack":
      return gate.acknowledge(each.association, Math.max(0, model.made(each.association) - each.back));
    case "lease": {
      const limit = tsn(nextTsn(model, each.association) + each.more);
      gate.leaseWritten(each.association, limit);
      return gate.leaseHeld(each.association, limit);
    }
    case "rule":
      return gate.setRule(each);
    case "lost":
      gate.holderLost();
      return [];
    default:
      throw new Error("no such action");
  }
}

function updateOf(each: Extract<Action, { what: "note" }>, model: PlainGate): AssociationUpdate {
  if (each.update === "assigned") return assigned(nextTsn(model, each.association));
  return each.update === "phase" ? phase : acked;
}

function actOnModel(model: PlainGate, each: Action, item: number) {
  switch (each.what) {
    case "note":
      model.note(each.association, updateOf(each, model));
      if (each.update === "assigned") {
        nextTsns.get(model)?.set(each.association, nextTsn(model, each.association) + 1);
      }
      return [];
    case "submit":
      model.waiting.push({
        association: each.association,
        dependsOn: Math.max(0, model.made(each.association) - each.back),
        item,
      });
      return model.release((gated) => gated.item === item);
    case "ack":
      model.held.set(
        each.association,
        Math.max(model.heldUpTo(each.association), model.made(each.association) - each.back),
      );
      return model.release();
    case "lease":
      model.limits.set(each.association, tsn(nextTsn(model, each.association) + each.more));
      return model.release();
    case "rule":
      if (model.rule.solo && !each.solo) model.demandEverything();
      if (model.rule.excuses && !each.excuses) {
        model.limits.clear();
        model.demandEverything();
      }
      model.rule = each;
      return model.release();
    case "lost":
      model.held.clear();
      model.limits.clear();
      model.demandEverything();
      return [];
    default:
      throw new Error("no such action");
  }
}

interface Thing {
  readonly association: number;
  readonly dependsOn: number;
  readonly item: number;
}

/** The rule of release, written down as it is said. */
class PlainGate {
  readonly updates: Map<number, AssociationUpdate[]> = new Map<number, AssociationUpdate[]>();
  readonly held: Map<number, number> = new Map<number, number>();
  readonly limits: Map<number, Tsn> = new Map<number, Tsn>();
  /** Up to here updates count only as a whole, whatever the policy excuses. */
  readonly wholeUpTo: Map<number, number> = new Map<number, number>();
  waiting: Thing[] = [];
  rule: { readonly excuses: boolean; readonly solo: boolean } = { excuses: false, solo: false };

  made(of: number): number {
    return this.updates.get(of)?.length ?? 0;
  }

  heldUpTo(of: number): number {
    return this.held.get(of) ?? 0;
  }

  note(of: number, update: AssociationUpdate): void {
    this.updates.set(of, [...(this.updates.get(of) ?? []), update]);
  }

  demandEverything(): void {
    for (const of of this.updates.keys()) this.wholeUpTo.set(of, this.made(of));
  }

  #covers(of: number, sequence: number): boolean {
    if (this.rule.solo || sequence <= this.heldUpTo(of)) return true;
    if (!this.rule.excuses) return false;
    const whole = this.wholeUpTo.get(of) ?? 0;
    if (sequence <= whole) return this.heldUpTo(of) >= whole;
    const update = this.updates.get(of)?.[sequence - 1];
    if (update?.kind !== "tsnAssigned") return update !== undefined && !isStructural(update);
    const limit = this.limits.get(of);
    return limit !== undefined && tsnLess(update.tsn, limit);
  }

  release(among: (thing: Thing) => boolean = () => true): Thing[] {
    const free = (thing: Thing): boolean =>
      among(thing) &&
      Array.from({ length: thing.dependsOn }, (_, index) => index + 1).every((sequence) =>
        this.#covers(thing.association, sequence),
      );
    const released = this.waiting.filter(free);
    this.waiting = this.waiting.filter((thing) => !released.includes(thing));
    return released;
  }
}
