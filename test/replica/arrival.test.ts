import { describe, expect, it } from "vitest";
import type { ClusterFrame, MemberOptions } from "../../agents/replica/index.ts";
import { linkVersion } from "../../agents/replica/frames.ts";
import { associationLife } from "../support/association-life.ts";
import { MemberByHand, timing } from "./members.ts";

const { leaseMs, takeoverAfterMs, beatIntervalMs } = timing;

const helloOf = (epoch: number, role: "standby" | "keeper"): ClusterFrame => {
  return { kind: "hello", epoch, version: linkVersion, role };
};

/** A member that has read that it was handed epoch 2. */
function arriving(options: Partial<MemberOptions>): MemberByHand {
  const member = MemberByHand.current(options);
  if (options.keeper !== undefined) {
    member.linkUp("keeper");
    member.reads("keeper", helloOf(1, "keeper"));
  }
  member.said.length = 0;
  member.reads("partner", { kind: "handover", epoch: 2 });
  expect(member.member.role).toBe("arriving");
  return member;
}

const claimed: ClusterFrame = { kind: "claimed", epoch: 2 };
const proof = (stampMs: number): ClusterFrame => ({ kind: "beat", epoch: 2, stampMs });

describe("who was handed over to, with a witness", () => {
  it("goes on when the one that handed over answers, though the witness does not", () => {
    const member = arriving({ keeper: "witness" });
    member.reads("partner", proof(member.nowMs));
    expect(member.member.role).toBe("primary");
  });

  it("goes on when the witness grants it, though the one that handed over does not answer", () => {
    const member = arriving({ keeper: "witness" });
    member.reads("keeper", claimed);
    expect(member.member.role).toBe("primary");
  });

  it("asks again when the grant was so long under way that it may have been taken back", () => {
    const member = arriving({ keeper: "witness" });
    member.pass(leaseMs + 1);
    member.said.length = 0;
    member.reads("keeper", claimed);
    expect(member.member.role).toBe("arriving");
    expect(member.saidTo("keeper")).toEqual(["claim"]);
    member.reads("keeper", claimed);
    expect(member.member.role).toBe("primary");
  });

  it("asks again after a denial, also of a witness that knows of the epoch before only", () => {
    const member = arriving({ keeper: "witness" });
    member.said.length = 0;
    member.reads("keeper", { kind: "claimDenied", epoch: 1, retryAfterMs: 90 });
    member.pass(89);
    expect(member.saidTo("keeper")).toEqual([]);
    member.pass(1);
    expect(member.saidTo("keeper")).toEqual(["claim"]);
  });
});

describe("who was handed over to, without a keeper", () => {
  it("goes on after an answer that is no older than a lease only: the other one may have taken over since", () => {
    const member = arriving({ fencing: "prefer-availability" });
    const askedAtMs = member.nowMs;
    member.nowMs += leaseMs + 1;
    member.reads("partner", proof(askedAtMs));
    expect(member.member.role).toBe("arriving");
    member.said.length = 0;
    member.pass(beatIntervalMs);
    expect(member.saidTo("partner")).toContain("beat");
    member.reads("partner", proof(member.nowMs - 1));
    expect(member.member.role).toBe("primary");
  });
});

describe("who was handed over to, with a store", () => {
  it("needs what the store has, and drops what it held of an earlier time", () => {
    const updates = associationLife().slice(0, 10);
    const member = MemberByHand.current({ keeper: "store" });
    member.linkUp("keeper");
    member.reads("partner", { kind: "updates", epoch: 1, updates });
    expect(member.member.standby?.states).toHaveLength(1);
    member.reads("partner", { kind: "handover", epoch: 2 }, proof(member.nowMs));
    expect(member.member.role).toBe("arriving");
    member.reads("keeper", claimed);
    expect(member.member.role).toBe("primary");
    expect([...(member.member.active?.endpoint.associations() ?? [])]).toEqual([]);
  });
});

