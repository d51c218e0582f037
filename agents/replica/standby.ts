import type { AssociationState, IcmpReport, Route } from "../sctp/index.ts";
import { answerHeartbeat, applyUpdate, assert, deliveredPayload, openState } from "../sctp/index.ts";
import type { InstanceOutputs } from "./active.ts";
import type { ClusterFrame, ReplicatedUpdate } from "./frames.ts";
import { linkVersion } from "./frames.ts";
import { deliveryRecord, eventRecord, updateRecord } from "./records.ts";

export interface StandbyOptions {
  readonly epoch: number;
  readonly beatIntervalMs: number;
  /** Silence of the primary after which it counts as dead; longer than its lease. */
  readonly takeoverAfterMs: number;
}

/** More than a primary can have ended without a word of it from us: its backlog is bounded too. */
const maxEndedRemembered = 65_536;

/** Why the primary counts as dead. */
export interface Detection {
  readonly reason: "link-closed" | "silence";
  readonly text: string;
}

/**
 * The secondary instance: holds a copy of each association's state, proves to the peer that its address
 * works, and notices when the primary is gone. Pure; the host puts an `ActiveInstance` in its place then.
 */
export class StandbyInstance {
  readonly #options: StandbyOptions;
  readonly #states: Map<number, AssociationState> = new Map<number, AssociationState>();
  #linkUp: boolean = false;
  #primaryLeft: boolean = false;
  #heardAtMs: number = 0;
  #lastAdvanceMs: number = 0;
  #nextLookMs: number = 0;
  #detection: Detection | undefined;
  /** Number of the last update of associations that ended, oldest first: a primary may send it again. */
  readonly #ended: Map<number, number> = new Map<number, number>();
  #outputs: InstanceOutputs = { packets: [], frames: [], records: [] };

  constructor(options: StandbyOptions) {
    this.#options = options;
  }

