import type { ClusterFrame } from "./frames.ts";
import { Lease } from "./lease.ts";
import type { InstanceRecord } from "./records.ts";
import { eventRecord } from "./records.ts";

/** What the operator wants where two computers cannot hear each other and nobody else is asked. */
export type FencingMode =
  /** The primary goes on; the standby takes over only when the primary has surely ended. */
  | "keep-primary"
  /** The standby takes over after a silence; the primary pauses when nothing answers it. */
  | "prefer-availability";

/** A computer at the other end of a link of ours. */
export type LinkName = "partner" | "keeper";

export interface SendingRightOptions {
  readonly epoch: number;
  readonly fencing: FencingMode;
  /** The third computer, where there is one: whether it holds the state, or only decides. */
  readonly keeper: "store" | "witness" | undefined;
  readonly leaseMs: number;
  /** How long a primary that parts from a silent standby waits; longer than a word counts as fresh. */
  readonly takeoverAfterMs: number;
  /** From the start somebody may take over: the former primary, after a handover. */
  readonly isGuarded: boolean;
}

/** Frames for a link, with the link. */
export interface AddressedFrame {
  readonly to: LinkName;
  readonly frame: ClusterFrame;
}

/** Looks at the clock while others are waited for: a clock that jumps, or a freeze, counts as one look at most. */
const looksPerTakeover = 8;

/**
 * Whether the primary may send. As long as another computer may take over, it needs a lease: an answer to
 * a beat, of a computer without whose consent nobody takes over. It goes on alone once nobody can take
 * over any more: because the standby has surely ended, because the operator wants so, or because the
 * computer whose consent a takeover needs has promised not to give it.
 */
export class SendingRight {
  readonly #options: SendingRightOptions;
  readonly #lease: Lease;
  #isAlone: boolean;
  /** Instant of the last answer of each link, and whether it is up. */
  readonly #heardAtMs: Record<LinkName, number> = { partner: -Infinity, keeper: -Infinity };
  readonly #isUp: Record<LinkName, boolean> = { partner: false, keeper: false };
  readonly #hasEnded: Record<LinkName, boolean> = { partner: false, keeper: false };
  #askedAtMs: number = -Infinity;
  /** Number of the last word that this primary goes on alone, and of the last one that binds its reader no more. */
  #lastSolo: number = 0;
  readonly #voidSolo: Record<LinkName, number> = { partner: 0, keeper: 0 };
  #hadLease: boolean = false;
  #records: InstanceRecord[] = [];
  #frames: AddressedFrame[] = [];
  #hasDisowned: boolean = false;
  /**
   * The primary goes on alone after a silence, and has waited for so long. Whoever takes the end of its link for fresh
   * has read a word that is younger than this wait, so `solo`, which came before it, as well.
   */
  #partingMs: number | undefined;
  /** When the clock was looked at last, as far as anybody was waited for. */
  #lookedAtMs: number | undefined;

  constructor(options: SendingRightOptions) {
    this.#options = options;
    this.#lease = new Lease(options.leaseMs);
    this.#isAlone = !options.isGuarded;
  }

  /** Nobody can take over: no lease is needed, and nothing waits for a holder. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /** True once after each time that what others hold was said not to be current. */
  takeDisowned(): boolean {
    const has = this.#hasDisowned;
    this.#hasDisowned = false;
    return has;
  }

  takeRecords(): InstanceRecord[] {
    return this.#records.splice(0);
  }

  takeFrames(): AddressedFrame[] {
    return this.#frames.splice(0);
  }

