import { assert } from "../base/assert.ts";
import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnDistance, tsnLess, tsnNext } from "../base/serial.ts";
import { joinPayload } from "../rx/reassembly.ts";
import type { ReceivedChunk, StreamSkip } from "../rx/receive-state.ts";
import { expectedSsn, hasReceived, isAdopted, partialIndex } from "../rx/receive-state.ts";
import {
  giveUp,
  isBrokenOff,
  mayBreakOff,
  partialDeliveriesAborted,
  unorderedBrokenBefore,
} from "./broken-off.ts";
import type { AssociationCore } from "./core.ts";

/** Messages of which the user can have a first part at a time, whatever a peer interleaves. */
const maxPartialDeliveries = 256;
/** The same where only another one frees a full buffer. */
const maxForcedPartialDeliveries = 1024;

/**
 * A partial delivery keeps everything else back (RFC 6458 section 8.1.20, levels 0 and 1, which differ in
 * what other associations do). With I-DATA the user has asked for messages that interleave (RFC 8260 section
 * 2.2.1), as with level 2.
 */
export const isHeldBack = (core: AssociationCore): boolean =>
  core.state.receive.partial.length > 0 && !interleaves(core);

export const interleaves = (core: AssociationCore): boolean =>
  core.state.receive.interleaving || core.parameters.fragmentInterleave === 2;

/** Another message with the same name is being delivered: unordered DATA has no number to tell them apart by. */
export const sharesName = (core: AssociationCore, chunk: ReceivedChunk): boolean =>
  partialIndex(core.state.receive, chunk) >= 0;

/** Whether messages are handed on in parts before the buffer runs out. */
export const prefersParts = (core: AssociationCore): boolean =>
  core.parameters.partialDeliveryPointBytes < core.parameters.receiveBufferBytes;

const handsOnParts = (core: AssociationCore): boolean =>
  prefersParts(core) && core.state.receive.partial.length < maxPartialDeliveries;

/** Delivers what a chunk makes ready that was just put into the buffer. */
export function deliverAfter(core: AssociationCore, chunk: ReceivedChunk): void {
  const at = partialIndex(core.state.receive, chunk);
  // Another unordered message of the stream has the same name in an association with DATA.
  if (at >= 0 && goOn(core, at)) return;
  if (isHeldBack(core)) return;
  if (!chunk.unordered) deliverOrdered(core, chunk.streamId);
  else if (core.reassembly.reachesEnd(chunk) || isLarge(core, core.reassembly.bytesOf(chunk))) {
    deliverUnordered(core, core.reassembly.runAround(chunk));
  }
}

/** Hands on the next part of a message; answers whether there was one. */
function goOn(core: AssociationCore, at: number): boolean {
  const { receive } = core.state;
  const partial = receive.partial[at];
  if (partial === undefined) return false;
  const { streamId } = partial;
  const position = receive.interleaving ? partial.nextFsn : partial.nextTsn;
  const run = core.reassembly.runFrom(partial, position);
  if (run.length === 0) return false;
  deliver(core, run, partial.ppid);
  if (run.at(-1)?.ending !== true) return true;
  if (!interleaves(core)) deliverWhatIsReady(core);
  else if (partial.unordered) deliverUnorderedOf(core, streamId);
  else deliverOrdered(core, streamId);
  return true;
}

/** A number may be one of another numbering, or one that came round: what comes above a hole has to wait. */
export const isUncertain = (core: AssociationCore): boolean =>
  core.deliveredMeanwhile !== undefined || core.state.receive.behind;

/**
 * Whether it is known which numbering a message that ends with this TSN has. While an SSN/TSN reset of ours is in
 * flight the peer may have done it: then only what everything before it has come of can be told apart, because
 * there each stream begins with 0 (RFC 6525 section 5.2.7, H5). `steps`: TSNs that are about to be received.
 */
export const isCertain = (core: AssociationCore, lastTsn: Tsn, steps: 0 | 1 = 0): boolean =>
  !isUncertain(core) || tsnDistance(core.state.receive.cumulativeTsn, lastTsn) <= steps;

/** Delivers from a stream, in order, as far as it goes. */
export function deliverOrdered(core: AssociationCore, streamId: number): void {
  const { receive } = core.state;
  if (!isAdopted(receive, { streamId, unordered: false })) return;
  while (!isHeldBack(core)) {
    if (receive.skips.length > 0 && finishSkip(core, streamId)) continue;
    const ssn = expectedSsn(receive, streamId);
    const whole = core.reassembly.isWhole(streamId, ssn);
    const name = { streamId, unordered: false, ssn };
    if (!whole && mayBreakOff(core) && isBrokenOff(core, name)) {
      giveUp(core, { name, fragments: [...core.reassembly.fragmentsOf(name)] });
      continue;
    }
    if (!whole && !(handsOnParts(core) && isLarge(core, core.reassembly.bytesOf(name)))) return;
    const run = core.reassembly.orderedRun(streamId, ssn);
    if (!whole && !isLarge(core, sizeOf(run))) return;
    if (!isCertain(core, run.at(-1)?.tsn ?? core.state.receive.cumulativeTsn)) return;
    deliver(core, run);
    if (!whole) return;
  }
}

