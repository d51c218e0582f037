import { assert } from "../base/assert.ts";
import type { Ssn, Tsn } from "../base/serial.ts";
import { ssnNext, tsnAdd, tsnDistance, tsnLessOrEqual, tsnNext } from "../base/serial.ts";

/** One DATA chunk as it was received, its payload owned by us. */
export interface ReceivedChunk {
  readonly tsn: Tsn;
  readonly streamId: number;
  readonly ssn: Ssn;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly beginning: boolean;
  readonly ending: boolean;
  readonly payload: Uint8Array;
}

/** What was received and not yet delivered. Part of the replicated association state. */
export interface ReceiveState {
  /** Last TSN received in sequence (RFC 9260 section 6.2). */
  cumulativeTsn: Tsn;
  /** TSNs received above the cumulative one. */
  readonly above: Set<Tsn>;
  /** Chunks that are part of no delivered message yet, by TSN. */
  readonly buffered: Map<Tsn, ReceivedChunk>;
  bufferedBytes: number;
  /** Next SSN to deliver, by stream. */
  readonly nextSsn: Ssn[];
}

export function createReceiveState(peerInitialTsn: Tsn, inboundStreams: number): ReceiveState {
  return {
    cumulativeTsn: tsnAdd(peerInitialTsn, -1),
    above: new Set(),
    buffered: new Map(),
    bufferedBytes: 0,
    nextSsn: Array.from({ length: inboundStreams }, () => 0 as Ssn),
  };
}

export function hasReceived(state: ReceiveState, tsn: Tsn): boolean {
  return tsnLessOrEqual(tsn, state.cumulativeTsn) || state.above.has(tsn);
}

/** Takes a new chunk in and moves the cumulative TSN as far as it goes. */
export function takeIn(state: ReceiveState, chunk: ReceivedChunk): void {
  assert(!hasReceived(state, chunk.tsn), "a TSN is taken in once");
  state.buffered.set(chunk.tsn, chunk);
  state.bufferedBytes += chunk.payload.length;
  state.above.add(chunk.tsn);
  for (let next = tsnNext(state.cumulativeTsn); state.above.delete(next); next = tsnNext(next)) {
    state.cumulativeTsn = next;
  }
}

/** Removes the chunks of a message that goes to the user; for an ordered one the stream moves on. */
export function takeOut(state: ReceiveState, firstTsn: Tsn, lastTsn: Tsn): readonly ReceivedChunk[] {
  const chunks: ReceivedChunk[] = [];
  for (let tsn = firstTsn; tsnLessOrEqual(tsn, lastTsn); tsn = tsnNext(tsn)) {
    const chunk = state.buffered.get(tsn);
    assert(chunk !== undefined, "a delivered message is complete");
    state.buffered.delete(tsn);
    state.bufferedBytes -= chunk.payload.length;
    chunks.push(chunk);
  }
  const last = chunks.at(-1);
  assert(last !== undefined, "a delivered message has a chunk");
  if (!last.unordered) state.nextSsn[last.streamId] = ssnNext(last.ssn);
  return chunks;
}

/** A run of TSNs above the cumulative one, as offsets from it, both ends included (RFC 9260 section 3.3.4). */
export interface GapBlock {
  readonly start: number;
  readonly end: number;
}

export function gapBlocks(state: ReceiveState, limit: number): GapBlock[] {
  if (state.above.size === 0) return [];
  const offsets = Int32Array.from(state.above, (tsn) => tsnDistance(state.cumulativeTsn, tsn)).sort();
  const blocks: { start: number; end: number }[] = [];
  for (const offset of offsets) {
    const last = blocks.at(-1);
    if (last !== undefined && offset === last.end + 1) {
      last.end = offset;
    } else {
      if (blocks.length === limit || offset > 0xffff) break;
      blocks.push({ start: offset, end: offset });
    }
  }
  return blocks;
}

export function cloneReceiveState(state: ReceiveState): ReceiveState {
  return {
    cumulativeTsn: state.cumulativeTsn,
    above: new Set(state.above),
    buffered: new Map(state.buffered),
    bufferedBytes: state.bufferedBytes,
    nextSsn: [...state.nextSsn],
  };
}
