import { describe, expect, it } from "vitest";
import type { ClusterFrame, KeeperOptions } from "../../agents/replica/index.ts";
import { Keeper } from "../../agents/replica/index.ts";
import { linkVersion } from "../../agents/replica/frames.ts";

const takeoverAfterMs = 400;
/** How long a claim waits for the word that the primary has ended. */
const patienceMs = takeoverAfterMs / 8;

type Answer = ClusterFrame["kind"];

/** A keeper with two members' links to it. */
class Desk {
  nowMs: number = 1000;
  readonly keeper: Keeper;
  #mirrorMs: number | undefined;

  constructor(options: Partial<KeeperOptions> = {}) {
    this.keeper = new Keeper({ takeoverAfterMs, holdsStates: false, maxBytes: 1_000_000, ...options });
  }

  join(link: string, role: "primary" | "standby", epoch: number, member?: string): void {
    this.keeper.linkUp(link, this.nowMs, member);
    this.say(link, { kind: "hello", epoch, version: linkVersion, role });
  }

  /** A primary that is current, and its standby. */
  static synced(options: Partial<KeeperOptions> = {}): Desk {
    const desk = new Desk(options);
    desk.join("a", "primary", 1);
    desk.join("b", "standby", 1);
    desk.say("a", { kind: "synced", epoch: 1 });
    desk.beat("a", 1);
    desk.beat("a", 1);
    desk.answers();
    return desk;
  }

  /** The primary's beat, which sends back what the keeper named last of its own clock. */
  beat(link: string, epoch: number): void {
    const mirrorMs = this.#mirrorMs;
    const stamps = { stampMs: 1, ...(mirrorMs === undefined ? {} : { mirrorMs }) };
    this.say(link, { kind: "beat", epoch, ...stamps });
    this.#mirrorMs = this.nowMs;
  }

  say(link: string, frame: ClusterFrame): void {
    this.keeper.receiveFrame(link, frame, this.nowMs);
  }

  /** Lets time pass with the keeper awake all the while. */
  pass(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const dueMs = this.keeper.nextDeadlineMs() ?? Infinity;
      this.nowMs = Math.min(dueMs, endMs);
      this.keeper.advance(this.nowMs);
      if (dueMs >= endMs) return;
    }
  }

  frames(): { readonly to: string; readonly frame: ClusterFrame }[] {
    return this.keeper.takeOutputs().frames;
  }

  answers(): Answer[] {
    return this.frames().map(({ frame }) => frame.kind);
  }

  /** Claims, and waits for the answer. */
  claim(link: string, epoch: number): Answer[] {
    this.say(link, { kind: "claim", epoch });
    const answers = this.answers();
    if (answers.some((kind) => kind === "claimed" || kind === "claimDenied")) return answers;
    this.pass(patienceMs);
    return [...answers, ...this.answers()];
  }
}