describe("another process in the place of the one that handed over", () => {
  it.each([
    ["may follow one that took over again: its answers prove nothing", "prefer-availability", "arriving"],
    ["follows one that was bound to keep the primary", "keep-primary", "primary"],
  ] as const)("%s", (_, fencing, role) => {
    const member = arriving({ fencing });
    member.pass(2 * beatIntervalMs);
    member.linkUp("partner");
    member.reads("partner", helloOf(0, "standby"), proof(member.nowMs));
    member.pass(takeoverAfterMs);
    expect(member.member.role).toBe(role);
  });
});

describe("a standby that hears of a later epoch", () => {
  it("is not current before the primary of that epoch counts on it", () => {
    const standby = MemberByHand.current({ keeper: "witness" });
    standby.linkUp("keeper");
    expect(standby.member.standby?.isCurrent).toBe(true);
    standby.reads("keeper", { kind: "fenced", epoch: 3 });
    expect(standby.member.standby?.isCurrent).toBe(false);
    standby.reads("partner", { kind: "synced", epoch: 3 });
    expect(standby.member.standby?.isCurrent).toBe(true);
  });
});

describe("a claim to a store", () => {
  it("drops what the store does not have any more", () => {
    const standby = MemberByHand.current({ keeper: "store" });
    standby.linkUp("keeper");
    standby.reads("partner", { kind: "updates", epoch: 1, updates: associationLife().slice(0, 10) });
    standby.closed("partner");
    expect(standby.saidTo("keeper")).toContain("claim");
    standby.reads("keeper", claimed);
    expect(standby.member.role).toBe("primary");
    expect([...(standby.member.active?.endpoint.associations() ?? [])]).toEqual([]);
  });
});

describe("a claim under way", () => {
  it("binds when it is granted, though the primary was heard meanwhile", () => {
    const standby = MemberByHand.current({ keeper: "witness" });
    standby.linkUp("keeper");
    standby.pass(takeoverAfterMs + beatIntervalMs);
    expect(standby.saidTo("keeper")).toContain("claim");
    standby.reads("partner", { kind: "beat", epoch: 1, stampMs: 9 });
    standby.reads("keeper", claimed);
    expect(standby.member.role).toBe("primary");
  });

  it("to a store keeps the standby from letting the primary go on alone, until it is answered", () => {
    const standby = MemberByHand.current({ keeper: "store" });
    standby.linkUp("keeper");
    standby.pass(takeoverAfterMs + beatIntervalMs);
    standby.said.length = 0;
    standby.reads("partner", { kind: "solo", epoch: 1, number: 1 });
    expect(standby.saidTo("partner")).toEqual([]);
    standby.reads("keeper", { kind: "claimDenied", epoch: 1, retryAfterMs: 90 });
    standby.reads("partner", { kind: "solo", epoch: 1, number: 1 });
    expect(standby.saidTo("partner")).toEqual(["soloGranted"]);
  });

  it.each(["store", "witness"] as const)(
    "is no leave to send for a primary that is heard again (%s)",
    (keeper) => {
      const standby = MemberByHand.current({ keeper });
      standby.linkUp("keeper");
      standby.pass(takeoverAfterMs + beatIntervalMs);
      expect(standby.saidTo("keeper")).toContain("claim");
      const answers = (): unknown[] => {
        standby.said.length = 0;
        standby.reads("partner", { kind: "beat", epoch: 1, stampMs: 7 });
        return standby.said.map(({ frame }) => frame);
      };
      expect(answers()).toEqual([{ kind: "beat", epoch: 1, mirrorMs: standby.nowMs }]);
      standby.reads("keeper", { kind: "claimDenied", epoch: 1, retryAfterMs: 90 });
      expect(answers()).toEqual([{ kind: "beat", epoch: 1, stampMs: 7, mirrorMs: standby.nowMs }]);
    },
  );

  it("binds where the primary comes back on another link and wants to go on alone", () => {
    const standby = MemberByHand.current({ keeper: "store" });
    standby.linkUp("keeper");
    standby.pass(takeoverAfterMs + beatIntervalMs);
    expect(standby.saidTo("keeper")).toContain("claim");
    standby.givenUp("partner");
    standby.linkUp("partner");
    standby.said.length = 0;
    standby.reads("partner", { kind: "hello", epoch: 1, version: linkVersion, role: "primary" });
    standby.reads("partner", { kind: "solo", epoch: 1, number: 1 });
    expect(standby.saidTo("partner")).toEqual([]);
    standby.reads("keeper", { kind: "claimed", epoch: 2 });
    expect(standby.member.role).toBe("primary");
  });

  it.each([
    ["lost", false, [], ["soloGranted"]],
    ["ended, and what the store granted with it", true, ["soloGranted"], ["soloGranted"]],
  ])("binds where its link is %s, until the store has greeted again", (_, ended, before, after) => {
    const standby = MemberByHand.current({ keeper: "store" });
    standby.linkUp("keeper");
    standby.pass(takeoverAfterMs + beatIntervalMs);
    // The store was heard just now, so that the end of its link says something.
    standby.reads("keeper", { kind: "beat", epoch: 1, stampMs: standby.nowMs });
    expect(standby.saidTo("keeper")).toContain("claim");
    standby.said.length = 0;
    if (ended) standby.closed("keeper");
    else standby.givenUp("keeper");
    standby.reads("partner", { kind: "solo", epoch: 1, number: 1 });
    expect(standby.saidTo("partner")).toEqual(before);
    standby.reads("partner", { kind: "beat", epoch: 1, stampMs: 9 });
    standby.linkUp("keeper");
    standby.reads("keeper", helloOf(1, "keeper"));
    standby.said.length = 0;
    standby.reads("partner", { kind: "solo", epoch: 1, number: 1 });
    expect(standby.saidTo("partner")).toEqual(after);
  });
});

