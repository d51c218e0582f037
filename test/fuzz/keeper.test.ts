import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterFrame } from "../../agents/replica/index.ts";
import { Keeper, linkVersion } from "../../agents/replica/index.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? 9260);
const takeoverAfterMs = 400;
const members = ["a", "b", "c"] as const;
type Member = (typeof members)[number];

/** What a member does; `epoch` is added to what it heard last, so that the words are mostly almost right. */
interface Act {
  readonly member: Member;
  readonly kind: "say" | "link-up" | "link-closed" | "link-given-up" | "wait" | "stall";
  readonly word: ClusterFrame["kind"];
  readonly epoch: number;
  readonly ms: number;
}

const words: readonly ClusterFrame["kind"][] = [
  ...(["hello", "beat", "claim", "synced", "solo", "updates", "leaving", "fenced"] as const),
  ...(["claim", "claim", "claim", "synced", "synced", "synced", "beat", "beat", "beat"] as const),
];

const act: fc.Arbitrary<Act> = fc.record({
  member: fc.constantFrom(...members),
  kind: fc.constantFrom(
    ...([
      "say",
      "say",
      "say",
      "say",
      "say",
      "link-up",
      "link-closed",
      "link-given-up",
      "wait",
      "stall",
    ] as const),
  ),
  word: fc.constantFrom(...words),
  epoch: fc.constantFrom(-1, 0, 0, 0, 0, 1, 1),
  ms: fc.constantFrom(1, 50, 201, 401),
});

/** A keeper among members that may say anything, and what must hold of its answers. */
class Trial {
  readonly #keeper: Keeper = new Keeper({ takeoverAfterMs, holdsStates: true, maxBytes: 100_000 });
  #nowMs: number = 1000;
  readonly #links: Map<Member, string> = new Map<Member, string>();
  #count: number = 0;
  /** By epoch: who was given leave to send in it, or a claim of it. */
  readonly #primaries: Map<number, Member> = new Map<number, Member>();
  readonly #leaveAtMs: Map<Member, number> = new Map<Member, number>();
  readonly #closed: Set<Member> = new Set<Member>();
  #highest: number = 0;
  #solo: boolean = false;
  claims: number = 0;
  leaves: number = 0;

  step({ member, kind, word, epoch, ms }: Act): void {
    const link = this.#links.get(member);
    if (kind === "wait") this.#wait(ms);
    else if (kind === "stall") this.#nowMs += ms * 10;
    else if (kind === "say" && link !== undefined) this.#say(member, link, word, epoch);
    else if (kind === "link-up") {
      this.#count += 1;
      this.#links.set(member, `${member}#${this.#count}`);
      this.#keeper.linkUp(`${member}#${this.#count}`, this.#nowMs, member);
      this.#say(member, `${member}#${this.#count}`, "hello", epoch);
    } else if (link !== undefined) {
      this.#links.delete(member);
      if (kind === "link-closed") this.#closed.add(member);
      this.#keeper.linkDown(link, kind === "link-closed", this.#nowMs);
    }
    this.#judge();
  }

  #wait(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.#nowMs < endMs) {
      this.#nowMs = Math.min(this.#keeper.nextDeadlineMs() ?? endMs, endMs);
      this.#keeper.advance(this.#nowMs);
    }
  }

  #say(member: Member, link: string, kind: ClusterFrame["kind"], ahead: number): void {
    const epoch = Math.max(0, this.#keeper.epoch + ahead);
    const role = this.#primaries.get(epoch) === member || this.#keeper.epoch === 0 ? "primary" : "standby";
    const frame = {
      ...{ kind, epoch, version: linkVersion, role, stampMs: this.#nowMs, updates: [], association: 1 },
      bytes: new Uint8Array(5),
    } as unknown as ClusterFrame;
    if (kind === "synced") this.#solo = false;
    this.#keeper.receiveFrame(link, frame, this.#nowMs);
  }

  #judge(): void {
    for (const { to, frame } of this.#keeper.takeOutputs().frames) {
      const member = to[0] as Member;
      if (frame.kind === "claimed") this.#claimed(member, frame.epoch);
      if (frame.kind === "soloGranted") this.#solo = true;
      const leave = frame.kind === "beat" && frame.stampMs !== undefined;
      if (leave || frame.kind === "soloGranted") this.#mayServe(member, frame.epoch);
      if (!leave) continue;
      this.leaves += 1;
      this.#leaveAtMs.set(member, this.#nowMs);
      this.#closed.delete(member);
    }
  }

  #mayServe(member: Member, epoch: number): void {
    expect(epoch).toBeGreaterThanOrEqual(this.#highest);
    this.#highest = epoch;
    expect(this.#primaries.get(epoch) ?? member).toBe(member);
    this.#primaries.set(epoch, member);
  }

  #claimed(member: Member, epoch: number): void {
    this.claims += 1;
    expect(this.#solo).toBe(false);
    const last = this.#primaries.get(epoch - 1);
    if (last !== undefined && last !== member && !this.#closed.has(last)) {
      expect(this.#nowMs - (this.#leaveAtMs.get(last) ?? -Infinity)).toBeGreaterThan(takeoverAfterMs);
    }
    this.#mayServe(member, epoch);
  }
}

describe("a keeper", () => {
  it(`lets one member an epoch serve, whatever the members say, seed ${seed}`, () => {
    let [claims, leaves] = [0, 0];
    fc.assert(
      fc.property(fc.array(act, { minLength: 20, maxLength: 120, size: "max" }), (acts) => {
        const trial = new Trial();
        for (const each of acts) trial.step(each);
        claims += trial.claims;
        leaves += trial.leaves;
      }),
      { seed, numRuns: 20_000 },
    );
    expect(claims).toBeGreaterThan(300);
    expect(leaves).toBeGreaterThan(1000);
  });
});
