import { assert, unreachable } from "../base/assert.ts";
import type { Tsn } from "../base/serial.ts";
import { tsnNext } from "../base/serial.ts";
import type { MessageName, ReceiveState, ReceivedChunk, StreamSkip } from "./receive-state.ts";
import {
  acceptTsn,
  advanceStream,
  flowOf,
  forwardTo,
  partialIndex,
  putIntoBuffer,
  skipUnordered,
  takeFromBuffer,
} from "./receive-state.ts";

/** One change of the receiving half of the association state. */
export type ReceiveUpdate =
  /** A chunk came and waits in the buffer. */
  | { readonly kind: "dataReceived"; readonly chunk: ReceivedChunk }
  /** A whole message came in one chunk and went to the user at once. */
  | { readonly kind: "dataDelivered"; readonly chunk: ReceivedChunk }
  /** A chunk came that nobody wants; it counts as received. */
  | { readonly kind: "dataDiscarded"; readonly tsn: Tsn }
  /** Chunks of one message went to the user, in this order: all of it, or the next part. */
  | { readonly kind: "delivered"; readonly tsns: readonly Tsn[] }
  /** Everything up to `cumulativeTsn` counts as received (RFC 3758 section 3.6). */
  | {
      readonly kind: "dataSkipped";
      readonly cumulativeTsn: Tsn;
      /** Fragments whose messages never become whole. */
      readonly discarded: readonly Tsn[];
      /** Messages that end in the middle for the user. */
      readonly aborted: readonly MessageName[];
      /** Streams in which nothing waits behind the skip: they move on at once. */
      readonly advances: readonly StreamSkip[];
      /** Streams in which whole messages wait that the skip sets free. */
      readonly skips: readonly StreamSkip[];
      /** The same for unordered messages, which I-FORWARD-TSN lists. */
      readonly unorderedSkips: readonly StreamSkip[];
    }
  /** What a skip set free was delivered: the stream goes on behind it. */
  | { readonly kind: "streamAdvanced"; readonly streamId: number; readonly ssn: number }
  /** Streams begin again with SSN or MID 0 (RFC 6525 section 5.2.2); none listed: all of them. */
  | { readonly kind: "streamsReset"; readonly streamIds: readonly number[] }
  /** Everything begins again behind this TSN (RFC 6525 section 5.2.4). */
  | { readonly kind: "tsnReset"; readonly cumulativeTsn: Tsn }
  /** Whether the peer may have been told more than `cumulativeTsn`. */
  | { readonly kind: "receiveBehind"; readonly behind: boolean }
  /**
   * The peer was told that everything up to `cumulativeTsn` came, and what is missing here does not come any more; no
   * flow knows its next number.
   */
  | {
      readonly kind: "resynchronised";
      readonly cumulativeTsn: Tsn;
      /** Fragments whose messages never become whole. */
      readonly discarded: readonly Tsn[];
      /** Messages that end in the middle for the user. */
      readonly aborted: readonly MessageName[];
    }
  /** This message is the next one of its flow: those before it, as far as they are not whole, do not come any more. */
  | {
      readonly kind: "flowAdopted";
      readonly name: MessageName;
      readonly discarded: readonly Tsn[];
      readonly aborted: readonly MessageName[];
    };

