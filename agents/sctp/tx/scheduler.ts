import { assert } from "../base/assert.ts";
import type { SchedulerName } from "../base/parameters.ts";
import type { OutboundStream, SendState } from "./send-state.ts";

export interface SchedulerSnapshot {
  readonly name: SchedulerName;
  readonly active: readonly number[];
  readonly current: number | undefined;
  readonly inTurn: number;
  readonly values: readonly (readonly [number, number])[];
  readonly served: readonly (readonly [number, number])[];
  readonly paused: readonly number[];
  readonly allPaused: boolean;
  readonly pausedFrom: number;
  readonly held: readonly number[];
}

/**
 * Chooses the stream whose first message gets the next TSN. Without interleaving a message that has
 * begun is finished first, whatever the scheduler would like (RFC 8260 section 2.2).
 */
export class Scheduler {
  #name: SchedulerName;
  readonly #interleaving: boolean;
  /** Streams with something in the queue, in the order in which they became busy. */
  #active: number[] = [];
  /** Streams in which no message may begin, all where it says so, and those of them with something in the queue. */
  readonly #paused: Set<number> = new Set<number>();
  #allPaused: boolean = false;
  #pausedFrom: number = 0;
  #held: number[] = [];
  /** Stream of the message that has begun. */
  #current: number | undefined;
  /** Stream that was served last: the others come before it again. */
  #inTurn: number = -1;
  /** Stream that was served last in the packet that is being filled. */
  #packetStream: number | undefined;
  /** Priority (smaller is sooner) or weight (larger is more), by stream; 0 means none was set. */
  readonly #values: Map<number, number> = new Map<number, number>();
  /** Bytes, weighted, that a stream was given while others waited. */
  readonly #served: Map<number, number> = new Map<number, number>();

  constructor(name: SchedulerName, interleaving: boolean) {
    this.#name = name;
    this.#interleaving = interleaving;
  }

  get name(): SchedulerName {
    return this.#name;
  }

  /** Takes effect with the next message (RFC 8260 section 4.3.2). */
  use(name: SchedulerName): void {
    this.#name = name;
    this.#served.clear();
  }

  /** The priority or the weight of a stream (RFC 8260 section 4.3.3). */
  setValue(streamId: number, value: number): void {
    this.#values.set(streamId, value);
  }

  setValues(values: readonly (readonly [streamId: number, value: number])[] = []): void {
    for (const [streamId, value] of values) this.setValue(streamId, value);
  }

  value(streamId: number): number {
    return this.#values.get(streamId) ?? 0;
  }

  /** A message came into a stream's queue, which was empty before if `wasEmpty`. */
  queued(streamId: number, wasEmpty: boolean): void {
    if (!wasEmpty) return;
    if (this.#isPaused(streamId)) {
      this.#held.push(streamId);
      return;
    }
    if (this.#isFair && this.#active.length > 0) {
      // A stream that was silent gets no credit for that.
      const least = Math.min(...this.#active.map((each) => this.#served.get(each) ?? 0));
      this.#served.set(streamId, Math.max(this.#served.get(streamId) ?? 0, least));
    }
    this.#active.push(streamId);
  }

  #isPaused(streamId: number): boolean {
    return this.#allPaused || this.#paused.has(streamId);
  }

  /** No message from this order on begins in these streams until `resumeAll`; those before it are sent. */
  pause(streamIds: readonly number[], fromOrder: number): void {
    for (const streamId of streamIds) this.#paused.add(streamId);
    this.#pausedFrom = fromOrder;
  }