  get states(): readonly AssociationState[] {
    return [...this.#states.values()];
  }

  /** Set once the primary is found dead while there is something to take over. */
  get detection(): Detection | undefined {
    return this.#detection;
  }

  linkUp(nowMs: number): void {
    this.#linkUp = true;
    this.#primaryLeft = false;
    this.#heardAtMs = nowMs;
    this.#lastAdvanceMs = nowMs;
    this.#nextLookMs = nowMs;
    this.#outputs.frames.push({
      kind: "hello",
      epoch: this.#options.epoch,
      version: linkVersion,
      role: "standby",
    });
  }

  /** A closed link is news at once: the primary's process is gone, or its way to us is. */
  linkDown(nowMs: number): void {
    if (!this.#linkUp) return;
    this.#linkUp = false;
    this.#primaryLost("link-closed", "the cluster link to the primary was closed", nowMs);
  }

  #primaryLost(reason: Detection["reason"], text: string, nowMs: number): void {
    // An association that ended counts too: its peer may be waiting for the last word of the shutdown.
    const nothingToServe = this.#states.size === 0 && this.#ended.size === 0;
    if (this.#primaryLeft || nothingToServe || this.#detection !== undefined) return;
    this.#detection = { reason, text };
    this.#outputs.records.push(eventRecord("primary-lost", text, nowMs, { reason }));
  }

  receiveFrame(frame: ClusterFrame, nowMs: number): void {
    // Words of an instance that was replaced count for nothing.
    if (frame.epoch < this.#options.epoch) return;
    this.#heardAtMs = nowMs;
    if (frame.kind === "updates") this.#hold(frame.updates, frame.epoch, nowMs);
    else if (frame.kind === "beat") this.#outputs.frames.push({ ...frame, epoch: this.#options.epoch });
    else if (frame.kind === "leaving") this.#primaryLeft = true;
    else if (frame.kind === "outbound") {
      const { route, packet } = frame;
      this.#outputs.packets.push({ ...route, bytes: packet, reason: "data", dependsOn: 0, association: 0 });
    }
  }

  #hold(updates: readonly ReplicatedUpdate[], epoch: number, nowMs: number): void {
    const heldUpTo = new Map<number, number>();
    for (const each of updates) {
      const { association } = each;
      const known = this.#states.get(association)?.sequence ?? this.#ended.get(association) ?? 0;
      heldUpTo.set(association, Math.max(known, each.sequence));
      // Sent again after a broken link: it was held before, and the word of that was lost.
      if (each.sequence <= known) continue;
      this.#apply(each, nowMs);
      this.#outputs.records.push(updateRecord("held", each, epoch, nowMs));
    }
    for (const [association, sequence] of heldUpTo) {
      this.#outputs.frames.push({ kind: "held", epoch: this.#options.epoch, association, sequence });
    }
  }

  #apply(each: ReplicatedUpdate, nowMs: number): void {
    const { association, update, sequence } = each;
    if (update.kind === "opened") {
      this.#states.set(association, openState(update));
      this.#ended.delete(association);
      return;
    }
    const state = this.#states.get(association);
    assert(state !== undefined && sequence === state.sequence + 1, "updates come without a gap");
    if (update.kind === "delivered" || update.kind === "dataDelivered") {
      const payload = deliveredPayload(state, update);
      const record = deliveryRecord(payload, sequence, nowMs);
      if (record !== undefined) this.#outputs.records.push(record);
    }
    applyUpdate(state, update);
    if (state.phase !== "closed") return;
    this.#states.delete(association);
    this.#ended.set(association, sequence);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > maxEndedRemembered && oldest !== undefined) this.#ended.delete(oldest);
  }

  /** A packet of the peer at our address: a HEARTBEAT is answered here, everything else is the primary's. */
  receive(bytes: Uint8Array, route: Route, congestionExperienced: boolean): void {
    const answer = answerHeartbeat(this.#states.values(), bytes, route.remote);
    if (answer !== undefined) {
      this.#outputs.packets.push({
        ...route,
        bytes: answer,
        reason: "heartbeat-ack",
        dependsOn: 0,
        association: 0,
      });
    } else if (this.#linkUp) {
      const { epoch } = this.#options;
      this.#outputs.frames.push({ kind: "inbound", epoch, route, packet: bytes, congestionExperienced });
    }
  }

  /** The packet that ICMP is about was the primary's, sent from our address. */
  receiveIcmp(report: IcmpReport): void {
    if (this.#linkUp) this.#outputs.frames.push({ kind: "icmp", epoch: this.#options.epoch, report });
  }

  nextDeadlineMs(): number | undefined {
    return this.#linkUp ? this.#nextLookMs : undefined;
  }

  advance(nowMs: number): void {
    if (!this.#linkUp) return;
    const stalledMs = nowMs - this.#lastAdvanceMs - this.#options.beatIntervalMs;
    this.#lastAdvanceMs = nowMs;
    if (stalledMs > this.#options.takeoverAfterMs / 4) {
      // We were not running ourselves: what the primary sent meanwhile is still unread.
      this.#heardAtMs += stalledMs;
      const text = `this computer stood still for ${Math.round(stalledMs)} ms`;
      this.#outputs.records.push(eventRecord("stall", text, nowMs, { stalledMs: Math.round(stalledMs) }));
    }
    const silentMs = nowMs - this.#heardAtMs;
    if (silentMs > this.#options.takeoverAfterMs) {
      this.#primaryLost(
        "silence",
        `nothing was heard from the primary for ${Math.round(silentMs)} ms`,
        nowMs,
      );
    }
    if (this.#nextLookMs <= nowMs) this.#nextLookMs = nowMs + this.#options.beatIntervalMs;
  }

  takeOutputs(): InstanceOutputs {
    const outputs = this.#outputs;
    this.#outputs = { packets: [], frames: [], records: [] };
    return outputs;
  }
}