/** Gives up what `received`, the TSN that just came, proves to have no end, and delivers what waited behind that. */
export function dropBrokenOff(core: AssociationCore, received: Tsn): void {
  if (!mayBreakOff(core)) return;
  const wasHeldBack = isHeldBack(core);
  for (const tsn of [received, tsnNext(received)]) {
    if (!hasReceived(core.state.receive, tsn)) continue;
    const run = unorderedBrokenBefore(core, tsn);
    if (run === undefined) {
      dropOrderedBefore(core, tsn);
      continue;
    }
    giveUp(core, run);
    deliverUnorderedOf(core, run.name.streamId);
  }
  if (wasHeldBack && !isHeldBack(core)) deliverWhatIsReady(core);
}

/** The ordered message that had to go on with `tsn`: one that was not begun to be delivered waits for its turn. */
function dropOrderedBefore(core: AssociationCore, tsn: Tsn): void {
  const { receive } = core.state;
  const last = receive.buffered.get(tsnAdd(tsn, -1));
  const name = last ?? receive.partial.find((each) => each.nextTsn === tsn);
  if (name === undefined || name.unordered || !isBrokenOff(core, name)) return;
  if (partialIndex(receive, name) >= 0) {
    giveUp(core, { name, fragments: [...core.reassembly.fragmentsOf(name)] });
  }
  deliverOrdered(core, name.streamId);
}

function deliverUnordered(core: AssociationCore, run: readonly ReceivedChunk[]): void {
  const first = run[0];
  if (first === undefined || sharesName(core, first)) return;
  const last = run.at(-1);
  const whole = last?.ending === true;
  // The rest of what is above a hole may be lost with it.
  if (!whole && last !== undefined && core.state.receive.behind && !isCertain(core, last.tsn)) return;
  if (whole || (handsOnParts(core) && isLarge(core, sizeOf(run)))) deliver(core, run);
}

/** Delivers the unordered messages of a stream that are ready. */
export function deliverUnorderedOf(core: AssociationCore, streamId: number): void {
  for (const run of core.reassembly.unorderedRuns(streamId)) {
    if (isHeldBack(core)) return;
    deliverUnordered(core, run);
  }
}

const isLarge = (core: AssociationCore, bytes: number): boolean =>
  bytes > 0 && bytes >= core.parameters.partialDeliveryPointBytes;

const sizeOf = (run: readonly ReceivedChunk[]): number =>
  run.reduce((sum, chunk) => sum + chunk.payload.length, 0);

/** Delivers the whole messages that a skip set free (RFC 3758 section 3.6), as far as nothing holds them back. */
function finishSkip(core: AssociationCore, streamId: number): boolean {
  const skip = core.state.receive.skips.find((each) => each.streamId === streamId);
  if (skip === undefined) return false;
  for (const ssn of core.reassembly.orderedUpTo(streamId, skip.ssn)) {
    deliver(core, core.reassembly.orderedRun(streamId, ssn));
  }
  core.receivedSequence = core.change({ kind: "streamAdvanced", streamId, ssn: skip.ssn });
  return true;
}

/** Delivers whatever is ready: what a partial delivery kept back, or what another instance left behind. */
export function deliverWhatIsReady(core: AssociationCore): void {
  const { reassembly } = core;
  const { receive } = core.state;
  for (let at = receive.partial.length - 1; at >= 0; at -= 1) goOn(core, at);
  if (isHeldBack(core)) return;
  for (const { streamId } of receive.skips.slice()) deliverOrdered(core, streamId);
  for (const streamId of reassembly.streamIds()) {
    deliverUnorderedOf(core, streamId);
    deliverOrdered(core, streamId);
  }
}

/** Delivers all whole messages up to a TSN, in their order, whatever lacks between them: it does not come any more. */
export function deliverWhole(core: AssociationCore, upTo: Tsn): void {
  const base = core.state.receive.cumulativeTsn;
  for (const streamId of core.reassembly.streamIds()) deliverUnorderedOf(core, streamId);
  const isDue = ({ tsn }: ReceivedChunk): boolean => tsnDistance(tsn, upTo) >= 0;
  const whole = [...core.reassembly.runs()].filter(
    (run) =>
      run[0]?.beginning === true &&
      run[0].unordered === false &&
      run.at(-1)?.ending === true &&
      run.every(isDue),
  );
  const place = (run: readonly ReceivedChunk[]): number => tsnDistance(base, run[0]?.tsn ?? base);
  for (const run of whole.toSorted((a, b) => place(a) - place(b))) deliver(core, run);
}

/**
 * The buffer is full, and nothing that comes would make a message whole: hands on the beginning of one, so
 * that messages larger than the buffer pass (RFC 9260 section 6.9). Answers whether there was one.
 */
