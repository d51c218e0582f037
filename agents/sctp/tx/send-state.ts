import { assert } from "../base/assert.ts";
import { Fifo } from "../base/fifo.ts";
import type { Ssn, Tsn } from "../base/serial.ts";
import { ssnNext, tsnAdd, tsnDistance, tsnLess, tsnLessOrEqual, tsnNext } from "../base/serial.ts";

/** How long a message is worth sending: the policies of RFC 3758 section 4.1 and RFC 7496 section 4. */
export type Reliability =
  | { readonly policy: "timed"; readonly lifetimeMs: number }
  | { readonly policy: "limited-retransmissions"; readonly maxRetransmits: number }
  /** Given up for the sake of messages with a smaller number when the send buffer is full. */
  | { readonly policy: "priority"; readonly priority: number };

/** What the user said about a message beside its content; most messages have nothing of it. */
export interface MessageTerms {
  readonly reliability?: Reliability;
  /** Instant at which a `timed` message expires, in milliseconds. */
  readonly expiresAtMs?: number;
  /** Comes back to the user when the message is given up (RFC 6458 section 5.3.4). */
  readonly context?: number;
}

export const plainTerms: MessageTerms = {};

/** A user message of which at least one byte has no TSN yet. */
export interface QueuedMessage {
  readonly streamId: number;
  readonly ppid: number;
  readonly unordered: boolean;
  /** The I bit is wanted on the last fragment (RFC 7053). */
  readonly immediate: boolean;
  readonly payload: Uint8Array;
  readonly terms: MessageTerms;
  /** Its place among all messages of the association, in the order in which they were given. */
  readonly order: number;
  /** Bytes and fragments that already have a TSN. */
  assignedBytes: number;
  assignedFragments: number;
}

/** A DATA or I-DATA chunk that the peer has not acknowledged cumulatively. */
export interface OutstandingChunk {
  readonly tsn: Tsn;
  readonly streamId: number;
  /** SSN, or the message identifier of RFC 8260 where messages are interleaved. */
  readonly ssn: number;
  /** Fragment sequence number of RFC 8260 section 2.1; 0 for the first fragment. */
  readonly fsn: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly beginning: boolean;
  readonly ending: boolean;
  readonly immediate: boolean;
  readonly payload: Uint8Array;
  readonly terms: MessageTerms;
  /** Given up (RFC 3758): never sent again, and skipped by FORWARD TSN. */
  abandoned: boolean;
  /**
   * Another instance may have used the TSN, nobody knows for what: the last messages of streams that have to be
   * skipped with it. Absent in a chunk of our own.
   */
  readonly unknown?: readonly SkippedMessage[];
}

/** What FORWARD TSN and I-FORWARD-TSN name: all messages of a stream up to this SSN or MID. */
export interface SkippedMessage {
  readonly streamId: number;
  readonly unordered: boolean;
  readonly ssn: number;
}

/** The sending side of one stream. */
export interface OutboundStream {
  /** Next SSN to assign; with interleaving the next message identifier of ordered messages. */
  nextSsn: number;
  /** With interleaving the next message identifier of unordered messages (RFC 8260 section 2.1). */
  nextUnorderedMid: number;
  readonly queue: Fifo<QueuedMessage>;
}

/** What was accepted from the user and not yet acknowledged. Part of the replicated association state. */
export interface SendState {
  readonly interleaving: boolean;
  nextTsn: Tsn;
  /** Last TSN that the peer acknowledged cumulatively. */
  cumulativeAck: Tsn;
  /** Streams that were used so far. */
  readonly streams: Map<number, OutboundStream>;
  queuedMessages: number;
  queuedBytes: number;
  nextOrder: number;
  /** Chunks from `cumulativeAck + 1` to `nextTsn - 1`, without a gap. */
  readonly outstanding: Fifo<OutstandingChunk>;
  /** Bytes of user data in `outstanding` that were not abandoned. */
  outstandingBytes: number;
}

export function createSendState(initialTsn: Tsn, interleaving: boolean): SendState {
  return {
    interleaving,
    nextTsn: initialTsn,
    cumulativeAck: tsnAdd(initialTsn, -1),
    streams: new Map(),
    queuedMessages: 0,
    queuedBytes: 0,
    nextOrder: 0,
    outstanding: new Fifo(),
    outstandingBytes: 0,
  };
}

export function outboundStream(state: SendState, streamId: number): OutboundStream {
  let stream = state.streams.get(streamId);
  if (stream === undefined) {
    stream = { nextSsn: 0, nextUnorderedMid: 0, queue: new Fifo() };
    state.streams.set(streamId, stream);
  }
  return stream;
}

export function enqueue(
  state: SendState,
  streamId: number,
  ppid: number,
  unordered: boolean,
  immediate: boolean,
  payload: Uint8Array,
  terms: MessageTerms,
): void {
  const order = state.nextOrder;
  outboundStream(state, streamId).queue.push({
    streamId,
    ppid,
    unordered,
    immediate,
    payload,
    terms,
    order,
    assignedBytes: 0,
    assignedFragments: 0,
  });
  state.nextOrder = order + 1;
  state.queuedMessages += 1;
  state.queuedBytes += payload.length;
}

const midNext = (mid: number): number => (mid + 1) >>> 0;

/** The SSN or message identifier of the message that the stream sends now. */
function identifierOf(state: SendState, stream: OutboundStream, unordered: boolean): number {
  if (!unordered) return stream.nextSsn;
  return state.interleaving ? stream.nextUnorderedMid : 0;
}

