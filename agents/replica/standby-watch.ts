import type { IcmpReport } from "../sctp/index.ts";
import { earliest } from "./active.ts";
import type { ClusterFrame } from "./frames.ts";
import { eventRecord } from "./records.ts";
import type { ArrivedPacket, MemberOptions, Role, RoleOutputs, Settlement, Transition } from "./roles.ts";
import { noOutputs } from "./roles.ts";
import type { LinkName } from "./sending-right.ts";
import type { StandbyInstance } from "./standby.ts";
import { TakeoverDecision } from "./takeover-decision.ts";

/** The member that waits: it holds what it is given, passes on what comes, and decides on a takeover. */
export class StandbyWatch implements Role {
  readonly name = "standby";
  readonly standby: StandbyInstance;
  readonly #decision: TakeoverDecision;
  #epoch: number;
  readonly #keeper: MemberOptions["keeper"];
  #keeperIsUp: boolean = false;
  /** A claim on an earlier link to the keeper had no answer: it may have been granted. */
  #mayBeGranted: boolean = false;
  /** This computer was the primary before, and has not caught up yet. */
  #rejoins: boolean;
  #transition: Transition | undefined;
  #outputs: RoleOutputs = noOutputs();

  constructor(options: MemberOptions, epoch: number, standby: StandbyInstance, rejoins: boolean) {
    this.#epoch = epoch;
    this.standby = standby;
    this.#rejoins = rejoins;
    this.#keeper = options.keeper;
    const { fencing, keeper, takeoverAfterMs } = options;
    this.#decision = new TakeoverDecision({ fencing, keeper, patienceMs: takeoverAfterMs });
  }

  /** Another primary, under a later epoch. */
  follow(epoch: number): void {
    this.#epoch = epoch;
    this.standby.follow(epoch);
  }

  linkUp(link: LinkName, nowMs: number): void {
    if (link === "partner") this.standby.linkUp(nowMs);
    else {
      this.#keeperIsUp = true;
      this.standby.storeLinkUp();
    }
  }

  linkDown(link: LinkName, ended: boolean, nowMs: number): void {
    if (link === "partner") this.standby.linkDown(ended, nowMs);
    else {
      this.#keeperIsUp = false;
      // A keeper that has ended has forgotten what it granted.
      this.#mayBeGranted = !ended && this.#mayHaveBeenGranted;
    }
  }

  receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    if (link === "keeper") this.#heardFromKeeper(frame, nowMs);
    else if (frame.kind === "handover")
      this.#transition = { to: "arriving", epoch: frame.epoch, standby: this.standby };
    else {
      // The store may have granted us already what is asked of us here: the primary asks again.
      if (frame.kind === "solo" && this.#keeper === "store" && this.#mayHaveBeenGranted) return;
      const wasCurrent = this.standby.isCurrent;
      this.standby.receiveFrame(this.#withoutLeave(frame), nowMs);
      if (!wasCurrent && this.standby.isCurrent) this.#caughtUp(nowMs);
    }
  }

  /** A claim that is not answered may be granted at any time: what we answer the primary meanwhile is no leave to send. */
  #withoutLeave(frame: ClusterFrame): ClusterFrame {
    if (frame.kind !== "beat" || this.#decision.claimedAtMs === undefined) return frame;
    const { stampMs: _, ...beat } = frame;
    return beat;
  }

  get #mayHaveBeenGranted(): boolean {
    return this.#mayBeGranted || this.#decision.claimedAtMs !== undefined;
  }

  #caughtUp(nowMs: number): void {
    if (!this.#rejoins) return;
    this.#rejoins = false;
    const epoch = this.#epoch;
    const text = `this computer is the standby again, and holds everything (epoch ${epoch})`;
    this.#outputs.records.push(eventRecord("rejoined", text, nowMs, { epoch }));
  }

  #heardFromKeeper(frame: ClusterFrame, nowMs: number): void {
    switch (frame.kind) {
      case "hello":
        // It names the epoch that it granted on an earlier link, if it did.
        this.#mayBeGranted = false;
        break;
      case "state":
      case "lease":
      case "policy":
        // What the store holds comes before its word that it may be gone on with.
        this.standby.holdOfStore(frame, nowMs);
        break;
      case "claimed": {
        if (this.#keeper === "store") this.standby.storeHasSaidAll();
        const { claimedAtMs: grantedAtMs } = this.#decision;
        if (grantedAtMs !== undefined)
          this.#transition = { to: "primary", epoch: frame.epoch, standby: this.standby, grantedAtMs };
        break;
      }
      case "claimDenied":
        this.#decision.denied(frame.retryAfterMs, nowMs);
        break;
      default:
        break;
    }
  }

  receive({ bytes, route, congestionExperienced }: ArrivedPacket): void {
    this.standby.receive(bytes, route, congestionExperienced);
  }

  receiveIcmp(report: IcmpReport): void {
    this.standby.receiveIcmp(report);
  }

  advance(nowMs: number): void {
    this.standby.advance(nowMs);
  }

  nextDeadlineMs(): number | undefined {
    return earliest(this.standby.nextDeadlineMs(), this.#decision.nextDeadlineMs());
  }

  settle(nowMs: number): Settlement {
    const { suspicion, isCurrent, openHandover } = this.standby;
    const keeperIsUp = this.#keeperIsUp;
    const facts = { epoch: this.#epoch, isCurrent, suspicion, openHandover, keeperIsUp };
    const epoch = this.#decision.decide(facts, nowMs);
    if (epoch !== undefined)
      this.#transition ??= { to: "primary", epoch, standby: this.standby, grantedAtMs: undefined };
    const { packets, frames, records } = this.standby.takeOutputs();
    const outputs = this.#outputs;
    this.#outputs = noOutputs();
    return {
      outputs: {
        packets,
        frames: [
          ...frames.map((frame) => ({ to: "partner" as const, frame })),
          ...this.#decision.takeFrames().map((frame) => ({ to: "keeper" as const, frame })),
        ],
        records: [...records, ...outputs.records, ...this.#decision.takeRecords()],
      },
      transition: this.#transition,
      refused: this.standby.takeRefusal() ? "partner" : undefined,
    };
  }
}
