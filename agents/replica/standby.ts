import type { AssociationState, Route } from "../sctp/index.ts";
import { answerHeartbeat, applyUpdate, assert, bufferedMessage, openState } from "../sctp/index.ts";
import type { InstanceOutputs } from "./active.ts";
import type { ClusterFrame, ReplicatedUpdate } from "./frames.ts";
import { deliveryRecord, eventRecord, updateRecord } from "./records.ts";

export interface StandbyOptions {
  readonly epoch: number;
  readonly beatIntervalMs: number;
  /** Silence of the primary after which it counts as dead; longer than its lease. */
  readonly takeoverAfterMs: number;
}

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
  #nextBeatMs: number = 0;
  #detection: Detection | undefined;
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
    this.#nextBeatMs = nowMs;
    this.#outputs.frames.push({ kind: "hello", epoch: this.#options.epoch, primary: false });
  }

  /** A closed link is news at once: the primary's process is gone, or its way to us is. */
  linkDown(nowMs: number): void {
    if (!this.#linkUp) return;
    this.#linkUp = false;
    this.#primaryLost("link-closed", "the cluster link to the primary was closed", nowMs);
  }

  #primaryLost(reason: Detection["reason"], text: string, nowMs: number): void {
    if (this.#primaryLeft || this.#states.size === 0 || this.#detection !== undefined) return;
    this.#detection = { reason, text };
    this.#outputs.records.push(eventRecord("primary-lost", text, nowMs, { reason }));
  }

  receiveFrame(frame: ClusterFrame, nowMs: number): void {
    this.#heardAtMs = nowMs;
    if (frame.kind === "updates") this.#hold(frame.updates, frame.epoch, nowMs);
    else if (frame.kind === "leaving") this.#primaryLeft = true;
    else if (frame.kind === "outbound") {
      const { route, packet } = frame;
      this.#outputs.packets.push({ ...route, bytes: packet, reason: "data", dependsOn: 0 });
    }
  }

  #hold(updates: readonly ReplicatedUpdate[], epoch: number, nowMs: number): void {
    const heldUpTo = new Map<number, number>();
    for (const each of updates) {
      const known = this.#states.get(each.association)?.sequence ?? 0;
      if (each.sequence <= known) continue;
      this.#apply(each, nowMs);
      heldUpTo.set(each.association, each.sequence);
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
      return;
    }
    const state = this.#states.get(association);
    assert(state !== undefined && sequence === state.sequence + 1, "updates come without a gap");
    if (update.kind === "delivered") {
      const payload = bufferedMessage(state, update.firstTsn, update.lastTsn);
      const record = deliveryRecord(payload, sequence, nowMs);
      if (record !== undefined) this.#outputs.records.push(record);
    }
    applyUpdate(state, update);
    if (state.phase === "closed") this.#states.delete(association);
  }

  /** A packet of the peer at our address: a HEARTBEAT is answered here, everything else is the primary's. */
  receive(bytes: Uint8Array, route: Route): void {
    const answer = answerHeartbeat(this.#states.values(), bytes, route.remote);
    if (answer !== undefined) {
      this.#outputs.packets.push({ ...route, bytes: answer, reason: "heartbeat-ack", dependsOn: 0 });
    } else if (this.#linkUp) {
      this.#outputs.frames.push({ kind: "inbound", epoch: this.#options.epoch, route, packet: bytes });
    }
  }

  nextDeadlineMs(): number | undefined {
    return this.#linkUp ? this.#nextBeatMs : undefined;
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
    if (this.#nextBeatMs > nowMs) return;
    this.#nextBeatMs = nowMs + this.#options.beatIntervalMs;
    this.#outputs.frames.push({ kind: "beat", epoch: this.#options.epoch });
  }

  takeOutputs(): InstanceOutputs {
    const outputs = this.#outputs;
    this.#outputs = { packets: [], frames: [], records: [] };
    return outputs;
  }
}
