import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnLess, tsnLessOrEqual, tsnNext } from "../base/serial.ts";
import type { MessageName, ReceivedChunk } from "../rx/receive-state.ts";
import { isAdopted, partialIndex, ssnSteps } from "../rx/receive-state.ts";
import { cumulativeAfter } from "../rx/tsn-ranges.ts";
import { continues, partialDeliveriesAborted } from "./broken-off.ts";
import type { AssociationCore } from "./core.ts";
import { deliverOrdered } from "./deliver.ts";
import { reportRanges } from "./loss-report.ts";

/*
 * After our cumulative TSN was moved to where the peer is nobody knows which SSN or MID a stream has next. A peer gives
 * numbers to the messages of a flow in the order of their TSNs, so it is that of the first chunk, in the order of
 * TSNs, that comes from there on. If that is not the beginning of a message, and what is before it is not in hand,
 * then it is the rest of one that is lost.
 */

/**
 * A chunk is next in sequence: its flow goes on with it, where that was not known. False: it is the rest of a lost
 * message, to be thrown away.
 */
export function adoptFlow(core: AssociationCore, chunk: ReceivedChunk): boolean {
  if (core.state.receive.adopted === undefined) return true;
  adoptReceived(core);
  if (isAdopted(core.state.receive, chunk) || adopt(core, chunk)) return true;
  // The messages behind it may be there already.
  if (!chunk.unordered) deliverOrdered(core, chunk.streamId);
  return false;
}

/** The same for all chunks that are in the buffer, and in sequence by now, or before long: up to `upTo`. */
export function adoptReceived(core: AssociationCore, upTo?: Tsn): void {
  const { receive } = core.state;
  if (receive.adopted === undefined) return;
  const streams = new Set<number>();
  const last = cumulativeAfter(receive.above, upTo ?? receive.cumulativeTsn);
  for (let tsn = tsnNext(core.adoptedUpTo); tsnLessOrEqual(tsn, last); tsn = tsnNext(tsn)) {
    const chunk = receive.buffered.get(tsn);
    if (chunk === undefined || isAdopted(receive, chunk)) continue;
    adopt(core, chunk);
    if (!chunk.unordered) streams.add(chunk.streamId);
  }
  core.adoptedUpTo = last;
  for (const streamId of streams) deliverOrdered(core, streamId);
}

/** The peer has given up all of a flow up to this message: it is the next one where nothing of the flow came before. */
export function adoptSkipped(core: AssociationCore, name: MessageName): void {
  if (isAdopted(core.state.receive, name)) return;
  enter(core, name, [], []);
}

function adopt(core: AssociationCore, chunk: ReceivedChunk): boolean {
  const { receive } = core.state;
  const { streamId, unordered, ssn } = chunk;
  const isRest = isHeadless(core, chunk);
  const isOfFlow = (each: { streamId: number; unordered: boolean }): boolean =>
    each.streamId === streamId && each.unordered === unordered;
  const isHopeless = (each: ReceivedChunk): boolean =>
    each.ssn === ssn ? isRest : tsnLessOrEqual(each.tsn, chunk.tsn);
  const discarded = [...receive.buffered.values()].filter((each) => isOfFlow(each) && isHopeless(each));
  // Of unordered messages a later one may have been begun by now.
  const isOlder = (each: MessageName): boolean => !unordered || ssnSteps(receive, each.ssn, ssn) > 0;
  const aborted = receive.partial.filter(
    (each) => isOfFlow(each) && (each.ssn === ssn ? isRest : isOlder(each)),
  );
  const next = receive.interleaving ? (ssn + 1) >>> 0 : (ssn + 1) & 0xffff;
  enter(core, { streamId, unordered, ssn: isRest ? next : ssn }, discarded, aborted);
  return !isRest;
}

function enter(
  core: AssociationCore,
  name: MessageName,
  discarded: readonly ReceivedChunk[],
  partial: readonly MessageName[],
): void {
  const aborted = partial.map(({ streamId, unordered, ssn }) => ({ streamId, unordered, ssn }));
  for (const each of discarded) core.reassembly.remove([each]);
  const tsns = discarded.map((each) => each.tsn);
  core.receivedSequence = core.change({ kind: "flowAdopted", name, discarded: tsns, aborted });
  partialDeliveriesAborted(core, aborted);
  const lowest = tsns.reduce(
    (least, tsn) => (tsnLess(tsn, least) ? tsn : least),
    tsns[0] ?? core.adoptedUpTo,
  );
  reportRanges(
    core,
    "inbound",
    lowest,
    tsns.map((tsn) => ({ first: tsn, last: tsn })),
  );
}

/** Whether a chunk goes on with a message of which what comes before is not in hand, nor was delivered. */
function isHeadless(core: AssociationCore, chunk: ReceivedChunk): boolean {
  const { receive } = core.state;
  if (chunk.beginning) return false;
  const partial = receive.partial[partialIndex(receive, chunk)];
  if (!receive.interleaving) {
    const previous = receive.buffered.get(tsnAdd(chunk.tsn, -1));
    return !(previous !== undefined && continues(previous, chunk)) && partial?.nextTsn !== chunk.tsn;
  }
  const from = partial?.nextFsn ?? 0;
  const inHand = core.reassembly.runFrom(chunk, from).length;
  return ((from + inHand - chunk.fsn) | 0) < 0;
}
