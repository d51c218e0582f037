import { assert } from "../base/assert.ts";
import type { Ssn, Tsn } from "../base/serial.ts";
import { ssnNext, tsnAdd, tsnDistance, tsnLess, tsnLessOrEqual, tsnNext } from "../base/serial.ts";

/** A user message of which at least one byte has no TSN yet. */
export interface QueuedMessage {
  readonly streamId: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly payload: Uint8Array;
  /** Bytes that already have a TSN. */
  readonly assignedBytes: number;
}

/** A DATA chunk that the peer has not acknowledged cumulatively. */
export interface OutstandingChunk {
  readonly tsn: Tsn;
  readonly streamId: number;
  readonly ssn: Ssn;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly beginning: boolean;
  readonly ending: boolean;
  readonly payload: Uint8Array;
}

/** What was accepted from the user and not yet acknowledged. Part of the replicated association state. */
export interface SendState {
  nextTsn: Tsn;
  /** Last TSN that the peer acknowledged cumulatively. */
  cumulativeAck: Tsn;
  readonly queue: QueuedMessage[];
  queuedBytes: number;
  /** By TSN, in order of assignment. */
  readonly outstanding: Map<Tsn, OutstandingChunk>;
  outstandingBytes: number;
  /** Next SSN to assign, by stream. */
  readonly nextSsn: Ssn[];
}

export function createSendState(initialTsn: Tsn, outboundStreams: number): SendState {
  return {
    nextTsn: initialTsn,
    cumulativeAck: tsnAdd(initialTsn, -1),
    queue: [],
    queuedBytes: 0,
    outstanding: new Map(),
    outstandingBytes: 0,
    nextSsn: Array.from({ length: outboundStreams }, () => 0 as Ssn),
  };
}

export function enqueue(state: SendState, message: Omit<QueuedMessage, "assignedBytes">): void {
  state.queue.push({ ...message, assignedBytes: 0 });
  state.queuedBytes += message.payload.length;
}

/** Gives the next TSN to the next `lengthBytes` of the first message in the queue (RFC 9260 section 6.9). */
export function assignTsn(state: SendState, tsn: Tsn, lengthBytes: number): OutstandingChunk {
  const message = state.queue[0];
  assert(message !== undefined && tsn === state.nextTsn, "TSNs are assigned in order, from the queue");
  const end = message.assignedBytes + lengthBytes;
  const ending = end === message.payload.length;
  assert(lengthBytes > 0 && end <= message.payload.length, "a fragment lies inside its message");
  const ssn = message.unordered ? (0 as Ssn) : state.nextSsn[message.streamId];
  assert(ssn !== undefined, "a message goes to a stream that exists");
  const chunk: OutstandingChunk = {
    tsn,
    streamId: message.streamId,
    ssn,
    ppid: message.ppid,
    unordered: message.unordered,
    beginning: message.assignedBytes === 0,
    ending,
    payload: message.payload.subarray(message.assignedBytes, end),
  };
  state.outstanding.set(tsn, chunk);
  state.outstandingBytes += lengthBytes;
  state.queuedBytes -= lengthBytes;
  state.nextTsn = tsnNext(tsn);
  if (ending) {
    state.queue.shift();
    if (!message.unordered) state.nextSsn[message.streamId] = ssnNext(ssn);
  } else {
    state.queue[0] = { ...message, assignedBytes: end };
  }
  return chunk;
}

/** Forgets everything up to and including `tsn`. */
export function acknowledge(state: SendState, tsn: Tsn): void {
  assert(tsnLess(tsn, state.nextTsn), "only what was sent is acknowledged");
  for (const [key, chunk] of state.outstanding) {
    if (!tsnLessOrEqual(key, tsn)) break;
    state.outstanding.delete(key);
    state.outstandingBytes -= chunk.payload.length;
  }
  if (tsnDistance(state.cumulativeAck, tsn) > 0) state.cumulativeAck = tsn;
}

export function cloneSendState(state: SendState): SendState {
  return {
    nextTsn: state.nextTsn,
    cumulativeAck: state.cumulativeAck,
    queue: [...state.queue],
    queuedBytes: state.queuedBytes,
    outstanding: new Map(state.outstanding),
    outstandingBytes: state.outstandingBytes,
    nextSsn: [...state.nextSsn],
  };
}
