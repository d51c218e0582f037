import type { ClusterFrame } from "./frames.ts";
import type { InstanceRecord } from "./records.ts";
import { eventRecord } from "./records.ts";
import type { FencingMode } from "./sending-right.ts";
import type { OpenHandover, Suspicion } from "./standby.ts";

export interface TakeoverOptions {
  readonly fencing: FencingMode;
  /** The third computer, where there is one: whether it holds the state, or only decides. */
  readonly keeper: "store" | "witness" | undefined;
  /** How long the keeper may take to answer. */
  readonly patienceMs: number;
}

export interface TakeoverFacts {
  readonly epoch: number;
  /** This computer holds all that is needed. */
  readonly isCurrent: boolean;
  readonly suspicion: Suspicion | undefined;
  readonly openHandover: OpenHandover | undefined;
  readonly keeperIsUp: boolean;
}

/**
 * Whether the standby takes the place of a primary that seems to be gone. Where there is a keeper that
 * answers, it decides. Where nobody can be asked, a primary whose process has surely ended is replaced
 * at once; after mere silence the operator's choice counts.
 */
export class TakeoverDecision {
  readonly #options: TakeoverOptions;
  /** When the keeper was asked first, and last, of what it has not answered. */
  #claimedAtMs: number | undefined;
  #askedAtMs: number | undefined;
  #askAgainAtMs: number = -Infinity;
  /** When the keeper is to be asked (again), if nothing happens before. */
  #claimDueMs: number | undefined;
  #saidWhyNot: boolean = false;
  #frames: ClusterFrame[] = [];
  #records: InstanceRecord[] = [];

  constructor(options: TakeoverOptions) {
    this.#options = options;
  }

  /** For the keeper. */
  takeFrames(): ClusterFrame[] {
    return this.#frames.splice(0);
  }

  takeRecords(): InstanceRecord[] {
    return this.#records.splice(0);
  }

  /** When the keeper was asked; undefined: it has nothing to answer. */
  get claimedAtMs(): number | undefined {
    return this.#claimedAtMs;
  }

  /** The epoch under which to take over now, without anybody's leave; undefined: not now. */
  decide(facts: TakeoverFacts, nowMs: number): number | undefined {
    const { suspicion, isCurrent, keeperIsUp } = facts;
    const { keeper, patienceMs } = this.#options;
    this.#claimDueMs = undefined;
    // A store that grants a claim gives what there is to go on from, whatever is here meanwhile.
    if (!keeperIsUp || (!isCurrent && keeper !== "store")) this.#forgetClaim();
    if (suspicion === undefined) {
      this.#saidWhyNot = false;
      this.#askAgainAtMs = -Infinity;
      // What was asked is answered, and a grant binds, whoever is heard meanwhile.
      return undefined;
    }
    if (!isCurrent) return this.#not("what is held here is not current", nowMs);
    const isLate = this.#askedAtMs !== undefined && nowMs - this.#askedAtMs >= patienceMs;
    const mayDoWithout = keeper === "witness" && suspicion.reason === "link-closed";
    if (keeper !== undefined && keeperIsUp && !(isLate && mayDoWithout))
      return this.#claim(facts.epoch + 1, isLate, nowMs);
    if (keeper === "store") return this.#not("the store, which has the state, does not answer", nowMs);
    if (suspicion.reason === "link-closed") return facts.epoch + 1;
    if (keeper !== undefined)
      return this.#not("the primary is only silent, and the witness does not answer", nowMs);
    return this.#decideOnSilence(facts, nowMs);
  }

  /** Without a keeper. Who was handed over to and has not read it goes by the same rule, so only one of both may go on. */
  #decideOnSilence({ epoch, openHandover }: TakeoverFacts, nowMs: number): number | undefined {
    if (this.#options.fencing === "keep-primary") {
      if (openHandover === "untold") return epoch + 1;
      return this.#not("the primary is only silent, and is to be kept", nowMs);
    }
    if (openHandover === undefined) return epoch + 1;
    return this.#not(
      "the other member, which was handed over to, takes over from this silence itself",
      nowMs,
    );
  }

  #not(why: string, nowMs: number): undefined {
    if (this.#saidWhyNot) return;
    this.#saidWhyNot = true;
    const text = `this instance does not take over: ${why}`;
    this.#records.push(eventRecord("claim-denied", text, nowMs, { reason: why }));
  }

  #forgetClaim(): void {
    this.#claimedAtMs = undefined;
    this.#askedAtMs = undefined;
  }

  /** Asks, and again where there was no answer for long. */
  #claim(epoch: number, isLate: boolean, nowMs: number): undefined {
    const { patienceMs } = this.#options;
    const isDue = (this.#askedAtMs === undefined || isLate) && nowMs >= this.#askAgainAtMs;
    if (isDue) this.#askedAtMs = nowMs;
    this.#claimDueMs = this.#askedAtMs === undefined ? this.#askAgainAtMs : this.#askedAtMs + patienceMs;
    if (!isDue) return;
    this.#claimedAtMs ??= nowMs;
    this.#frames.push({ kind: "claim", epoch });
    const text = `this instance asks the keeper for the place of the primary, epoch ${epoch}`;
    this.#records.push(eventRecord("claim", text, nowMs, { epoch }));
  }

  /** The keeper said no. */
  denied(retryAfterMs: number, nowMs: number): void {
    if (this.#claimedAtMs === undefined) return;
    this.#forgetClaim();
    // 0: not as long as things are as they are.
    const waitMs = retryAfterMs > 0 ? Math.max(retryAfterMs, 1) : this.#options.patienceMs;
    this.#askAgainAtMs = nowMs + waitMs;
    this.#not(`the keeper says no, and is asked again in ${Math.round(waitMs)} ms`, nowMs);
  }

  /** As of the last decision. */
  nextDeadlineMs(): number | undefined {
    return this.#claimDueMs;
  }
}