describe("a claim", () => {
  it("waits until the primary was silent for long enough, and is told how long that is", () => {
    const desk = Desk.synced();
    desk.pass(250);
    desk.say("b", { kind: "claim", epoch: 2 });
    desk.pass(patienceMs - 1);
    expect(desk.frames()).toEqual([]);
    desk.pass(1);
    const denied = { kind: "claimDenied", epoch: 1, retryAfterMs: 100 };
    expect(desk.frames()).toEqual([{ to: "b", frame: denied }]);
    desk.pass(100);
    desk.say("b", { kind: "claim", epoch: 2 });
    expect(desk.frames()).toEqual([]);
    desk.pass(1);
    expect(desk.answers()).toEqual(["claimed"]);
    expect(desk.keeper.epoch).toBe(2);
  });

  it.each<[string, (desk: Desk) => void]>([
    ["the end of the primary", (desk) => desk.keeper.linkDown("a", true, desk.nowMs)],
    ["the primary's word that it hands over", (desk) => desk.say("a", { kind: "handover", epoch: 2 })],
  ])("that comes before %s is granted with it", (_, end) => {
    const desk = Desk.synced();
    desk.say("b", { kind: "claim", epoch: 2 });
    desk.pass(1);
    expect(desk.answers()).toEqual([]);
    end(desk);
    expect(desk.answers()).toEqual(["claimed"]);
    desk.pass(1000);
    expect(desk.answers()).toEqual([]);
  });

  it("that waits is forgotten with its link", () => {
    const desk = Desk.synced();
    desk.say("b", { kind: "claim", epoch: 2 });
    desk.keeper.linkDown("b", false, desk.nowMs);
    desk.keeper.linkDown("a", true, desk.nowMs);
    expect([desk.answers(), desk.keeper.epoch]).toEqual([[], 1]);
  });

  it("is denied as long as the primary is heard", () => {
    const desk = Desk.synced();
    for (let beat = 0; beat < 100; beat++) {
      desk.pass(25);
      desk.say("a", { kind: "beat", epoch: 1, stampMs: desk.nowMs });
      expect(desk.claim("b", 2)).toEqual(["beat", "claimDenied"]);
    }
  });

  it("is granted at once when the primary's fresh link was closed by its kernel", () => {
    const desk = Desk.synced();
    desk.keeper.linkDown("a", true, desk.nowMs);
    expect(desk.claim("b", 2)).toEqual(["claimed"]);
  });

  it.each([
    ["we gave its link up", false, 0],
    ["its link was not fresh any more", true, 250],
  ])("waits when %s", (_, closed, silentMs) => {
    const desk = Desk.synced();
    desk.pass(silentMs);
    desk.keeper.linkDown("a", closed, desk.nowMs);
    expect(desk.claim("b", 2)).toEqual(["claimDenied"]);
  });

  it("waits when a link was closed beside which the same process has another, or gets one", () => {
    const beside = Desk.synced();
    beside.join("a#2", "primary", 1, "a");
    beside.keeper.linkDown("a", true, beside.nowMs);
    beside.answers();
    expect(beside.claim("b", 2)).toEqual(["claimDenied"]);
    const after = Desk.synced();
    after.keeper.linkDown("a", true, after.nowMs);
    after.join("a#2", "primary", 1, "a");
    after.answers();
    expect(after.claim("b", 2)).toEqual(["claimDenied"]);
  });

  it("does not take the keeper's own stall for the silence of the primary", () => {
    const desk = Desk.synced();
    desk.pass(100);
    desk.nowMs += 5000;
    expect(desk.claim("b", 2)).toEqual(["claimDenied"]);
    desk.pass(400);
    expect(desk.claim("b", 2)).toEqual(["claimed"]);
  });

  it("is answered a second time when the answer was lost, for the same process only", () => {
    const desk = Desk.synced();
    desk.keeper.linkDown("a", true, desk.nowMs);
    expect(desk.claim("b", 2)).toEqual(["claimed"]);
    desk.keeper.linkDown("b", false, desk.nowMs);
    desk.join("b#2", "standby", 1, "b");
    desk.join("c", "standby", 1);
    desk.answers();
    for (const epoch of [2, 3]) expect(desk.claim("c", epoch)).toEqual(["claimDenied"]);
    expect(desk.claim("b#2", 2)).toEqual(["claimed"]);
    desk.say("b#2", { kind: "beat", epoch: 2, stampMs: 1 });
    expect(desk.answers()).toEqual(["beat"]);
    desk.pass(1000);
    expect(desk.claim("b#2", 2)).toEqual(["claimDenied"]);
    expect(desk.claim("b#2", 3)).toEqual(["claimDenied"]);
  });

  it("waits after an end that is read long after the last word of the primary was written", () => {
    const desk = Desk.synced();
    // The keeper stood still: what came meanwhile is read only now, and the end of the link after it.
    desk.nowMs += 5000;
    desk.say("a", { kind: "beat", epoch: 1, stampMs: 1, mirrorMs: 1000 });
    desk.keeper.linkDown("a", true, desk.nowMs);
    desk.answers();
    expect(desk.claim("b", 2)).toEqual(["claimDenied"]);
  });

  it("is granted to the one that handed over, when its successor ends before it has said a word", () => {
    const desk = Desk.synced();
    desk.say("a", { kind: "handover", epoch: 2 });
    expect(desk.claim("b", 2)).toEqual(["claimed"]);
    desk.keeper.linkDown("b", true, desk.nowMs);
    desk.pass(takeoverAfterMs + 1);
    expect(desk.claim("a", 3)).toEqual(["claimed"]);
  });

  it.each<[string, (desk: Desk) => void]>([
    ["was told of that", (desk) => desk.say("a", { kind: "handover", epoch: 2 })],
    ["was not told of that", () => undefined],
  ])("is granted to a primary that gave its place to nobody who came, when the keeper %s", (_, tell) => {
    const desk = Desk.synced();
    tell(desk);
    expect(desk.claim("a", 3)).toEqual(["claimed"]);
    expect(desk.claim("b", 2)).toEqual(["claimDenied"]);
    expect(desk.claim("b", 3)).toEqual(["claimDenied"]);
  });

  it("is not granted to a primary that gave its place away and was alone then", () => {
    const desk = Desk.synced();
    desk.say("a", { kind: "solo", epoch: 1, number: 1 });
    desk.answers();
    expect(desk.claim("a", 3)).toEqual(["claimDenied"]);
  });

  it.each([0, 1, 3, 4])("is denied for epoch %i after epoch 1", (epoch) => {
    const desk = Desk.synced();
    desk.keeper.linkDown("a", true, desk.nowMs);
    desk.say("b", { kind: "claim", epoch });
    expect(desk.frames()).toEqual([{ to: "b", frame: { kind: "claimDenied", epoch: 1, retryAfterMs: 0 } }]);
  });

  it("goes to one of two claimants", () => {
    const desk = Desk.synced();
    desk.join("c", "standby", 1);
    desk.keeper.linkDown("a", true, desk.nowMs);
    desk.answers();
    expect(desk.claim("c", 2)).toEqual(["claimed"]);
    desk.pass(1000);
    expect(desk.claim("b", 2)).toEqual(["claimDenied"]);
  });
});

