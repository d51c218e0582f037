import { describe, expect, it } from "vitest";
import { Freshness } from "../../agents/replica/freshness.ts";
import { MemberByHand, timing } from "./members.ts";

const { leaseMs, takeoverAfterMs } = timing;

describe("how old a word is at most", () => {
  it("counts from the latest instant that came back, whatever order they come in", () => {
    const freshness = new Freshness();
    expect(freshness.isFresh(0, 250)).toBe(false);
    freshness.prove(1000, 1010);
    freshness.prove(900, 1020);
    expect(freshness.isFresh(1250, 250)).toBe(true);
    expect(freshness.isFresh(1251, 250)).toBe(false);
  });

  it("knows no instants of the future", () => {
    const freshness = new Freshness();
    freshness.prove(1011, 1010);
    expect(freshness.isFresh(1011, 250)).toBe(false);
  });
});

describe("the end of the primary's link", () => {
  it("is the end of its process when a beat has just brought back a late instant of ours", () => {
    const standby = MemberByHand.current();
    standby.nowMs += leaseMs;
    standby.closed("partner");
    expect(standby.member.role).toBe("primary");
  });

  it("says nothing after a word that was read just now, but was sent long ago", () => {
    const standby = MemberByHand.current();
    const { nowMs } = standby;
    standby.nowMs += leaseMs + 1;
    standby.reads("partner", { kind: "beat", epoch: 1, stampMs: 2, mirrorMs: nowMs });
    standby.closed("partner");
    standby.pass(10 * takeoverAfterMs);
    expect(standby.member.role).toBe("standby");
  });

  it("says nothing on a link on which no instant of ours came back yet", () => {
    const standby = MemberByHand.current();
    standby.linkUp("partner");
    standby.reads("partner", { kind: "synced", epoch: 1 }, { kind: "beat", epoch: 1, stampMs: 3 });
    standby.closed("partner");
    expect(standby.member.role).toBe("standby");
  });
});

describe("beats", () => {
  it("carry an instant of the standby to the primary and back", () => {
    const [primary, standby] = [MemberByHand.guarded(), MemberByHand.current()];
    primary.pass(timing.beatIntervalMs);
    const beat = primary.said.find(({ frame }) => frame.kind === "beat")!;
    expect(beat.frame).not.toHaveProperty("mirrorMs");
    standby.said.length = 0;
    standby.nowMs += 7000;
    standby.reads("partner", beat.frame);
    const answer = standby.said.find(({ frame }) => frame.kind === "beat")!;
    expect(answer.frame).toMatchObject({ mirrorMs: standby.nowMs });
    primary.said.length = 0;
    primary.reads("partner", answer.frame);
    primary.pass(timing.beatIntervalMs);
    const next = primary.said.find(({ frame }) => frame.kind === "beat")!;
    expect(next.frame).toMatchObject({ mirrorMs: standby.nowMs });
  });
});
