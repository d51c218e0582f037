import type { ClusterFrame } from "./frames.ts";
import { Freshness } from "./freshness.ts";
import type { AddressedFrame, LinkName } from "./sending-right.ts";

type Beat = Extract<ClusterFrame, { kind: "beat" }>;

/** The instants that beats carry, and what they show of each link: how old the word of the other end is at most. */
export class BeatStamps {
  readonly #freshness: Record<LinkName, Freshness> = { partner: new Freshness(), keeper: new Freshness() };

  linkUp(link: LinkName): void {
    this.#freshness[link] = new Freshness();
  }

  isFresh(link: LinkName, nowMs: number, withinMs: number): boolean {
    return this.#freshness[link].isFresh(nowMs, withinMs);
  }

  /** `answers`: the other end asks and we answer, so which of the two instants is ours is the other way round. */
  read(link: LinkName, beat: Beat, answers: boolean, nowMs: number): void {
    const freshness = this.#freshness[link];
    const ownMs = answers ? beat.mirrorMs : beat.stampMs;
    if (ownMs !== undefined) freshness.prove(ownMs, nowMs);
    if (!answers) freshness.mirrorMs = beat.mirrorMs;
  }

  stamped({ to, frame }: AddressedFrame, answers: boolean, nowMs: number): AddressedFrame {
    if (frame.kind !== "beat") return { to, frame };
    const mirrorMs = answers ? nowMs : this.#freshness[to].mirrorMs;
    return { to, frame: mirrorMs === undefined ? frame : { ...frame, mirrorMs } };
  }
}
