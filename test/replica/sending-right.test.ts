import { describe, expect, it } from "vitest";
import { linkVersion } from "../../agents/replica/frames.ts";
import { SendingRight } from "../../agents/replica/sending-right.ts";
import { MemberByHand, timing } from "./members.ts";

const { leaseMs, takeoverAfterMs } = timing;
const stepMs = 10;

/** The right of a primary whose standby, or store, is current, and has just answered. */
class Right {
  nowMs: number = 1000;
  readonly right: SendingRight;

  constructor(keeper?: "store") {
    const fencing = "keep-primary";
    this.right = new SendingRight({ epoch: 1, fencing, keeper, leaseMs, takeoverAfterMs, isGuarded: true });
    for (const link of keeper === undefined ? (["partner"] as const) : (["partner", "keeper"] as const)) {
      this.right.linkUp(link, this.nowMs);
      this.right.answered(link, this.nowMs, this.nowMs);
    }
  }

  pass(forMs: number): void {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs;) {
      this.nowMs += stepMs;
      this.right.advance(this.nowMs);
    }
  }

  /** Words for the standby since the last time. */
  said(): string[] {
    return this.right.takeFrames().map(({ frame }) => frame.kind);
  }
}

describe("a primary that is to be kept, whose standby falls silent", () => {
  it("says that it goes on alone, and waits for longer than a word counts as fresh", () => {
    const desk = new Right();
    desk.pass(leaseMs);
    expect(desk.said()).toEqual(["solo"]);
    desk.pass(takeoverAfterMs - stepMs);
    expect([desk.right.isAlone, desk.right.mayLeave(desk.nowMs)]).toEqual([false, false]);
    desk.pass(takeoverAfterMs / 8);
    expect(desk.right.isAlone).toBe(true);
    expect(desk.said()).toEqual([]);
  });

  it("waits as long when its clock jumps, or it stood still itself", () => {
    const desk = new Right();
    desk.pass(leaseMs);
    desk.nowMs += 10 * takeoverAfterMs;
    desk.pass((takeoverAfterMs * 3) / 4);
    expect(desk.right.isAlone).toBe(false);
  });

  it.each<[string, (desk: Right) => void]>([
    ["the standby agrees", ({ right, nowMs }) => right.soloGranted("partner", 1, nowMs)],
    ["the standby has surely ended", ({ right, nowMs }) => right.linkDown("partner", true, nowMs)],
  ])("does not wait when %s", (_, happen) => {
    const desk = new Right();
    desk.pass(leaseMs);
    happen(desk);
    expect(desk.right.isAlone).toBe(true);
  });

  it("stays guarded when the standby was synchronised meanwhile, whatever it had agreed to before", () => {
    const desk = new Right();
    desk.pass(leaseMs);
    desk.right.guarded(desk.nowMs);
    desk.right.soloGranted("partner", 1, desk.nowMs);
    expect(desk.right.isAlone).toBe(false);
    desk.right.answered("partner", desk.nowMs, desk.nowMs);
    desk.pass(leaseMs - stepMs);
    expect(desk.right.isAlone).toBe(false);
  });

  it("takes the answer to its last word for one, though an earlier word was never answered", () => {
    const desk = new Right("store");
    desk.pass(leaseMs);
    desk.right.toldCurrent("partner");
    desk.right.answered("keeper", desk.nowMs, desk.nowMs);
    desk.pass(leaseMs);
    expect(desk.said()).toEqual(["solo", "solo"]);
    desk.right.soloGranted("partner", 1, desk.nowMs);
    expect(desk.right.isAlone).toBe(false);
    desk.right.soloGranted("partner", 2, desk.nowMs);
    expect(desk.right.isAlone).toBe(true);
  });

  it("begins anew with a new link, on which nothing was said yet", () => {
    const desk = new Right();
    desk.pass(leaseMs + takeoverAfterMs - 50);
    desk.right.linkDown("partner", false, desk.nowMs);
    desk.right.linkUp("partner", desk.nowMs);
    desk.said();
    desk.pass(leaseMs);
    expect(desk.said()).toEqual(["solo"]);
    desk.pass(takeoverAfterMs - stepMs);
    expect(desk.right.isAlone).toBe(false);
  });
});

describe("a primary that stood still itself, or whose clock jumped", () => {
  it.each([undefined, "store" as const])("takes that for nobody's silence (keeper: %s)", (keeper) => {
    const desk = new Right(keeper);
    desk.pass(leaseMs / 2);
    desk.nowMs += 10 * takeoverAfterMs;
    desk.pass(leaseMs / 4);
    // It may not send, but asks nobody for a promise that would outlive it.
    expect([desk.right.mayLeave(desk.nowMs), desk.said()]).toEqual([false, []]);
    desk.pass(leaseMs / 4);
    expect(desk.said()).toEqual(["solo"]);
  });

  it("learns of it by the end of a link as well", () => {
    const desk = new Right("store");
    desk.pass(leaseMs / 2);
    desk.nowMs += 10 * takeoverAfterMs;
    desk.right.linkDown("keeper", false, desk.nowMs);
    expect(desk.said()).toEqual([]);
  });

  it("was not seen to stand still while it was alone and waited for nobody", () => {
    const desk = new Right();
    desk.pass(stepMs);
    desk.right.linkDown("partner", true, desk.nowMs);
    desk.nowMs += 10 * takeoverAfterMs;
    desk.right.linkUp("partner", desk.nowMs);
    desk.right.guarded(desk.nowMs);
    desk.said();
    desk.pass(leaseMs);
    expect(desk.said()).toEqual(["solo"]);
  });
});

describe("the words of one turn", () => {
  it("count in their order: a standby that answers, is synchronised and only then agrees is current", () => {
    const primary = MemberByHand.guarded();
    const { nowMs } = primary;
    primary.pass(leaseMs + 1);
    expect(primary.saidTo("partner")).toContain("solo");
    primary.said.length = 0;
    primary.reads(
      "partner",
      { kind: "beat", epoch: 1, stampMs: nowMs },
      { kind: "soloGranted", epoch: 1, number: 2 },
    );
    expect(primary.hasRecorded("synchronised")).toBe(true);
    expect(primary.saidTo("partner")).toContain("synced");
    expect(primary.hasRecorded("solo")).toBe(false);
  });

  it("count in their order: what the standby agreed to before it was told that the store has it all binds it no more", () => {
    const primary = new MemberByHand({ startsAs: "primary", keeper: "store" });
    const synchronise = (): void => {
      primary.linkUp("keeper");
      primary.reads("keeper", { kind: "hello", epoch: 1, version: linkVersion, role: "keeper" });
      primary.reads("keeper", { kind: "synced", epoch: 1 });
    };
    primary.linkUp("partner");
    primary.reads("partner", { kind: "hello", epoch: 1, version: linkVersion, role: "standby" });
    synchronise();
    primary.reads("partner", { kind: "soloGranted", epoch: 1, number: 1 });
    primary.said.length = 0;
    primary.records.length = 0;
    primary.givenUp("keeper");
    primary.pass(leaseMs + 1);
    synchronise();
    expect(primary.saidTo("partner").filter((kind) => kind !== "beat")).toEqual(["solo", "synced"]);
    primary.reads("partner", { kind: "soloGranted", epoch: 1, number: 2 });
    expect(primary.hasRecorded("solo")).toBe(false);
  });
});