  linkUp(link: LinkName, nowMs: number): void {
    this.#isUp[link] = true;
    this.#hasEnded[link] = false;
    this.#heardAtMs[link] = nowMs;
    if (link !== "partner") return;
    // It is there after all, and will be synchronised; should it fall silent again, it is told again.
    this.#partingMs = undefined;
    if (this.#isAlone) this.#tell(link);
  }

  /** `ended`: the process at the other end is surely gone. */
  linkDown(link: LinkName, ended: boolean, nowMs: number): void {
    this.#isUp[link] = false;
    this.#hasEnded[link] = ended;
    const { partner, keeper } = this.#hasEnded;
    if (partner && (keeper || this.#options.keeper !== "store"))
      this.#goAlone("nobody is left who could take over", nowMs);
    if (ended) this.#heardAtMs[link] = -Infinity;
    // It may see the end of the link as ours, and take over at once.
    else if (link === "partner") this.#lease.revoke();
    this.#reconsider(nowMs);
  }

  /** Somebody holds everything and may go on from it. */
  guarded(nowMs: number): void {
    if (!this.#isAlone && this.#partingMs === undefined) return;
    this.#isAlone = false;
    this.#hasDisowned = false;
    this.#partingMs = undefined;
    // What they grant is what they were told before this.
    for (const link of ["partner", "keeper"] as const) this.toldCurrent(link);
    this.#heardAtMs.partner = nowMs;
    this.#heardAtMs.keeper = nowMs;
    this.#lookedAtMs = nowMs;
    // Whoever holds it cannot have waited long enough for a takeover yet: it learns that it may only now.
    this.#lease.granted(nowMs, nowMs);
  }

  /** A beat that we sent at `sentAtMs` came back. */
  answered(link: LinkName, sentAtMs: number, nowMs: number): void {
    this.#heardAtMs[link] = nowMs;
    this.#lease.granted(sentAtMs, nowMs);
  }

  /** It is told that what is held is current: what it grants before it has read that binds it no more. */
  toldCurrent(link: LinkName): void {
    this.#voidSolo[link] = this.#lastSolo;
  }

  /** Whoever would have to agree to a takeover will not, until it is told that the state is current again. */
  soloGranted(link: LinkName, number: number, nowMs: number): void {
    if (link !== this.#arbiter || number <= this.#voidSolo[link] || number > this.#lastSolo) return;
    this.#goAlone(`the ${link} will let nobody take over`, nowMs);
  }

  /** Another instance has taken over: this one never sends again. */
  fence(): void {
    this.#isAlone = false;
    this.#lease.fence();
  }

  mayLeave(nowMs: number): boolean {
    return this.#isAlone || this.#lease.holds(nowMs);
  }

  /** Whom to ask for going on alone. */
  get #arbiter(): LinkName | undefined {
    const { keeper, fencing } = this.#options;
    if (keeper === undefined) return fencing === "keep-primary" ? "partner" : undefined;
    return keeper === "store" ? "partner" : "keeper";
  }

  nextDeadlineMs(): number | undefined {
    if (this.#isAlone || this.#lease.fenced) return undefined;
    const lookDueMs = (this.#lookedAtMs ?? Infinity) + this.#lookMs;
    return this.#partingMs === undefined ? Math.min(this.#silenceDueMs(), lookDueMs) : lookDueMs;
  }

  get #lookMs(): number {
    return this.#options.takeoverAfterMs / looksPerTakeover;
  }

  /**
   * How long it was since the last look, without what we stood still ourselves: that is no silence of the others, who may
   * have answered meanwhile. Whoever is asked to let us go on alone is bound by that, even if we end before we read it.
   */
  #look(nowMs: number): number {
    const passedMs = nowMs - (this.#lookedAtMs ?? nowMs);
    const awakeMs = Math.min(passedMs, this.#lookMs);
    this.#lookedAtMs = nowMs;
    for (const link of ["partner", "keeper"] as const)
      this.#heardAtMs[link] = Math.min(this.#heardAtMs[link] + passedMs - awakeMs, nowMs);
    return awakeMs;
  }

  /** When the computer that matters will have been silent for too long. */
  #silenceDueMs(): number {
    const { leaseMs, keeper } = this.#options;
    const matters: LinkName = keeper === "store" ? "keeper" : "partner";
    const dueMs = this.#heardAtMs[matters] + leaseMs;
    return Math.max(dueMs, this.#askedAtMs + leaseMs / 2);
  }

  advance(nowMs: number): void {
    if (this.#isAlone || this.#lease.fenced) return;
    if (this.#partingMs === undefined) this.#reconsider(nowMs);
    else this.#part(this.#partingMs + this.#look(nowMs), nowMs);
    const holds = this.#lease.holds(nowMs);
    if (this.#hadLease && !holds) {
      const text = "nobody who could take over has answered for too long: sending pauses";
      this.#records.push(eventRecord("note", text, nowMs));
    }
    this.#hadLease = holds;
  }

  #reconsider(nowMs: number): void {
    if (this.#isAlone || this.#lease.fenced || this.#partingMs !== undefined) return;
    this.#look(nowMs);
    if (nowMs < this.#silenceDueMs()) return;
    this.#askedAtMs = nowMs;
    const arbiter = this.#arbiter;
    if (arbiter !== undefined && this.#isUp[arbiter]) this.#tell(arbiter);
    if (arbiter === undefined || this.#options.keeper !== undefined) return;
    this.#hasDisowned = true;
    this.#partingMs = 0;
  }

  #part(waitedMs: number, nowMs: number): void {
    this.#partingMs = waitedMs;
    if (waitedMs >= this.#options.takeoverAfterMs)
      this.#goAlone("the standby is silent, and the primary is to be kept", nowMs);
  }

  /** What it holds, or knows to be held, is not to be gone on from; it answers that. */
  #tell(to: LinkName): void {
    this.#lastSolo += 1;
    this.#frames.push({ to, frame: { kind: "solo", epoch: this.#options.epoch, number: this.#lastSolo } });
  }

  #goAlone(why: string, nowMs: number): void {
    if (this.#isAlone || this.#lease.fenced) return;
    this.#isAlone = true;
    this.#hasDisowned = true;
    if (this.#isUp.partner && this.#partingMs === undefined) this.#tell("partner");
    this.#partingMs = undefined;
    const text = `the primary goes on alone: ${why}`;
    this.#records.push(eventRecord("solo", text, nowMs, { reason: why }));
  }
}
