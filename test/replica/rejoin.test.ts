import { describe, expect, it } from "vitest";
import { linkVersion } from "../../agents/replica/frames.ts";
import { MemberByHand, timing } from "./members.ts";

const { leaseMs, takeoverAfterMs } = timing;
const hello = (epoch: number, role: "primary" | "standby" | "keeper") =>
  ({ kind: "hello", epoch, version: linkVersion, role }) as const;

describe("a standby that is current", () => {
  it("takes over when another process greets in the place of the primary", () => {
    const standby = MemberByHand.current({ fencing: "prefer-availability" });
    standby.reads("partner", hello(0, "standby"));
    expect(standby.member).toMatchObject({ role: "primary", epoch: 2 });
  });

  it("does not know on a new link whether the primary was alone meanwhile, before it says so", () => {
    const standby = MemberByHand.current({ fencing: "prefer-availability" });
    standby.member.linkDown("partner", false, standby.nowMs);
    standby.linkUp("partner");
    expect(standby.member.standby?.isCurrent).toBe(false);
    standby.reads("partner", hello(1, "primary"));
    expect(standby.member.standby?.isCurrent).toBe(false);
    standby.reads("partner", { kind: "solo", epoch: 1, number: 1 });
    standby.closed("partner");
    standby.pass(2 * takeoverAfterMs);
    expect(standby.member.role).toBe("standby");
  });
});

describe("a primary whose standby was current", () => {
  it("does not say on a new link that what is there is: it may be another process, which has nothing", () => {
    const primary = MemberByHand.guarded({ fencing: "prefer-availability" });
    primary.member.linkDown("partner", false, primary.nowMs);
    primary.linkUp("partner");
    expect(primary.saidTo("partner")).toEqual(["hello", "beat"]);
    primary.reads("partner", hello(0, "standby"));
    expect(primary.saidTo("partner")).toContain("synced");
  });
});

describe("a primary that went on alone", () => {
  const alone = (): MemberByHand => {
    const primary = MemberByHand.guarded();
    primary.pass(leaseMs + 2 * takeoverAfterMs);
    expect(primary.hasRecorded("solo")).toBe(true);
    primary.said.length = 0;
    return primary;
  };

  it("synchronises a standby that answers again on a link that never broke", () => {
    const primary = alone();
    primary.reads("partner", { kind: "beat", epoch: 1, stampMs: primary.nowMs });
    expect(primary.saidTo("partner")).toContain("synced");
  });

  it("tells a new link that first of all", () => {
    const primary = alone();
    primary.member.linkDown("partner", false, primary.nowMs);
    primary.linkUp("partner");
    expect(primary.saidTo("partner").slice(0, 2)).toEqual(["hello", "solo"]);
  });

  it("says so before it says that the standby is synchronised, also in one turn", () => {
    const primary = alone();
    const { member, nowMs } = primary;
    member.linkDown("partner", false, nowMs);
    member.linkUp("partner", nowMs);
    member.receiveFrame("partner", hello(0, "standby"), nowMs);
    primary.turn();
    const said = primary.saidTo("partner");
    expect(said.lastIndexOf("solo")).toBeLessThan(said.indexOf("synced"));
  });
});

describe("a member and its keeper", () => {
  const withWitness = { keeper: "witness", fencing: "prefer-availability" } as const;

  it("tells a keeper that began anew nothing of a later epoch: it is no member", () => {
    const primary = MemberByHand.guarded(withWitness);
    primary.linkUp("keeper");
    primary.reads("keeper", hello(0, "keeper"));
    expect(primary.saidTo("keeper")).not.toContain("fenced");
  });

  it("asks it for the place of the primary also after a handover, over the link that was up before", () => {
    const primary = MemberByHand.guarded(withWitness);
    primary.linkUp("keeper");
    primary.reads("keeper", hello(1, "keeper"));
    expect(primary.member.handOver(primary.nowMs)).toBe(undefined);
    const answer = { kind: "beat", epoch: 1, stampMs: primary.nowMs } as const;
    primary.reads("keeper", answer);
    primary.reads("partner", answer);
    expect(primary.member.role).toBe("standby");
    expect(primary.member.epoch).toBe(2);
    primary.pass(2 * takeoverAfterMs);
    expect(primary.saidTo("keeper")).toContain("claim");
  });
});