describe("a process that begins anew in the place of one that handed over", () => {
  it("answers nothing that the other member could take for the word of who handed over", () => {
    const member = new MemberByHand({});
    member.linkUp("partner");
    member.said.length = 0;
    member.reads("partner", helloOf(2, "standby"), proof(member.nowMs));
    expect(member.member.epoch).toBe(0);
    expect(member.saidTo("partner")).toEqual([]);
    member.reads("partner", { kind: "hello", epoch: 2, version: linkVersion, role: "primary" });
    member.reads("partner", proof(member.nowMs));
    expect(member.member.epoch).toBe(2);
    expect(member.saidTo("partner")).toContain("beat");
  });
});

describe("a handover", () => {
  const heldAll = (member: MemberByHand): ClusterFrame[] => {
    const { endpoint } = member.member.active!;
    return [...endpoint.associations()].map((association) => {
      const sequence = endpoint.state(association)?.sequence ?? 0;
      return { kind: "held", epoch: 1, association, sequence };
    });
  };

  it("tells a keeper that somebody holds everything, before it tells of itself", () => {
    const primary = MemberByHand.guarded({ keeper: "witness" });
    primary.linkUp("keeper");
    primary.said.length = 0;
    expect(primary.member.handOver(primary.nowMs)).toBe(undefined);
    const answer: ClusterFrame = { kind: "beat", epoch: 1, stampMs: primary.nowMs };
    primary.reads("keeper", answer);
    primary.reads("partner", answer, ...heldAll(primary));
    expect(primary.saidTo("keeper").slice(-2)).toEqual(["synced", "handover"]);
  });

  it("is given to nobody before the keeper has shown that it is there, and broken off when it does not", () => {
    const primary = MemberByHand.guarded({ keeper: "witness" });
    primary.linkUp("keeper");
    primary.said.length = 0;
    primary.member.handOver(primary.nowMs);
    const answer: ClusterFrame = { kind: "beat", epoch: 1, stampMs: primary.nowMs };
    primary.reads("partner", answer, ...heldAll(primary));
    primary.pass(takeoverAfterMs + beatIntervalMs);
    expect(primary.saidTo("partner")).not.toContain("handover");
    expect(primary.member.handOver(primary.nowMs)).toBe(undefined);
  });
});