  pauseAll(fromOrder: number): void {
    // Who asks again does not let in what came meanwhile.
    if (!this.#allPaused) this.#pausedFrom = fromOrder;
    this.#allPaused = true;
  }

  resumeAll(): void {
    this.#paused.clear();
    this.#allPaused = false;
    this.#active.push(...this.#held);
    this.#held = [];
  }

  /** Whether something is still to be sent in one of these streams before the pause; none listed: in any. */
  isFinishing(send: SendState, streamIds: readonly number[]): boolean {
    const isLeft = (streamId: number): boolean => this.#precedesPause(send, streamId);
    return (streamIds.length === 0 ? [...this.#active] : streamIds).some(isLeft);
  }

  #precedesPause(send: SendState, streamId: number): boolean {
    const first = send.streams.get(streamId)?.queue.first;
    return first !== undefined && (first.assignedBytes > 0 || first.order < this.#pausedFrom);
  }

  /** Takes streams that wait for nothing but their next message out of the way, where they are paused. */
  #holdPaused(send: SendState): void {
    if (!this.#allPaused && this.#paused.size === 0) return;
    for (const streamId of [...this.#active]) {
      if (this.#precedesPause(send, streamId) || !this.#isPaused(streamId)) continue;
      this.#leave(streamId);
      this.#held.push(streamId);
    }
  }

  get #isFair(): boolean {
    return this.#name === "fair-bandwidth" || this.#name === "weighted-fair-queueing";
  }

  /** The stream to send from; undefined when nothing is queued. */
  next(send: SendState): OutboundStream | undefined {
    this.#holdPaused(send);
    if (this.#active.length === 0) return undefined;
    const streamId = this.#current ?? (this.#active.length === 1 ? this.#active[0]! : this.#choose(send));
    return send.streams.get(streamId);
  }

  #choose(send: SendState): number {
    switch (this.#name) {
      case "first-come-first-served":
        return this.#least((each) => send.streams.get(each)?.queue.first?.order ?? Infinity);
      case "round-robin":
        return this.#afterLast();
      case "round-robin-per-packet": {
        const stays = this.#packetStream !== undefined && this.#active.includes(this.#packetStream);
        return stays ? this.#packetStream! : this.#afterLast();
      }
      case "priority":
        return this.#least((each) => this.value(each));
      case "fair-bandwidth":
      case "weighted-fair-queueing":
        return this.#least((each) => this.#served.get(each) ?? 0);
    }
  }

  /** The stream after the one that was served last, going round. */
  #afterLast(): number {
    return this.#active[(this.#active.indexOf(this.#inTurn) + 1) % this.#active.length]!;
  }

  /** Of the streams with the smallest measure the one whose turn it is. */
  #least(measure: (streamId: number) => number): number {
    const from = this.#active.indexOf(this.#inTurn) + 1;
    let best = this.#active[from % this.#active.length]!;
    let least = measure(best);
    for (let step = 1; step < this.#active.length; step++) {
      const each = this.#active[(from + step) % this.#active.length]!;
      const value = measure(each);
      if (value < least) [best, least] = [each, value];
    }
    return best;
  }

  /** A fragment of a stream got its TSN; `ended` with its message, `empty` the stream's queue. */
  assigned(streamId: number, bytes: number, ended: boolean, empty: boolean): void {
    this.#current = ended || this.#interleaving ? undefined : streamId;
    if (this.#active.length > 1 && this.#isFair) {
      const weight = this.#name === "weighted-fair-queueing" ? Math.max(1, this.value(streamId)) : 1;
      this.#served.set(streamId, (this.#served.get(streamId) ?? 0) + bytes / weight);
    }
    this.#inTurn = streamId;
    this.#packetStream = streamId;
    if (empty) this.#leave(streamId);
  }

  /** Only chunks of one stream share a packet (RFC 8260 section 3.3). */
  get keepsStreamsApart(): boolean {
    return this.#name === "round-robin-per-packet";
  }

  /** A packet is full: per packet the next stream has its turn (RFC 8260 section 3.3). */
  packetFilled(): void {
    this.#packetStream = undefined;
  }

  /** The first message of a stream was dropped. */
  discarded(streamId: number, empty: boolean): void {
    if (this.#current === streamId) this.#current = undefined;
    if (empty) this.#leave(streamId);
  }

  #leave(streamId: number): void {
    const held = this.#held.indexOf(streamId);
    if (held >= 0) {
      this.#held.splice(held, 1);
      return;
    }
    const at = this.#active.indexOf(streamId);
    assert(at >= 0, "a stream that sends is busy");
    if (this.#inTurn === streamId) this.#inTurn = this.#active[at - 1] ?? this.#active.at(-1) ?? -1;
    this.#active.splice(at, 1);
  }

  snapshot(): SchedulerSnapshot {
    return {
      name: this.#name,
      active: [...this.#active],
      current: this.#current,
      inTurn: this.#inTurn,
      values: [...this.#values],
      served: [...this.#served],
      paused: [...this.#paused],
      allPaused: this.#allPaused,
      pausedFrom: this.#pausedFrom,
      held: [...this.#held],
    };
  }

  restore(state: SchedulerSnapshot): void {
    this.#name = state.name;
    this.#active = [...state.active];
    this.#held = [...state.held];
    this.#pausedFrom = state.pausedFrom;
    this.#allPaused = state.allPaused;
    for (const streamId of state.paused) this.#paused.add(streamId);
    this.#current = state.current;
    this.#inTurn = state.inTurn;
    for (const [streamId, value] of state.values) this.#values.set(streamId, value);
    for (const [streamId, served] of state.served) this.#served.set(streamId, served);
  }

  /** Begins with what another instance had queued, in the order of its messages. */
  resume(send: SendState): void {
    const busy = [...send.streams].filter(([, stream]) => stream.queue.length > 0);
    busy.sort(([, a], [, b]) => (a.queue.first?.order ?? 0) - (b.queue.first?.order ?? 0));
    this.#active = busy.map(([streamId]) => streamId);
    const begun = busy.find(([, stream]) => (stream.queue.first?.assignedBytes ?? 0) > 0);
    this.#current = this.#interleaving ? undefined : begun?.[0];
  }
}