/** The stream has done with its first message: the next one gets the next identifier. */
function finishMessage(state: SendState, stream: OutboundStream, unordered: boolean): void {
  stream.queue.shift();
  state.queuedMessages -= 1;
  if (state.interleaving) {
    if (unordered) stream.nextUnorderedMid = midNext(stream.nextUnorderedMid);
    else stream.nextSsn = midNext(stream.nextSsn);
  } else if (!unordered) stream.nextSsn = ssnNext(stream.nextSsn as Ssn);
}

/** Gives the next TSN to the next `lengthBytes` of a stream's first message (RFC 9260 section 6.9). */
export function assignTsn(
  state: SendState,
  tsn: Tsn,
  streamId: number,
  lengthBytes: number,
): OutstandingChunk {
  const stream = state.streams.get(streamId);
  const message = stream?.queue.first;
  assert(stream !== undefined && message !== undefined, "a TSN goes to a message in the queue");
  assert(tsn === state.nextTsn, "TSNs are assigned in order");
  const start = message.assignedBytes;
  const end = start + lengthBytes;
  assert(lengthBytes > 0 && end <= message.payload.length, "a fragment lies inside its message");
  const whole = lengthBytes === message.payload.length;
  const ending = end === message.payload.length;
  const chunk: OutstandingChunk = {
    tsn,
    streamId,
    ssn: identifierOf(state, stream, message.unordered),
    fsn: message.assignedFragments,
    ppid: message.ppid,
    unordered: message.unordered,
    beginning: start === 0,
    ending,
    immediate: ending && message.immediate,
    payload: whole ? message.payload : message.payload.subarray(start, end),
    terms: message.terms,
    abandoned: false,
  };
  state.outstanding.push(chunk);
  state.outstandingBytes += lengthBytes;
  state.queuedBytes -= lengthBytes;
  state.nextTsn = tsnNext(tsn);
  message.assignedBytes = end;
  message.assignedFragments += 1;
  if (ending) finishMessage(state, stream, message.unordered);
  return chunk;
}

/** Drops what is left of a stream's first message; what has a TSN already stays, to be abandoned. */
export function discardFirst(state: SendState, streamId: number): QueuedMessage {
  const stream = state.streams.get(streamId);
  const message = stream?.queue.first;
  assert(stream !== undefined && message !== undefined, "a message in the queue is discarded");
  state.queuedBytes -= message.payload.length - message.assignedBytes;
  if (message.assignedBytes > 0) finishMessage(state, stream, message.unordered);
  else {
    stream.queue.shift();
    state.queuedMessages -= 1;
  }
  return message;
}

/** The outstanding chunk with this TSN, if there is one. */
const outstandingChunk = (state: SendState, tsn: Tsn): OutstandingChunk | undefined =>
  state.outstanding.at(tsnDistance(state.cumulativeAck, tsn) - 1);

export function abandon(state: SendState, tsn: Tsn): void {
  const chunk = outstandingChunk(state, tsn);
  assert(chunk !== undefined && !chunk.abandoned, "an outstanding chunk is abandoned once");
  chunk.abandoned = true;
  state.outstandingBytes -= chunk.payload.length;
}

/** Forgets everything up to and including `tsn`. */
export function acknowledge(state: SendState, tsn: Tsn): void {
  assert(tsnLess(tsn, state.nextTsn), "only what was sent is acknowledged");
  for (let chunk = state.outstanding.first; chunk !== undefined; chunk = state.outstanding.first) {
    if (!tsnLessOrEqual(chunk.tsn, tsn)) break;
    state.outstanding.shift();
    if (!chunk.abandoned) state.outstandingBytes -= chunk.payload.length;
  }
  if (tsnDistance(state.cumulativeAck, tsn) > 0) state.cumulativeAck = tsn;
}

/** Streams begin again with SSN or MID 0; none listed: all of them (RFC 6525 section 5.2.7, H4). */
export function resetStreams(state: SendState, streamIds: readonly number[]): void {
  for (const [streamId, stream] of state.streams) {
    if (streamIds.length > 0 && !streamIds.includes(streamId)) continue;
    stream.nextSsn = 0;
    stream.nextUnorderedMid = 0;
  }
}

/** Whether all that the peer has not acknowledged was given up. */
export function hasNothingToRepeat({ outstanding }: SendState): boolean {
  for (const { abandoned } of outstanding) if (!abandoned) return false;
  return true;
}

export function resetTsn(state: SendState, nextTsn: Tsn): void {
  assert(hasNothingToRepeat(state), "TSNs jump only while nothing is outstanding");
  state.outstanding.clear();
  state.nextTsn = nextTsn;
  state.cumulativeAck = tsnAdd(nextTsn, -1);
  resetStreams(state, []);
}

/** Every queued message of every stream, stream by stream. */
export function* queuedMessages(state: SendState): IterableIterator<QueuedMessage> {
  for (const stream of state.streams.values()) yield* stream.queue;
}

export function cloneSendState(state: SendState): SendState {
  const streams = new Map<number, OutboundStream>();
  for (const [streamId, stream] of state.streams) {
    const queue = Fifo.of([...stream.queue].map((message) => ({ ...message })));
    streams.set(streamId, { ...stream, queue });
  }
  const outstanding = Fifo.of([...state.outstanding].map((chunk) => ({ ...chunk })));
  return { ...state, streams, outstanding };
}