describe("a primary that goes on alone", () => {
  it("is not taken over from, until it has synchronised again", () => {
    const desk = Desk.synced();
    desk.say("a", { kind: "solo", epoch: 1, number: 1 });
    expect(desk.answers()).toEqual(["soloGranted"]);
    desk.keeper.linkDown("a", true, desk.nowMs);
    desk.pass(5000);
    expect(desk.claim("b", 2)).toEqual(["claimDenied"]);
    desk.join("a#2", "primary", 1, "a");
    desk.say("a#2", { kind: "synced", epoch: 1 });
    desk.pass(401);
    desk.answers();
    expect(desk.claim("b", 2)).toEqual(["claimed"]);
  });

  it("is refused that after a claim was granted", () => {
    const desk = Desk.synced();
    desk.pass(401);
    expect(desk.claim("b", 2)).toEqual(["claimed"]);
    desk.say("a", { kind: "solo", epoch: 1, number: 1 });
    desk.say("a", { kind: "beat", epoch: 1, stampMs: 1 });
    desk.say("a", { kind: "updates", epoch: 1, updates: [] });
    const fenced = { to: "a", frame: { kind: "fenced", epoch: 2 } };
    expect(desk.frames()).toEqual([fenced, fenced, fenced]);
  });

  it("needs nobody after it has left on purpose", () => {
    const desk = Desk.synced();
    desk.say("a", { kind: "leaving", epoch: 1 });
    desk.keeper.linkDown("a", true, desk.nowMs);
    expect(desk.claim("b", 2)).toEqual(["claimDenied"]);
  });

  it("stays current when only the standby leaves", () => {
    const desk = Desk.synced();
    desk.say("b", { kind: "leaving", epoch: 1 });
    desk.keeper.linkDown("a", true, desk.nowMs);
    expect(desk.claim("b", 2)).toEqual(["claimed"]);
  });
});