export function relieveBuffer(core: AssociationCore): boolean {
  if (core.state.receive.partial.length >= maxForcedPartialDeliveries || isHeldBack(core)) return false;
  const { reassembly } = core;
  for (const streamId of reassembly.streamIds()) {
    const run = reassembly.orderedRun(streamId, expectedSsn(core.state.receive, streamId));
    const [first] = run.length > 0 ? [run] : reassembly.unorderedRuns(streamId);
    if (first?.[0] === undefined || sharesName(core, first[0])) continue;
    deliver(core, first);
    return true;
  }
  return false;
}

/** Gives a run of buffered fragments to the user: a message, or the next part of one. */
function deliver(core: AssociationCore, run: readonly ReceivedChunk[], ppid?: number): void {
  const first = run[0];
  const last = run.at(-1);
  assert(first !== undefined && last !== undefined, "a delivery has a chunk");
  core.reassembly.remove(run);
  const sequence = core.change({ kind: "delivered", tsns: run.map((chunk) => chunk.tsn) });
  if (last.ending && !last.unordered) core.deliveredMeanwhile?.set(last.streamId, last.tsn);
  core.receivedSequence = sequence;
  handOver(core, first, joinPayload(run), ppid ?? first.ppid, sequence, last.ending);
}

/** What came whole goes to the user as it is. */
export function deliverAtOnce(core: AssociationCore, chunk: ReceivedChunk): void {
  const sequence = core.change({ kind: "dataDelivered", chunk });
  if (!chunk.unordered) core.deliveredMeanwhile?.set(chunk.streamId, chunk.tsn);
  core.receivedSequence = sequence;
  handOver(core, chunk, chunk.payload, chunk.ppid, sequence, true);
}

function handOver(
  core: AssociationCore,
  first: ReceivedChunk,
  payload: Uint8Array,
  ppid: number,
  sequence: number,
  ending: boolean,
): void {
  core.window.delivered(payload.length);
  core.outputs.deliveries.push({
    association: core.handle,
    streamId: first.streamId,
    ssn: first.ssn,
    ppid,
    unordered: first.unordered,
    payload,
    sequence,
    tsn: first.tsn,
    cumulativeTsn: core.state.receive.cumulativeTsn,
    beginning: first.beginning,
    ending,
  });
}

/**
 * The peer resets its outgoing streams (RFC 6525 section 5.2.2): they go on with SSN 0, with I-DATA with MID 0
 * (RFC 8260 section 2.3.2). To be called once everything up to the peer's last assigned TSN was received, so
 * that nothing of the old numbering can come any more. No stream listed: all of them.
 */
export function resetInboundStreams(core: AssociationCore, streamIds: readonly number[]): void {
  core.receivedSequence = core.change({ kind: "streamsReset", streamIds });
}

/**
 * The answer to our SSN/TSN reset comes late: the peer has sent from `firstTsn` on under the new numbering
 * already. Streams begin again, but for those of which such a message was delivered.
 */
export function resetStreamsFrom(core: AssociationCore, firstTsn: Tsn): void {
  const { nextSsn } = core.state.receive;
  const before = [...nextSsn.keys()].filter((streamId) => {
    const last = core.deliveredMeanwhile?.get(streamId);
    return nextSsn[streamId] !== undefined && (last === undefined || tsnLess(last, firstTsn));
  });
  const skips = unorderedSkipsFrom(core, firstTsn);
  if (before.length > 0) resetInboundStreams(core, before);
  if (skips.length > 0) {
    core.receivedSequence = core.change({
      kind: "dataSkipped",
      cumulativeTsn: core.state.receive.cumulativeTsn,
      discarded: [],
      aborted: [],
      advances: [],
      skips: [],
      unorderedSkips: skips,
    });
  }
  deliverWhatIsReady(core);
}

/** In front of MID 0, with which unordered messages begin again (RFC 8260 section 2.3.2). */
const lastMid = 0xffff_ffff;

/** What is given up of unordered messages once the peer's numbering is the one from `firstTsn` on: nothing that was skipped before. */
function unorderedSkipsFrom(core: AssociationCore, firstTsn: Tsn): StreamSkip[] {
  return [...core.state.receive.unorderedSkips].map(([streamId, skip]) => ({
    streamId,
    ssn: tsnLess(skip.tsn, firstTsn) ? lastMid : skip.ssn,
  }));
}

/**
 * SSN/TSN reset (RFC 6525 section 5.2.4): what is not delivered is thrown away, all streams begin again, and the
 * peer goes on with the TSN after `cumulativeTsn`.
 */
export function resetReceiving(core: AssociationCore, cumulativeTsn: Tsn): void {
  const aborted = core.state.receive.partial.slice();
  core.receivedSequence = core.change({ kind: "tsnReset", cumulativeTsn });
  core.reassembly.rebuild();
  partialDeliveriesAborted(core, aborted);
}
