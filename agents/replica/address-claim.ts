import type { InstanceRecord } from "./records.ts";
import { eventRecord } from "./records.ts";

/** What the host is to do about the address, in order. */
export type ClaimAct =
  /** Ask on the link whether anybody has it. */
  | { readonly kind: "ask" }
  /** Have it on this computer; the host answers by `taken` or `refused`. */
  | { readonly kind: "take" }
  /** Tell everybody on the link that this computer has it. */
  | { readonly kind: "announce" }
  /** Have it no more, and tell everybody on the link who has it now, where that is known. */
  | { readonly kind: "give-back"; readonly owner: string | undefined };

/** How this member stands to the one whose address it is. */
export interface Standing {
  /** It is the primary, because it took over. */
  readonly tookOver: boolean;
  /** Nothing has been heard of the other one since it was taken to be gone. */
  readonly partnerIsGone: boolean;
}

type Phase = "idle" | "asking" | "taking" | "held" | "given-up";

/** RFC 5227 asks over seconds, for a host that has time. A living kernel on one link answers within a millisecond. */
const asks = 3;
const askIntervalMs = 50;
/** After an answer, and while the address is held: whoever comes back is heard of so soon. */
const askAgainMs = 500;
/** RFC 4861 section 10: MAX_NEIGHBOR_ADVERTISEMENT, RetransTimer. */
const announcements = 3;
const announceIntervalMs = 1000;

/**
 * When a member that took over has the outside address of the one that is gone: never while anybody answers for it. By
 * the rules of takeover the other's agent cannot send any more, but a kernel goes on answering for the address of an
 * agent that has died; and a computer that was only cut off does so when it is back. So it is asked first, and all the
 * time that the address is held, and whoever answers gets it back at once. Pure.
 */
export class AddressClaim {
  readonly address: string;
  #phase: Phase = "idle";
  #asked: number = 0;
  #announced: number = 0;
  #nextAskMs: number = 0;
  #nextAnnouncementMs: number = 0;
  /** Of whom it was said that it answers. */
  #toldOf: string | undefined;
  #acts: ClaimAct[] = [];
  #records: InstanceRecord[] = [];

  constructor(address: string) {
    this.address = address;
  }

  /** Nothing has to be listened to, or done later. */
  get isIdle(): boolean {
    return this.#phase === "idle" || this.#phase === "given-up";
  }

  stand({ tookOver, partnerIsGone }: Standing, nowMs: number): void {
    // What failed before may go with the next takeover.
    if (!tookOver && this.#phase === "given-up") this.#phase = "idle";
    if (!tookOver && (this.#phase === "taking" || this.#phase === "held")) {
      this.#giveBack(undefined, "this member does not serve any more", nowMs);
      this.#phase = "idle";
    }
    if (this.#phase === "asking" && !(tookOver && partnerIsGone)) this.#phase = "idle";
    if (this.#phase === "idle" && tookOver && partnerIsGone) this.#begin(nowMs);
  }

  #begin(nowMs: number): void {
    this.#toldOf = undefined;
    this.#note("asked", `who has ${this.address}? The member that had it is gone`, nowMs);
    this.#askFrom(nowMs);
  }

  #askFrom(atMs: number): void {
    this.#phase = "asking";
    this.#asked = 0;
    this.#nextAskMs = atMs;
  }

  /** Somebody else on the link, by its link-layer address, says that it has the address. */
  claimedBy(owner: string, nowMs: number): void {
    if (this.#phase === "taking" || this.#phase === "held")
      this.#giveBack(owner, `${owner} answers for it`, nowMs);
    else if (this.#phase !== "asking") return;
    else if (this.#toldOf !== owner)
      this.#note("not-taken", `${this.address} is not taken: ${owner} answers for it, so it is alive`, nowMs);
    this.#toldOf = owner;
    this.#askFrom(nowMs + askAgainMs);
  }

  #giveBack(owner: string | undefined, why: string, nowMs: number): void {
    this.#acts.push({ kind: "give-back", owner });
    this.#note("given-back", `${this.address} is given back: ${why}`, nowMs);
  }

  /** It is on this computer now. */
  taken(nowMs: number): void {
    if (this.#phase !== "taking") return;
    this.#phase = "held";
    this.#announced = 0;
    this.#nextAnnouncementMs = nowMs;
    this.#nextAskMs = nowMs + askAgainMs;
    this.#note("taken", `${this.address} is on this computer from now on: nobody answered for it`, nowMs);
  }

  /** It cannot be had here; another try would end as this one. */
  refused(reason: string, nowMs: number): void {
    if (this.#phase !== "taking") return;
    this.#phase = "given-up";
    this.#note("not-taken", `${this.address} is not taken: ${reason}`, nowMs);
  }

  /** Everything that was received by `nowMs` has been told before. */
  advance(nowMs: number): void {
    if (this.#phase === "asking" && nowMs >= this.#nextAskMs) this.#askOrTake(nowMs);
    else if (this.#phase === "held") this.#keep(nowMs);
  }

  #askOrTake(nowMs: number): void {
    if (this.#asked < asks) {
      this.#asked += 1;
      this.#nextAskMs = nowMs + askIntervalMs;
      this.#acts.push({ kind: "ask" });
      return;
    }
    this.#phase = "taking";
    this.#acts.push({ kind: "take" });
  }

  #keep(nowMs: number): void {
    if (this.#announced < announcements && nowMs >= this.#nextAnnouncementMs) {
      this.#announced += 1;
      this.#nextAnnouncementMs = nowMs + announceIntervalMs;
      this.#acts.push({ kind: "announce" });
    }
    if (nowMs < this.#nextAskMs) return;
    this.#nextAskMs = nowMs + askAgainMs;
    this.#acts.push({ kind: "ask" });
  }

  takeActs(): ClaimAct[] {
    return this.#acts.splice(0);
  }

  takeRecords(): InstanceRecord[] {
    return this.#records.splice(0);
  }

  #note(step: "asked" | "not-taken" | "taken" | "given-back", text: string, nowMs: number): void {
    const { address } = this;
    this.#records.push(eventRecord("address-takeover", text, nowMs, { address, step }));
  }
}