describe("a keeper that started empty", () => {
  it("grants no claim, no way alone and no leave to send before a primary has synchronised", () => {
    const desk = new Desk();
    desk.join("a", "primary", 3);
    desk.join("b", "standby", 3);
    desk.answers();
    desk.say("a", { kind: "beat", epoch: 3, stampMs: 7 });
    expect(desk.frames()).toEqual([{ to: "a", frame: { kind: "beat", epoch: 3, mirrorMs: desk.nowMs } }]);
    desk.say("a", { kind: "solo", epoch: 3, number: 1 });
    expect(desk.answers()).toEqual([]);
    desk.keeper.linkDown("a", true, desk.nowMs);
    desk.pass(5000);
    expect(desk.claim("b", 4)).toEqual(["claimDenied"]);
    desk.join("a#2", "primary", 3, "a");
    desk.say("a#2", { kind: "synced", epoch: 3 });
    desk.answers();
    desk.say("a#2", { kind: "beat", epoch: 3, stampMs: 8 });
    const leave = { kind: "beat", epoch: 3, stampMs: 8, mirrorMs: desk.nowMs };
    expect(desk.frames()).toEqual([{ to: "a#2", frame: leave }]);
  });

  it("fences the older of two primaries, in whatever order they come", () => {
    for (const order of [
      [1, 2],
      [2, 1],
    ]) {
      const desk = new Desk();
      for (const epoch of order) desk.join(`m${epoch}`, "primary", epoch);
      desk.answers();
      desk.say("m1", { kind: "synced", epoch: 1 });
      desk.say("m2", { kind: "synced", epoch: 2 });
      expect(desk.frames()).toEqual([
        { to: "m1", frame: { kind: "fenced", epoch: 2 } },
        { to: "m2", frame: { kind: "synced", epoch: 2 } },
      ]);
    }
  });
});

describe("a word that cannot be", () => {
  const lease = { ackedTsn: 0, nextTsn: 0, limitTsn: 0, streams: [] } as never;
  it.each<[string, ClusterFrame]>([
    ["another version", { kind: "hello", epoch: 1, version: 1, role: "primary" }],
    ["another keeper", { kind: "hello", epoch: 1, version: linkVersion, role: "keeper" }],
    ["no hello first", { kind: "beat", epoch: 1, stampMs: 1 }],
    ["a claim first", { kind: "claim", epoch: 2 }],
  ])("ends a new link: %s", (_, frame) => {
    const desk = Desk.synced();
    desk.keeper.linkUp("x", desk.nowMs);
    desk.say("x", frame);
    desk.say("x", { kind: "hello", epoch: 1, version: linkVersion, role: "standby" });
    const { refusals, records } = desk.keeper.takeOutputs();
    expect(refusals.map(({ link }) => link)).toEqual(["x"]);
    expect(records.map((record) => record.kind === "event" && record.name)).toEqual(["link-refused"]);
  });

  it.each<[string, ClusterFrame]>([
    ["a standby's updates", { kind: "updates", epoch: 1, updates: [] }],
    ["a standby's synced", { kind: "synced", epoch: 9 }],
    ["a standby's solo", { kind: "solo", epoch: 1, number: 1 }],
    ["a standby's lease", { kind: "lease", epoch: 1, association: 1, lease }],
    ["what a keeper says", { kind: "claimed", epoch: 2 }],
    ["what members say to each other", { kind: "handover", epoch: 2 }],
  ])("ends the link of a standby and leaves all as it was: %s", (_, frame) => {
    const desk = Desk.synced();
    desk.say("b", frame);
    expect(desk.keeper.takeOutputs().refusals.map(({ link }) => link)).toEqual(["b"]);
    desk.join("c", "standby", 1);
    desk.keeper.linkDown("a", true, desk.nowMs);
    desk.answers();
    expect(desk.claim("c", 2)).toEqual(["claimed"]);
  });

  it("ends the link of a second process that says it is the primary of the same epoch", () => {
    const desk = Desk.synced();
    desk.keeper.linkDown("a", true, desk.nowMs);
    desk.join("a", "primary", 1, "a restarted");
    const { refusals } = desk.keeper.takeOutputs();
    expect(refusals).toEqual([{ link: "a", reason: "another process is the primary of epoch 1" }]);
    expect(desk.claim("b", 2)).toEqual(["claimed"]);
  });
});
