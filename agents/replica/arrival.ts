import type { ClusterFrame } from "./frames.ts";
import { mostPacketsHeld } from "./primary-duty.ts";
import type { ArrivedPacket, MemberOptions, Role, RoleOutputs, Settlement, StartingLease } from "./roles.ts";
import { noOutputs } from "./roles.ts";
import type { LinkName } from "./sending-right.ts";
import type { StandbyInstance } from "./standby.ts";

/**
 * Between the primary's word that it has handed over and the proof that the word is fresh. Without that
 * proof a computer which read it late would send beside the one that has taken over from it meanwhile.
 * The proof is an answer of the one that handed over, its sure end, or the keeper's leave; a store gives the
 * states with its leave, so that nothing else will do there.
 */
export class Arrival implements Role {
  readonly name = "arriving";
  readonly #epoch: number;
  readonly #standby: StandbyInstance;
  readonly #sinceMs: number;
  readonly #options: MemberOptions;
  readonly #packets: ArrivedPacket[] = [];
  #proveAgainAtMs: number = Infinity;
  #provedAtMs: number = -Infinity;
  #partnerHasEnded: boolean = false;
  /** Another process runs in its place: what that one answers proves nothing. */
  #partnerIsReplaced: boolean = false;
  /** When the keeper was asked last, when it is to be asked again once it has answered, and the asking that it granted. */
  #askedAtMs: number = -Infinity;
  #askAgainAtMs: number = Infinity;
  #grantedAtMs: number = -Infinity;
  #outputs: RoleOutputs = noOutputs();

  constructor(options: MemberOptions, epoch: number, standby: StandbyInstance, nowMs: number) {
    this.#epoch = epoch;
    this.#standby = standby;
    this.#sinceMs = nowMs;
    this.#options = options;
    this.#prove(nowMs);
    if (options.keeper !== undefined) this.#ask(nowMs);
  }

  #prove(nowMs: number): void {
    this.#proveAgainAtMs = nowMs + this.#options.beatIntervalMs;
    const frame = { kind: "beat", epoch: this.#epoch, stampMs: nowMs } as const;
    this.#outputs.frames.push({ to: "partner", frame });
  }

  #ask(nowMs: number): void {
    this.#askedAtMs = nowMs;
    this.#askAgainAtMs = Infinity;
    this.#outputs.frames.push({ to: "keeper", frame: { kind: "claim", epoch: this.#epoch } });
  }

  linkUp(link: LinkName, nowMs: number): void {
    if (link === "partner") this.#prove(nowMs);
    else {
      this.#standby.storeLinkUp();
      this.#ask(nowMs);
    }
  }

  linkDown(link: LinkName, ended: boolean): void {
    if (link === "partner" && ended) this.#partnerHasEnded = true;
  }

  receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    if (link === "keeper") this.#heardFromKeeper(frame, nowMs);
    else if (frame.kind === "hello" && frame.epoch < this.#epoch) this.#partnerReplaced();
    else if (frame.kind === "beat") this.#answered(frame.stampMs ?? 0, nowMs);
    else if (frame.kind === "inbound") {
      const { packet: bytes, route, congestionExperienced } = frame;
      this.receive({ bytes, route, congestionExperienced });
    }
  }

  #heardFromKeeper(frame: ClusterFrame, nowMs: number): void {
    if (frame.kind === "state" || frame.kind === "lease") this.#standby.holdOfStore(frame, nowMs);
    else if (frame.kind === "claimed") {
      this.#grantedAtMs = this.#askedAtMs;
      // What was granted too long ago may have been taken back.
      if (nowMs - this.#askedAtMs > this.#options.leaseMs) this.#ask(nowMs);
    } else if (frame.kind === "claimDenied") this.#denied(frame.retryAfterMs, nowMs);
  }

  /** 0: not as long as things are as they are. */
  #denied(retryAfterMs: number, nowMs: number): void {
    this.#askAgainAtMs =
      nowMs + (retryAfterMs > 0 ? Math.max(retryAfterMs, 1) : this.#options.takeoverAfterMs);
  }

  /**
   * Whoever handed over has our epoch, so this is another process. The one that handed over may have taken
   * over again before it ended, unless it was bound to keep the primary.
   */
  #partnerReplaced(): void {
    this.#partnerIsReplaced = true;
    const { keeper, fencing } = this.#options;
    if (keeper === undefined && fencing === "keep-primary") this.#partnerHasEnded = true;
  }

  /** Whoever handed over waits for us after each answer, and takes over after that: an old one proves nothing. */
  #answered(sentAtMs: number, nowMs: number): void {
    if (!this.#partnerIsReplaced && sentAtMs >= this.#sinceMs && sentAtMs <= nowMs)
      this.#provedAtMs = sentAtMs;
  }

  receive(packet: ArrivedPacket): void {
    if (this.#packets.length < mostPacketsHeld) this.#packets.push(packet);
  }

  receiveIcmp(): void {
    // Lost like a packet: the next one says it again.
  }

  advance(nowMs: number): void {
    if (this.#proveAgainAtMs <= nowMs) this.#prove(nowMs);
    if (this.#askAgainAtMs <= nowMs) this.#ask(nowMs);
  }

  nextDeadlineMs(): number {
    return Math.min(this.#askAgainAtMs, this.#proveAgainAtMs);
  }

  settle(nowMs: number): Settlement {
    const outputs = this.#outputs;
    this.#outputs = noOutputs();
    const lease = this.#lease(nowMs);
    const isStore = this.#options.keeper === "store";
    if (isStore ? lease?.by !== "keeper" : lease === undefined && !this.#partnerHasEnded) return { outputs };
    if (isStore) this.#standby.storeHasSaidAll();
    const arrival = {
      standby: this.#standby,
      packets: this.#packets,
      lease,
      partnerIsStandby: !this.#partnerHasEnded && !this.#partnerIsReplaced,
      tookMs: nowMs - this.#sinceMs,
    };
    return { outputs, transition: { to: "primary-by-handover", epoch: this.#epoch, arrival } };
  }

  /** What shows that nobody else has taken over, for so long from now. */
  #lease(nowMs: number): StartingLease | undefined {
    const { leaseMs } = this.#options;
    if (nowMs - this.#grantedAtMs <= leaseMs) return { by: "keeper", atMs: this.#grantedAtMs };
    if (nowMs - this.#provedAtMs <= leaseMs) return { by: "partner", atMs: this.#provedAtMs };
    return undefined;
  }
}
