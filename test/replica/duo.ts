import type { ClusterFrame, FencingMode } from "../../agents/replica/index.ts";
import { Member } from "../../agents/replica/index.ts";
import { memberOptions } from "./members.ts";

type MemberName = "a" | "b";

const names: readonly MemberName[] = ["a", "b"];
const otherOf = (name: MemberName): MemberName => (name === "a" ? "b" : "a");
const latencyMs = 1;

/** Two members without associations, and a link between them whose every frame the test has in its hand. */
export class Duo {
  nowMs: number = 1000;
  readonly members: Readonly<Record<MemberName, Member>>;
  /** Frames on their way to each member, and those who read nothing of it for now. */
  #underway: { readonly to: MemberName; readonly atMs: number; readonly frame: ClusterFrame }[] = [];
  readonly #held: Set<MemberName> = new Set<MemberName>();
  #isLinked: boolean = false;

  constructor(fencing: FencingMode, keeper?: "witness") {
    const member = (startsAs: "primary" | "secondary"): Member =>
      new Member(memberOptions({ startsAs, fencing, keeper }), this.nowMs);
    this.members = { a: member("primary"), b: member("secondary") };
    this.connect();
    this.run(5);
  }

  get primaries(): MemberName[] {
    return names.filter((name) => this.members[name].role === "primary");
  }

  connect(): void {
    this.#isLinked = true;
    for (const name of names) this.members[name].linkUp("partner", this.nowMs);
    for (const name of names) this.#drain(name);
  }

  /** What is on the link is lost, and neither learns why: both gave it up. */
  breakLink(): void {
    this.#isLinked = false;
    this.#underway = [];
    this.#held.clear();
    for (const name of names) this.members[name].linkDown("partner", false, this.nowMs);
    for (const name of names) this.#drain(name);
  }

  /** The link carries nothing to this member, until it is let through. */
  hold(name: MemberName): void {
    this.#held.add(name);
  }

  letThrough(name: MemberName): void {
    this.#held.delete(name);
  }

  run(forMs: number, done: () => boolean = () => false): boolean {
    const endMs = this.nowMs + forMs;
    while (!done()) {
      if (this.nowMs >= endMs) return false;
      this.nowMs += latencyMs;
      this.#deliver();
      for (const name of names) {
        this.members[name].advance(this.nowMs);
        this.#drain(name);
      }
    }
    return true;
  }

  #deliver(): void {
    const isDue = (to: MemberName, atMs: number): boolean => atMs <= this.nowMs && !this.#held.has(to);
    const due = this.#underway.filter(({ to, atMs }) => isDue(to, atMs));
    this.#underway = this.#underway.filter(({ to, atMs }) => !isDue(to, atMs));
    for (const { to, frame } of due) {
      this.members[to].receiveFrame("partner", frame, this.nowMs);
      this.#drain(to);
    }
  }

  #drain(name: MemberName): void {
    const { frames } = this.members[name].takeOutputs(this.nowMs);
    if (!this.#isLinked) return;
    for (const { to, frame } of frames)
      if (to === "partner") this.#underway.push({ to: otherOf(name), atMs: this.nowMs + latencyMs, frame });
  }
}
