import type { ClusterFrame } from "./frames.ts";
import { mostPacketsHeld } from "./primary-duty.ts";
import type { ArrivedPacket, MemberOptions, Role, RoleOutputs, Transition } from "./roles.ts";
import { noOutputs } from "./roles.ts";
import type { LinkName } from "./sending-right.ts";
import type { StandbyInstance } from "./standby.ts";

/**
 * Between the primary's word that it has handed over and the proof that the word is fresh. Without that
 * proof a computer which read it late would send beside the one that has taken over from it meanwhile.
 */
export class Arrival implements Role {
  readonly name = "arriving";
  readonly #epoch: number;
  readonly #standby: StandbyInstance;
  readonly #sinceMs: number;
  readonly #options: MemberOptions;
  #proveAgainAtMs: number = Infinity;
  readonly #packets: ArrivedPacket[] = [];
  #provedAtMs: number | undefined;
  #partnerHasEnded: boolean = false;
  #keeperAgrees: boolean;
  #askKeeperAtMs: number = Infinity;
  #outputs: RoleOutputs = noOutputs();

  constructor(options: MemberOptions, epoch: number, standby: StandbyInstance, nowMs: number) {
    this.#epoch = epoch;
    this.#standby = standby;
    this.#sinceMs = nowMs;
    this.#options = options;
    this.#keeperAgrees = options.keeper === undefined;
    this.#prove(nowMs);
    if (!this.#keeperAgrees) this.#outputs.frames.push({ to: "keeper", frame: { kind: "claim", epoch } });
  }

  #prove(nowMs: number): void {
    this.#proveAgainAtMs = nowMs + this.#options.beatIntervalMs;
    const frame = { kind: "beat", epoch: this.#epoch, stampMs: nowMs } as const;
    this.#outputs.frames.push({ to: "partner", frame });
  }

  linkUp(link: LinkName, nowMs: number): void {
    if (link === "partner") this.#prove(nowMs);
    else if (!this.#keeperAgrees) this.#askKeeperAtMs = nowMs;
  }

  linkDown(link: LinkName, ended: boolean): void {
    if (link === "partner" && ended) this.#partnerHasEnded = true;
  }

  receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    if (link === "partner") {
      // Whoever handed over has our epoch: another process answers in its place, and holds nothing.
      if (frame.kind === "hello" && frame.epoch < this.#epoch) this.#partnerHasEnded = true;
      else if (frame.kind === "beat") this.#answered(frame.stampMs ?? 0, nowMs);
      else if (frame.kind === "inbound") {
        const { packet: bytes, route, congestionExperienced } = frame;
        this.receive({ bytes, route, congestionExperienced });
      }
    } else if (frame.kind === "claimed") this.#keeperAgrees = true;
    else if (frame.kind === "state" || frame.kind === "lease") this.#standby.hold(frame, nowMs);
    else if (frame.kind === "claimDenied") this.#denied(frame.retryAfterMs, nowMs);
  }

  /** Whoever handed over waits for us after each answer, and takes over after that: an old one proves nothing. */
  #answered(sentAtMs: number, nowMs: number): void {
    const { leaseMs } = this.#options;
    if (sentAtMs >= this.#sinceMs && nowMs - sentAtMs <= leaseMs) this.#provedAtMs = sentAtMs;
  }

  /** 0: not as long as things are as they are. */
  #denied(retryAfterMs: number, nowMs: number): void {
    this.#askKeeperAtMs =
      nowMs + (retryAfterMs > 0 ? Math.max(retryAfterMs, 1) : this.#options.takeoverAfterMs);
  }

  receive(packet: ArrivedPacket): void {
    if (this.#packets.length < mostPacketsHeld) this.#packets.push(packet);
  }

  receiveIcmp(): void {
    // Lost like a packet: the next one says it again.
  }

  advance(nowMs: number): void {
    if (this.#proveAgainAtMs <= nowMs) this.#prove(nowMs);
    if (this.#askKeeperAtMs > nowMs) return;
    this.#askKeeperAtMs = Infinity;
    this.#outputs.frames.push({ to: "keeper", frame: { kind: "claim", epoch: this.#epoch } });
  }

  nextDeadlineMs(): number {
    return Math.min(this.#askKeeperAtMs, this.#proveAgainAtMs);
  }

  settle(nowMs: number): { outputs: RoleOutputs; transition?: Transition | undefined } {
    const outputs = this.#outputs;
    this.#outputs = noOutputs();
    const isFresh = this.#provedAtMs !== undefined && nowMs - this.#provedAtMs <= this.#options.leaseMs;
    const isProved = isFresh || this.#partnerHasEnded;
    if (!isProved || !this.#keeperAgrees) return { outputs };
    const arrival = {
      standby: this.#standby,
      packets: this.#packets,
      provedAtMs: this.#partnerHasEnded ? undefined : this.#provedAtMs,
      tookMs: nowMs - this.#sinceMs,
    };
    return { outputs, transition: { to: "primary-by-handover", epoch: this.#epoch, arrival } };
  }
}
