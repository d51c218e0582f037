import { describe, expect, it } from "vitest";
import type { TakeoverFacts } from "../../agents/replica/takeover-decision.ts";
import { TakeoverDecision } from "../../agents/replica/takeover-decision.ts";

const patienceMs = 100;
const silent: TakeoverFacts = {
  epoch: 1,
  isCurrent: true,
  suspicion: { reason: "silence", text: "" },
  openHandover: undefined,
  keeperIsUp: true,
};
const claim = [{ kind: "claim", epoch: 2 }];

const withWitness = (): TakeoverDecision =>
  new TakeoverDecision({ fencing: "prefer-availability", keeper: "witness", patienceMs });

describe("a claim", () => {
  it("that nobody answers is made again, each time after the same patience", () => {
    const decision = withWitness();
    for (let nowMs = 0; nowMs < 1000; nowMs += patienceMs) {
      decision.decide(silent, nowMs);
      expect(decision.takeFrames()).toEqual(claim);
      expect(decision.nextDeadlineMs()).toBe(nowMs + patienceMs);
      decision.decide(silent, nowMs + patienceMs - 1);
      expect(decision.takeFrames()).toEqual([]);
    }
  });

  it.each([
    [0, patienceMs],
    [0.2, 1],
    [30, 30],
  ])("that is denied for %d ms is made again after %d ms", (retryAfterMs, waitMs) => {
    const decision = withWitness();
    decision.decide(silent, 0);
    expect(decision.takeFrames()).toEqual(claim);
    decision.denied(retryAfterMs, 10);
    decision.decide(silent, 10);
    expect(decision.nextDeadlineMs()).toBe(10 + waitMs);
    decision.decide(silent, 10 + waitMs - 0.5);
    expect(decision.takeFrames()).toEqual([]);
    decision.decide(silent, 10 + waitMs);
    expect(decision.takeFrames()).toEqual(claim);
  });

  it.each<[string, Partial<TakeoverFacts>]>([
    ["there is no keeper to ask", { keeperIsUp: false }],
    ["there is nothing to go on from", { isCurrent: false }],
    ["the primary is heard", { suspicion: undefined }],
  ])("that was denied is due no more while %s", (_, facts) => {
    const decision = withWitness();
    decision.decide(silent, 0);
    decision.denied(30, 10);
    decision.decide({ ...silent, ...facts }, 20);
    expect(decision.nextDeadlineMs()).toBe(undefined);
  });
});