/** The receiving half of the reducer. */
export function applyReceiveUpdate(state: ReceiveState, update: ReceiveUpdate): void {
  switch (update.kind) {
    case "dataDelivered":
      acceptTsn(state, update.chunk.tsn);
      if (!update.chunk.unordered) advanceStream(state, update.chunk.streamId, update.chunk.ssn);
      break;
    case "dataReceived":
      acceptTsn(state, update.chunk.tsn);
      putIntoBuffer(state, update.chunk);
      break;
    case "dataDiscarded":
      acceptTsn(state, update.tsn);
      break;
    case "delivered":
      takeOut(state, update.tsns);
      break;
    case "dataSkipped":
      forwardTo(state, update.cumulativeTsn);
      dropMessages(state, update.discarded, update.aborted);
      for (const { streamId, ssn } of update.advances) advanceStream(state, streamId, ssn);
      for (const skip of update.skips) {
        forgetSkip(state, skip.streamId);
        state.skips.push(skip);
      }
      skipUnordered(state, update.unorderedSkips, update.cumulativeTsn);
      break;
    case "streamAdvanced":
      advanceStream(state, update.streamId, update.ssn);
      forgetSkip(state, update.streamId);
      break;
    case "streamsReset":
      resetStreams(state, update.streamIds);
      break;
    case "tsnReset":
      state.cumulativeTsn = update.cumulativeTsn;
      state.above.length = 0;
      state.buffered.clear();
      state.bufferedBytes = 0;
      state.partial.length = 0;
      resetStreams(state, []);
      state.behind = false;
      break;
    case "receiveBehind":
      state.behind = update.behind;
      break;
    case "resynchronised":
      forwardTo(state, update.cumulativeTsn);
      dropMessages(state, update.discarded, update.aborted);
      state.skips.length = 0;
      state.unorderedSkips.clear();
      state.adopted = { fromTsn: update.cumulativeTsn, flows: new Set() };
      break;
    case "flowAdopted":
      dropMessages(state, update.discarded, update.aborted);
      state.adopted?.flows.add(flowOf(update.name));
      adoptNumber(state, update.name);
      break;
    default:
      unreachable(update);
  }
}

/** With unordered I-DATA there is no next number; what comes of those before this one is late. */
function adoptNumber(state: ReceiveState, { streamId, unordered, ssn }: MessageName): void {
  if (!unordered) state.nextSsn[streamId] = ssn;
  else state.unorderedSkips.set(streamId, { ssn: (ssn - 1) >>> 0, tsn: state.cumulativeTsn });
}

/** Removes what goes to the user; with the end of an ordered message its stream moves on. */
function takeOut(state: ReceiveState, tsns: readonly Tsn[]): void {
  const first = state.buffered.get(tsns[0] ?? state.cumulativeTsn);
  const last = state.buffered.get(tsns.at(-1) ?? state.cumulativeTsn);
  assert(first !== undefined && last !== undefined, "what is delivered is in the buffer");
  for (const tsn of tsns) takeFromBuffer(state, tsn);
  if (last.ending) {
    if (!first.beginning) endPartial(state, first);
    if (!last.unordered) advanceStream(state, last.streamId, last.ssn);
    return;
  }
  const { streamId, unordered, ssn, ppid } = first;
  const nextTsn = tsnNext(last.tsn);
  const nextFsn = (last.fsn + 1) >>> 0;
  if (first.beginning) {
    state.partial.push({ streamId, unordered, ssn, ppid, nextTsn, nextFsn });
    return;
  }
  const partial = state.partial[partialIndex(state, first)];
  assert(partial !== undefined, "a part that goes on had a beginning");
  partial.nextTsn = nextTsn;
  partial.nextFsn = nextFsn;
}

function dropMessages(state: ReceiveState, discarded: readonly Tsn[], aborted: readonly MessageName[]): void {
  for (const tsn of discarded) takeFromBuffer(state, tsn);
  for (const name of aborted) endPartial(state, name);
}

function endPartial(state: ReceiveState, name: MessageName): void {
  const at = partialIndex(state, name);
  assert(at >= 0, "a partial delivery that ends had begun");
  state.partial.splice(at, 1);
}

function forgetSkip(state: ReceiveState, streamId: number): void {
  const at = state.skips.findIndex((each) => each.streamId === streamId);
  if (at >= 0) state.skips.splice(at, 1);
}

function resetStreams(state: ReceiveState, streamIds: readonly number[]): void {
  if (streamIds.length === 0) {
    state.nextSsn.length = 0;
    state.skips.length = 0;
    state.unorderedSkips.clear();
    state.adopted = undefined;
    return;
  }
  for (const streamId of streamIds) {
    if (state.nextSsn[streamId] !== undefined) state.nextSsn[streamId] = 0;
    forgetSkip(state, streamId);
    state.unorderedSkips.delete(streamId);
    for (const unordered of [false, true]) state.adopted?.flows.add(flowOf({ streamId, unordered }));
  }
}
