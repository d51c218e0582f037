import { expect, it } from "vitest";
import { AddressClaim } from "../../agents/replica/index.ts";

const other = "02:00:00:00:00:0a";
const gone = { tookOver: true, partnerIsGone: true };
const back = { tookOver: true, partnerIsGone: false };

/** A claim on a link where `answers` says who has the address when it is asked; time goes on by itself. */
class Stage {
  readonly claim: AddressClaim = new AddressClaim("192.0.2.11");
  nowMs: number = 0;
  /** What was done, with its instant. */
  readonly done: string[] = [];
  owner: string | undefined;
  #answer: string | undefined;

  runs(forMs: number): this {
    for (const untilMs = this.nowMs + forMs; this.nowMs < untilMs; this.nowMs += 5) {
      if (this.#answer !== undefined) this.claim.claimedBy(this.#answer, this.nowMs);
      this.#answer = undefined;
      this.claim.advance(this.nowMs);
      for (const act of this.claim.takeActs()) {
        this.done.push(`${this.nowMs} ${act.kind}${"owner" in act ? ` ${act.owner ?? "nobody"}` : ""}`);
        if (act.kind === "ask") this.#answer = this.owner;
        if (act.kind === "take") this.claim.taken(this.nowMs);
      }
    }
    return this;
  }

  /** What was done but for the questions. */
  get deeds(): string[] {
    return this.done.filter((each) => !each.endsWith(" ask"));
  }

  get steps(): unknown[] {
    return this.claim.takeRecords().map((each) => ("detail" in each ? each.detail["step"] : undefined));
  }
}

function tookOver(owner?: string): Stage {
  const stage = new Stage();
  stage.owner = owner;
  stage.claim.stand(gone, 0);
  return stage;
}

it("a member that did not take over wants nothing", () => {
  const stage = new Stage();
  stage.claim.stand({ tookOver: false, partnerIsGone: true }, 0);
  expect(stage.runs(5000).done).toEqual([]);
  expect(stage.claim.isIdle).toBe(true);
});

it("the address is taken after three questions that nobody answered, and announced three times", () => {
  const stage = tookOver().runs(150);
  expect(stage.done).toEqual(["0 ask", "50 ask", "100 ask"]);
  expect(stage.runs(4000).deeds).toEqual(["150 take", "155 announce", "1155 announce", "2155 announce"]);
  expect(stage.steps).toEqual(["asked", "taken"]);
});

it("as long as a kernel answers for its dead agent the address is not taken, and that is said once", () => {
  const stage = tookOver(other).runs(3000);
  expect(stage.deeds).toEqual([]);
  expect(stage.steps).toEqual(["asked", "not-taken"]);
  stage.owner = undefined;
  expect(stage.runs(1000).deeds[0]).toMatch(/ take$/);
});

it("whoever answers while it is held gets it back at once, and it is not taken again beside him", () => {
  const stage = tookOver().runs(1000);
  stage.done.length = 0;
  stage.owner = other;
  expect(stage.runs(3000).deeds.filter((each) => !each.includes("announce"))).toEqual([
    expect.stringMatching(new RegExp(` give-back ${other}$`)),
  ]);
  expect(stage.steps).toEqual(["asked", "taken", "given-back"]);
});

it("an answer that comes while it is being taken gives it back, too", () => {
  const claim = new AddressClaim("192.0.2.11");
  claim.stand(gone, 0);
  for (const atMs of [0, 50, 100, 150]) claim.advance(atMs);
  expect(claim.takeActs().at(-1)).toEqual({ kind: "take" });
  claim.claimedBy(other, 151);
  expect(claim.takeActs()).toEqual([{ kind: "give-back", owner: other }]);
  claim.taken(152);
  claim.advance(153);
  expect(claim.takeActs()).toEqual([]);
});

it("a word of the other member ends the questions; what is held stays until its computer answers for it", () => {
  const asking = tookOver().runs(60);
  asking.claim.stand(back, asking.nowMs);
  expect(asking.runs(1000).deeds).toEqual([]);
  expect(asking.claim.isIdle).toBe(true);
  const holding = tookOver().runs(1000);
  holding.claim.stand(back, holding.nowMs);
  expect(holding.runs(500).deeds.some((each) => each.includes("give-back"))).toBe(false);
  expect(holding.claim.isIdle).toBe(false);
});

it("who does not serve any more gives it back", () => {
  const stage = tookOver().runs(1000);
  stage.claim.stand({ tookOver: false, partnerIsGone: false }, stage.nowMs);
  expect(stage.runs(1000).deeds.at(-1)).toMatch(/ give-back nobody$/);
  expect(stage.claim.isIdle).toBe(true);
});

it("what the system refuses is not tried again before the next takeover", () => {
  const claim = new AddressClaim("192.0.2.11");
  claim.stand(gone, 0);
  for (const atMs of [0, 50, 100, 150]) claim.advance(atMs);
  claim.refused("Operation not permitted", 155);
  claim.stand(gone, 160);
  expect(claim.isIdle).toBe(true);
  claim.stand({ tookOver: false, partnerIsGone: false }, 200);
  claim.stand(gone, 300);
  expect(claim.isIdle).toBe(false);
});
