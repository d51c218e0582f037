import type { Side } from "../knobs.ts";
import { otherSide } from "../knobs.ts";
import { hold } from "./violation.ts";

/** A message that an endpoint accepted from its user; `id` travels as its payload protocol identifier. */
export interface AcceptedMessage {
  readonly id: number;
  readonly streamId: number;
  readonly unordered: boolean;
  readonly payload: Uint8Array;
  /** A policy of partial reliability: it may be given up. */
  readonly reliability: object | undefined;
}

interface Entry extends AcceptedMessage {
  readonly side: Side;
  readonly handle: number;
  delivered: boolean;
  /** A later message of its stream was delivered: it must not come any more. */
  passed: boolean;
  /** At least a part of it was put on the network. */
  sent: boolean;
  /** The other side has started anew since it was sent. */
  mayBeLost: boolean;
  /** What was handed on of it in parts. */
  partBytes: number;
}

export interface DeliveredMessage {
  readonly streamId: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly payload: Uint8Array;
  /** Both set: a whole message. */
  readonly beginning: boolean;
  readonly ending: boolean;
}

/** What the users gave and got: exactly once, intact, in order of the stream. */
export class MessageChecker {
  readonly #entries: Map<number, Entry> = new Map<number, Entry>();
  /** Ordered messages of a stream that are not delivered yet, by association of the sender. */
  readonly #streams: Map<string, Entry[]> = new Map<string, Entry[]>();
  readonly #pending: Map<string, Set<number>> = new Map<string, Set<number>>();
  delivered: number = 0;

  accepted(side: Side, handle: number, message: AcceptedMessage): void {
    const entry: Entry = {
      ...message,
      side,
      handle,
      delivered: false,
      passed: false,
      sent: false,
      mayBeLost: false,
      partBytes: 0,
    };
    this.#entries.set(message.id, entry);
    const key = `${side}:${handle}`;
    const pending = this.#pending.get(key);
    if (pending === undefined) this.#pending.set(key, new Set([message.id]));
    else pending.add(message.id);
    if (message.unordered) return;
    const stream = streamOf(entry);
    const queue = this.#streams.get(stream);
    if (queue === undefined) this.#streams.set(stream, [entry]);
    else queue.push(entry);
  }

  /** `peerHandle`: the sender's name of the association, where the receiver's side knows it. */
  arrived(side: Side, peerHandle: number | undefined, message: DeliveredMessage): void {
    const entry = this.#entries.get(message.ppid);
    const text = `message ${message.ppid} at ${side} on stream ${message.streamId}`;
    hold(
      entry !== undefined && entry.side === otherSide(side),
      "only what was sent is delivered",
      () => text,
    );
    hold(
      peerHandle === undefined || entry.handle === peerHandle,
      "a message stays in its association",
      () => text,
    );
    hold(!entry.delivered, "a message is delivered once", () => text);
    const same = entry.streamId === message.streamId && entry.unordered === message.unordered;
    hold(same, "stream and order are those of the sender", () => text);
    this.#checkContent(entry, message, text);
    if (!message.unordered) this.#checkOrder(entry, text);
    if (!message.ending) return;
    if (!message.unordered) this.#streams.get(streamOf(entry))?.shift();
    entry.delivered = true;
    this.#pending.get(`${entry.side}:${entry.handle}`)?.delete(entry.id);
    this.delivered += 1;
  }

  /** Everything before it was delivered, or is of the kind that may be given up. */
  #checkOrder(entry: Entry, text: string): void {
    hold(!entry.passed, "order within a stream", () => `${text} comes after later ones`);
    const queue = this.#streams.get(streamOf(entry)) ?? [];
    for (let first = queue[0]; first !== undefined && first !== entry; first = queue[0]) {
      const { id, reliability, mayBeLost } = first;
      hold(
        reliability !== undefined || mayBeLost,
        "order within a stream",
        () => `${text}, message ${id} was to come`,
      );
      first.passed = true;
      queue.shift();
    }
  }

  /** The sender was told that a message may never arrive. */
  failed(side: Side, handle: number, id: number, reason: string): void {
    const entry = this.#entries.get(id);
    const text = `message ${id} of ${side}: ${reason}`;
    hold(
      entry !== undefined && entry.side === side && entry.handle === handle,
      "only what was sent fails",
      () => text,
    );
    hold(
      entry.reliability !== undefined || reason === "association-lost",
      "reliable messages are not given up",
      () => text,
    );
    this.#pending.get(`${side}:${handle}`)?.delete(id);
  }

  #checkContent(entry: Entry, message: DeliveredMessage, text: string): void {
    const start = entry.partBytes;
    const end = start + message.payload.length;
    hold(message.beginning === (start === 0), "parts come in order", () => `${text} after ${start} bytes`);
    const expected = entry.payload.subarray(start, end);
    hold(
      Buffer.compare(expected, message.payload) === 0 && message.ending === (end === entry.payload.length),
      "content is intact",
      () => `${text}: ${start} to ${end} of ${entry.payload.length} bytes`,
    );
    entry.partBytes = end;
  }

  /** A DATA chunk of this message was put on the network. */
  sent(id: number): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.sent = true;
  }

  /**
   * The other side has started anew under the same tag of this side: what was sent before may have gone to its
   * predecessor, got or not. What was not sent yet is still owed: nothing in RFC 9260 section 5.2.4, action B,
   * takes it away.
   */
  mayBeLost(side: Side, handle: number): void {
    const pending = this.#pending.get(`${side}:${handle}`);
    for (const entry of this.#entries.values()) {
      if (entry.side !== side || entry.handle !== handle || !entry.sent) continue;
      entry.mayBeLost = true;
      pending?.delete(entry.id);
    }
  }

  /** Messages that this side gave to its association, and that neither arrived nor were reported as given up. */
  undelivered(side: Side, handle: number): ReadonlySet<number> {
    return this.#pending.get(`${side}:${handle}`) ?? nothing;
  }
}

const streamOf = ({ side, handle, streamId }: Entry): string => `${side}:${handle}:${streamId}`;

const nothing: ReadonlySet<number> = new Set<number>();
