import { assert } from "../base/assert.ts";
import type { Ssn, Tsn } from "../base/serial.ts";
import { ssnDistance, ssnNext, tsnAdd, tsnDistance, tsnLessOrEqual, tsnNext } from "../base/serial.ts";
import type { TsnRange } from "./tsn-ranges.ts";
import { addToRanges, cumulativeAfter, dropRangesUpTo, rangesHold } from "./tsn-ranges.ts";

/** One DATA or I-DATA chunk as it was received. `payload` may alias the packet that it came in. */
export interface ReceivedChunk {
  readonly tsn: Tsn;
  readonly streamId: number;
  /** SSN of an ordered DATA chunk, 16 bits, 0 in an unordered one; MID of an I-DATA chunk, 32 bits. */
  readonly ssn: number;
  /** FSN of an I-DATA chunk; 0 in a DATA chunk. */
  readonly fsn: number;
  /** Of an I-DATA chunk only where `beginning` is set. */
  readonly ppid: number;
  readonly unordered: boolean;
  readonly beginning: boolean;
  readonly ending: boolean;
  readonly payload: Uint8Array;
}

/** Names a message of a stream. Unordered messages of DATA chunks have no number: there it is always 0. */
export interface MessageName {
  readonly streamId: number;
  readonly unordered: boolean;
  readonly ssn: number;
}

/** A message of which the user has the first bytes and not the last ones (RFC 9260 section 6.9). */
export interface PartialDelivery extends MessageName {
  readonly ppid: number;
  /** Where it goes on in an association with DATA. */
  nextTsn: Tsn;
  /** Where it goes on in an association with I-DATA. */
  nextFsn: number;
}

/** Ordered messages of a stream up to this SSN or MID do not come any more (RFC 3758 section 3.6). */
export interface StreamSkip {
  readonly streamId: number;
  readonly ssn: number;
}

/** Unordered messages up to this MID do not come any more; their last fragments may be on the way still. */
export interface UnorderedSkip {
  readonly ssn: number;
  /** The new cumulative TSN that came with it: so much later no fragment is on the way any more. */
  readonly tsn: Tsn;
}

/** TSNs after which an `UnorderedSkip` is forgotten: more than can be under way above the cumulative one. */
const skipLifeTsns = 8192;

/** What was received and not yet delivered. Part of the replicated association state. */
export interface ReceiveState {
  /** The peer sends I-DATA (RFC 8260), not DATA: message numbers have 32 bits. */
  readonly interleaving: boolean;
  /** Last TSN received in sequence (RFC 9260 section 6.2). */
  cumulativeTsn: Tsn;
  /** TSNs received above the cumulative one. */
  readonly above: TsnRange[];
  /** Chunks that are not delivered yet, by TSN. */
  readonly buffered: Map<Tsn, ReceivedChunk>;
  bufferedBytes: number;
  /** Next SSN or MID to deliver, by stream; a hole stands for 0, so that unused streams take no room. */
  readonly nextSsn: number[];
  readonly partial: PartialDelivery[];
  /** Skips that wait for the end of a partial delivery before what they set free can be delivered. */
  readonly skips: StreamSkip[];
  /** By stream, with I-DATA only. */
  readonly unorderedSkips: Map<number, UnorderedSkip>;
  /** The state was taken over from an older one: the peer may have been told more than `cumulativeTsn`. */
  behind: boolean;
  /** After the cumulative TSN was moved to where the peer is. Undefined: all numbers are known. */
  adopted: AdoptedFlows | undefined;
}

/** Flows of messages (`flowOf`) go on with what came behind this TSN. */
export interface AdoptedFlows {
  readonly fromTsn: Tsn;
  /** Those whose numbers are known again. */
  readonly flows: Set<number>;
}

/** Names the ordered messages of a stream, or its unordered ones. */
export const flowOf = ({ streamId, unordered }: { streamId: number; unordered: boolean }): number =>
  2 * streamId + Number(unordered);

/** Whether it is known which message of a flow comes next; with DATA unordered ones have no numbers. */
export const isAdopted = (
  { adopted, interleaving }: ReceiveState,
  name: { streamId: number; unordered: boolean },
): boolean => adopted === undefined || (name.unordered && !interleaving) || adopted.flows.has(flowOf(name));

export function createReceiveState(peerInitialTsn: Tsn, interleaving: boolean): ReceiveState {
  return {
    interleaving,
    cumulativeTsn: tsnAdd(peerInitialTsn, -1),
    above: [],
    buffered: new Map(),
    bufferedBytes: 0,
    nextSsn: [],
    partial: [],
    skips: [],
    unorderedSkips: new Map(),
    behind: false,
    adopted: undefined,
  };
}

