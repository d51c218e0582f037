import { describe, expect, it } from "vitest";
import type { FencingMode } from "../../agents/replica/index.ts";
import { StandbyInstance } from "../../agents/replica/index.ts";
import { TakeoverDecision } from "../../agents/replica/takeover-decision.ts";
import { addressA, addressPeer } from "../sim/cluster.ts";
import { Duo } from "./duo.ts";
import { timing } from "./members.ts";

/** A has said that B is the primary, and B has not read it. */
function handedOver(fencing: FencingMode): Duo {
  const duo = new Duo(fencing);
  expect(duo.members.a.handOver(duo.nowMs)).toBe(undefined);
  expect(duo.run(50, () => duo.members.a.role === "standby")).toBe(true);
  expect(duo.members.b).toMatchObject({ role: "standby", epoch: 1 });
  duo.hold("b");
  return duo;
}

describe("a handover", () => {
  it("is not said to a standby that does not show that it is there", () => {
    const duo = new Duo("keep-primary");
    duo.hold("b");
    expect(duo.members.a.handOver(duo.nowMs)).toBe(undefined);
    duo.run(timing.takeoverAfterMs - 20);
    expect(duo.members.a).toMatchObject({ role: "primary", epoch: 1 });
    expect(duo.members.a.handOver(duo.nowMs)).toContain("under way already");
    duo.run(40);
    expect(duo.members.a.handOver(duo.nowMs)).not.toContain("under way already");
  });

  it("is broken off when the keeper, which has to agree, goes away meanwhile", () => {
    const duo = new Duo("prefer-availability", "witness");
    const { a } = duo.members;
    a.linkUp("keeper", duo.nowMs);
    duo.hold("b");
    expect(a.handOver(duo.nowMs)).toBe(undefined);
    expect(a.handOver(duo.nowMs)).toContain("under way already");
    a.linkDown("keeper", false, duo.nowMs);
    expect(a.handOver(duo.nowMs)).toContain("the keeper");
  });

  it("that was not read leaves the other one to take over from the silence, and it alone", () => {
    const duo = handedOver("prefer-availability");
    const hasTaken = (): boolean => duo.primaries.includes("b");
    expect(duo.run(2 * timing.takeoverAfterMs, hasTaken)).toBe(true);
    expect(duo.members.b.epoch).toBe(2);
    duo.hold("a");
    duo.run(10 * timing.takeoverAfterMs);
    expect(duo.primaries).toEqual(["b"]);
  });

  it("that was read too late makes the other one's standby of whoever handed over", () => {
    const duo = handedOver("prefer-availability");
    duo.run(2 * timing.takeoverAfterMs, () => duo.primaries.includes("b"));
    duo.letThrough("b");
    duo.run(50);
    expect(duo.primaries).toEqual(["b"]);
    expect(duo.members.a.standby?.isCurrent).toBe(true);
    expect(duo.members.b.handOver(duo.nowMs)).toBe(undefined);
    expect(duo.run(50, () => duo.primaries.includes("a"))).toBe(true);
  });

  it("whose word is lost with its link leaves the one as primary that is to be kept", () => {
    const duo = handedOver("keep-primary");
    duo.breakLink();
    duo.run(10 * timing.takeoverAfterMs);
    expect(duo.primaries).toEqual([]);
    duo.connect();
    expect(duo.run(50, () => duo.primaries.includes("a"))).toBe(true);
    duo.run(timing.takeoverAfterMs);
    expect(duo.primaries).toEqual(["a"]);
    expect(duo.members.b.standby?.isCurrent).toBe(true);
  });

  it.each([1, 2, 3])("whose word is lost with %i links after another is of no avail only", (links) => {
    const duo = handedOver("prefer-availability");
    for (let count = 0; count < links; count++) {
      duo.breakLink();
      duo.run(10);
      duo.connect();
      // Each reads the other's greeting, and no more.
      duo.run(3);
      expect(duo.primaries).toEqual([]);
    }
    for (let passedOnMs = 0; passedOnMs < 2 * timing.takeoverAfterMs; passedOnMs += 10) {
      // Whatever it passes on, it is no primary.
      const route = { local: addressA, remote: addressPeer };
      duo.members.a.receive({ bytes: new Uint8Array(20), route, congestionExperienced: false }, duo.nowMs);
      duo.run(10);
    }
    expect(duo.primaries).toEqual(["b"]);
    expect(duo.members.a.standby?.isCurrent).toBe(true);
  });

  it("that was answered lets whoever handed over take over from a silence again", () => {
    const duo = new Duo("prefer-availability");
    duo.members.a.handOver(duo.nowMs);
    expect(duo.run(50, () => duo.primaries.includes("b"))).toBe(true);
    duo.run(20);
    duo.hold("a");
    duo.hold("b");
    expect(duo.run(2 * timing.takeoverAfterMs, () => duo.primaries.includes("a"))).toBe(true);
  });
});

describe("whoever handed over to a member that never read it", () => {
  it("asks the witness before it goes on: the other member can ask too", () => {
    const facts = {
      epoch: 2,
      isCurrent: true,
      suspicion: { reason: "silence", text: "" },
      openHandover: "untold",
      keeperIsUp: false,
    } as const;
    const options = { fencing: "prefer-availability", keeper: "witness", patienceMs: 100 } as const;
    const decision = new TakeoverDecision(options);
    expect(decision.decide(facts, 0)).toBe(undefined);
    expect(decision.decide({ ...facts, keeperIsUp: true }, 1000)).toBe(undefined);
    expect(decision.takeFrames()).toEqual([{ kind: "claim", epoch: 3 }]);
  });
});

describe("what a standby holds", () => {
  it("does not count between the greeting of a primary and what that says next", () => {
    const standby = StandbyInstance.former({ epoch: 2, ...timing }, [], 0);
    expect(standby.isCurrent).toBe(true);
    const hello = { kind: "hello", epoch: 2, version: 3, role: "primary" } as const;
    standby.receiveFrame(hello, 1);
    expect(standby.isCurrent).toBe(false);
    standby.receiveFrame({ kind: "beat", epoch: 2, stampMs: 1 }, 2);
    expect(standby.isCurrent).toBe(true);
    standby.receiveFrame(hello, 3);
    standby.receiveFrame({ kind: "solo", epoch: 2, number: 1 }, 4);
    standby.receiveFrame({ kind: "beat", epoch: 2, stampMs: 5 }, 5);
    expect(standby.isCurrent).toBe(false);
  });
});