export function cloneReceiveState(state: ReceiveState): ReceiveState {
  return {
    ...state,
    above: state.above.map((range) => ({ ...range })),
    buffered: new Map(state.buffered),
    nextSsn: state.nextSsn.slice(),
    partial: state.partial.map((each) => ({ ...each })),
    skips: state.skips.slice(),
    unorderedSkips: new Map(state.unorderedSkips),
    adopted: state.adopted && { ...state.adopted, flows: new Set(state.adopted.flows) },
  };
}

/** SSN or MID of the next ordered message of a stream. */
export const expectedSsn = (state: ReceiveState, streamId: number): number => state.nextSsn[streamId] ?? 0;

/** Signed number of steps from one SSN or MID to another (RFC 1982). */
export const ssnSteps = (state: ReceiveState, from: number, to: number): number =>
  state.interleaving ? (to - from) | 0 : ssnDistance(from as Ssn, to as Ssn);

const ssnAfter = (state: ReceiveState, ssn: number): number =>
  state.interleaving ? (ssn + 1) >>> 0 : ssnNext(ssn as Ssn);

/** What orders the fragments of one message: the FSN (RFC 8260 section 2.2.3), or in DATA the TSN. */
export const positionOf = (state: ReceiveState, chunk: ReceivedChunk): number =>
  state.interleaving ? chunk.fsn : chunk.tsn;

export function hasReceived(state: ReceiveState, tsn: Tsn): boolean {
  return tsnLessOrEqual(tsn, state.cumulativeTsn) || (state.above.length > 0 && rangesHold(state.above, tsn));
}

/** How many TSNs above the cumulative one were received. */
export const countAbove = (state: ReceiveState): number =>
  state.above.reduce((sum, range) => sum + tsnDistance(range.first, range.last) + 1, 0);

/** Counts a TSN as received and moves the cumulative one as far as it goes. */
export function acceptTsn(state: ReceiveState, tsn: Tsn): void {
  if (tsn === tsnNext(state.cumulativeTsn)) {
    state.cumulativeTsn = tsn;
    if (state.above.length > 0) forwardTo(state, tsn);
    return;
  }
  assert(tsnDistance(state.cumulativeTsn, tsn) > 0, "a TSN is taken in once");
  addToRanges(state.above, tsn);
}

/** Counts everything up to `tsn` as received. */
export function forwardTo(state: ReceiveState, tsn: Tsn): void {
  state.cumulativeTsn = cumulativeAfter(state.above, tsn);
  dropRangesUpTo(state.above, state.cumulativeTsn);
}

export function putIntoBuffer(state: ReceiveState, chunk: ReceivedChunk): void {
  state.buffered.set(chunk.tsn, chunk);
  state.bufferedBytes += chunk.payload.length;
}

export function takeFromBuffer(state: ReceiveState, tsn: Tsn): ReceivedChunk {
  const chunk = state.buffered.get(tsn);
  assert(chunk !== undefined, "what is taken out of the buffer is there");
  state.buffered.delete(tsn);
  state.bufferedBytes -= chunk.payload.length;
  return chunk;
}

/** Ordered messages up to and including this one are done with. */
export function advanceStream(state: ReceiveState, streamId: number, ssn: number): void {
  if (ssnSteps(state, expectedSsn(state, streamId), ssn) < 0) return;
  state.nextSsn[streamId] = ssnAfter(state, ssn);
}

/** Remembers which unordered messages were given up, and forgets what is long past. */
export function skipUnordered(state: ReceiveState, skips: readonly StreamSkip[], tsn: Tsn): void {
  for (const [streamId, skip] of state.unorderedSkips) {
    if (tsnDistance(skip.tsn, tsn) > skipLifeTsns) state.unorderedSkips.delete(streamId);
  }
  for (const { streamId, ssn } of skips) state.unorderedSkips.set(streamId, { ssn, tsn });
}

/** Whether a message was given up: with unordered I-DATA, nothing else tells. */
export function isSkippedUnordered(state: ReceiveState, chunk: ReceivedChunk): boolean {
  const skip = state.unorderedSkips.size === 0 ? undefined : state.unorderedSkips.get(chunk.streamId);
  if (skip === undefined || tsnDistance(skip.tsn, chunk.tsn) > skipLifeTsns) return false;
  return ssnSteps(state, skip.ssn, chunk.ssn) <= 0;
}

/** Which entry of `partial` is about the message; -1 when the user has none of it. */
export function partialIndex(state: ReceiveState, name: MessageName): number {
  if (state.partial.length === 0) return -1;
  return state.partial.findIndex(
    (each) => each.streamId === name.streamId && each.unordered === name.unordered && each.ssn === name.ssn,
  );
}
