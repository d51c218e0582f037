import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnDistance, tsnLess, tsnLessOrEqual, tsnNext } from "../base/serial.ts";
import type { MessageName, ReceivedChunk, StreamSkip } from "../rx/receive-state.ts";
import { expectedSsn, ssnSteps } from "../rx/receive-state.ts";
import { cumulativeAfter } from "../rx/tsn-ranges.ts";
import type { ForwardTsnChunk, IForwardTsnChunk } from "../wire/index.ts";
import { adoptReceived, adoptSkipped } from "./adopt-flow.ts";
import { abort, userInitiated } from "./abort.ts";
import { partialDeliveriesAborted } from "./broken-off.ts";
import type { AssociationCore } from "./core.ts";
import type { Route } from "./outputs.ts";
import { deliverOrdered, deliverUnorderedOf, deliverWhatIsReady, isHeldBack } from "./deliver.ts";
import { maxTsnsAhead, violate } from "./on-data.ts";
import { isOfOtherNumbering } from "./reconfiguration-state.ts";
import { resynchronise } from "./resynchronise.ts";

/**
 * Whether a chunk that gives messages up is looked at, be it as a violation. Where partial reliability was not
 * agreed FORWARD TSN is an unrecognized chunk (RFC 3758 section 3.3.2), but not beside I-DATA; and whoever
 * has I-FORWARD-TSN ends the association when it comes unasked (RFC 8260 section 2.3.1).
 */
export function knowsForwardTsn(
  core: AssociationCore,
  { type }: ForwardTsnChunk | IForwardTsnChunk,
): boolean {
  if (core.state.agreement.extensions.partialReliability) return true;
  if (!core.parameters.extensions.partialReliability) return false;
  return type === "I_FORWARD_TSN" || core.state.receive.interleaving;
}

/**
 * Takes in FORWARD TSN (RFC 3758 section 3.6) or I-FORWARD-TSN (RFC 8260 section 2.3.1): the peer has given
 * up messages. Answers whether it asks for an immediate SACK.
 */
export function receiveForwardTsn(
  core: AssociationCore,
  chunk: ForwardTsnChunk | IForwardTsnChunk,
  route: Route,
): boolean {
  const { receive, agreement } = core.state;
  core.replyRoute = route;
  const agreed = receive.interleaving ? "I_FORWARD_TSN" : "FORWARD_TSN";
  if (chunk.type !== agreed || !agreement.extensions.partialReliability) {
    violate(core, route, `${chunk.type} came where it was not agreed`);
    return false;
  }
  const ahead = tsnDistance(receive.cumulativeTsn, chunk.newCumulativeTsn);
  // An old one: our SACK may have been lost.
  if (ahead <= 0) return true;
  if (isOfOtherNumbering(agreement.extensions, receive.cumulativeTsn, chunk.newCumulativeTsn)) return true;
  if (receive.behind) {
    resynchronise(core, chunk.newCumulativeTsn, "the peer has given messages up");
    return true;
  }
  // Each TSN carried a byte at least, and no more bytes were ever allowed to be under way.
  if (ahead > Math.max(maxTsnsAhead, core.window.bufferBytes)) {
    violate(core, route, "FORWARD TSN skips more than the window ever held");
    return false;
  }
  if (receive.adopted !== undefined) {
    adoptReceived(core, chunk.newCumulativeTsn);
    for (const name of namesIn(chunk)) adoptSkipped(core, name);
  }
  const hadGap = receive.above.length > 0;
  rememberSkips(core, chunk);
  skip(core, chunk.newCumulativeTsn, listedMessages(core, chunk));
  return (
    hadGap || receive.above.length > 0 || core.window.hasReopened(receive, core.parameters.packetSizeBytes)
  );
}

/** Counts everything up to a TSN as received, and the messages as given up (RFC 3758 section 3.6). */
function skip(core: AssociationCore, cumulativeTsn: Tsn, listed: readonly MessageName[]): void {
  const wasHeldBack = isHeldBack(core);
  const { discarded, aborted, endless } = givenUp(core, cumulativeTsn, listed);
  for (const each of discarded) core.reassembly.remove([each]);
  const ordered = [...aborted, ...listed].filter((name) => !name.unordered);
  const skips = ordered.filter(({ streamId, ssn }) => core.reassembly.orderedUpTo(streamId, ssn).length > 0);
  core.receivedSequence = core.change({
    kind: "dataSkipped",
    cumulativeTsn,
    discarded: discarded.map((each) => each.tsn),
    aborted,
    advances: ordered.filter((name) => !skips.includes(name)).map(skipOf),
    skips: skips.map(skipOf),
    unorderedSkips: listed.filter((name) => name.unordered).map(skipOf),
  });
  partialDeliveriesAborted(core, aborted);
  // What is skipped may also be all that kept the numbering uncertain.
  const isFree = (wasHeldBack && !isHeldBack(core)) || core.deliveredMeanwhile !== undefined;
  if (isFree) deliverWhatIsReady(core);
  for (const { streamId } of ordered) deliverOrdered(core, streamId);
  for (const streamId of endless) deliverOrdered(core, streamId);
  // Unordered DATA of one stream shares a name: whole messages may have waited behind the one that was broken off.
  for (const { streamId, unordered } of aborted) if (unordered) deliverUnorderedOf(core, streamId);
}

/** While it is not known which numbering the peer has: what the other one makes of this is seen to with its answer. */
function rememberSkips(core: AssociationCore, chunk: ForwardTsnChunk | IForwardTsnChunk): void {
  if (core.deliveredMeanwhile === undefined) return;
  const tsn = chunk.newCumulativeTsn;
  const note = (streamId: number, ssn: number): void => {
    const other = core.skippedMeanwhile.get(streamId);
    const isHigher = other?.tsn !== tsn || ssnSteps(core.state.receive, other.ssn, ssn) > 0;
    if (isHigher && streamId < core.state.agreement.inboundStreams)
      core.skippedMeanwhile.set(streamId, { ssn, tsn });
  };
  if (chunk.type === "FORWARD_TSN") for (const { streamId, ssn } of chunk.streams) note(streamId, ssn);
  else for (const each of chunk.streams) if (!each.unordered) note(each.streamId, each.messageId);
}

/**
 * The answer to our SSN/TSN reset comes late: what FORWARD TSN listed from `firstTsn` on has the new numbering, in
 * which the streams have just begun again. To be called before what came meanwhile is forgotten.
 */
export function skipFrom(core: AssociationCore, firstTsn: Tsn): void {
  const listed = [...core.skippedMeanwhile].flatMap(([streamId, { ssn, tsn }]) =>
    tsnLess(tsn, firstTsn) || isOutOfDate(core, streamId, ssn) ? [] : [{ streamId, unordered: false, ssn }],
  );
  if (listed.length > 0) skip(core, core.state.receive.cumulativeTsn, listed);
}

const skipOf = ({ streamId, ssn }: MessageName): StreamSkip => ({ streamId, ssn });

/**
 * The peer says that it does not know Forward-TSN-Supported: all is reliable from now on (RFC 3758 section
 * 3.3.3). What was given up before can neither be skipped nor sent any more, and ends the association.
 */
export function forwardTsnNotUnderstood(core: AssociationCore, route: Route): void {
  const { outstanding, interleaving } = core.state.send;
  // Beside I-DATA it is about I-FORWARD-TSN, which the peer listed (RFC 8260 section 2.3.1).
  if (interleaving || !core.state.agreement.extensions.partialReliability) return;
  core.change({ kind: "partialReliabilityDenied" });
  core.forwardTsnDue = false;
  if ([...outstanding].some(({ abandoned }) => abandoned))
    abort(core, route, userInitiated("the peer does not know FORWARD TSN any more"));
}

const namesIn = (chunk: ForwardTsnChunk | IForwardTsnChunk): MessageName[] =>
  chunk.type === "FORWARD_TSN"
    ? chunk.streams.map(({ streamId, ssn }) => ({ streamId, unordered: false, ssn }))
    : chunk.streams.map(({ streamId, unordered, messageId }) => ({ streamId, unordered, ssn: messageId }));

/** The highest message skipped in each stream, as listed; what is out of date or of no stream is left out. */
function listedMessages(core: AssociationCore, chunk: ForwardTsnChunk | IForwardTsnChunk): MessageName[] {
  const { receive, agreement } = core.state;
  const highest = new Map<number, MessageName>();
  const note = (name: MessageName): void => {
    const { streamId, unordered, ssn } = name;
    if (streamId >= agreement.inboundStreams) return;
    if (!unordered && isOutOfDate(core, streamId, ssn)) return;
    const key = 2 * streamId + Number(unordered);
    const other = highest.get(key);
    if (other === undefined || ssnSteps(receive, other.ssn, ssn) > 0) highest.set(key, name);
  };
  for (const name of namesIn(chunk)) note(name);
  return [...highest.values()];
}

const isOutOfDate = (core: AssociationCore, streamId: number, ssn: number): boolean => {
  const { receive } = core.state;
  const waiting = receive.skips.find((each) => each.streamId === streamId);
  return ssnSteps(receive, waiting?.ssn ?? expectedSsn(receive, streamId), ssn) < 0;
};

interface GivenUp {
  readonly discarded: readonly ReceivedChunk[];
  readonly aborted: MessageName[];
  /** Streams with ordered messages that have no end and were not listed: they are given up when it is their turn. */
  readonly endless: ReadonlySet<number>;
}

/** The fragments in hand and the partial deliveries whose messages never become whole. */
function givenUp(core: AssociationCore, newCumulativeTsn: Tsn, listed: readonly MessageName[]): GivenUp {
  const { receive } = core.state;
  const upTo = cumulativeAfter(receive.above, newCumulativeTsn);
  const isLost = (tsn: Tsn): boolean => tsnLessOrEqual(tsn, upTo) && !receive.buffered.has(tsn);
  const aborted: MessageName[] = [];
  for (const { streamId, unordered, ssn, nextTsn } of receive.partial) {
    const isListed = listed.some(
      (name) =>
        name.streamId === streamId && name.unordered === unordered && ssnSteps(receive, ssn, name.ssn) >= 0,
    );
    if (isListed || (!receive.interleaving && isLost(nextTsn))) aborted.push({ streamId, unordered, ssn });
  }
  const named = [...listed, ...aborted].filter((name) => receive.interleaving || !name.unordered);
  const discarded = new Set(named.flatMap((name) => core.reassembly.incompleteUpTo(name)));
  const endless = new Set<number>();
  // Fragments of I-DATA have no neighbours by TSN: there only the list counts.
  if (receive.interleaving) return { discarded: [...discarded], aborted, endless };
  for (const run of core.reassembly.runs()) {
    const first = run[0];
    const last = run.at(-1);
    if (first === undefined || last === undefined) continue;
    const headLost = !first.beginning && isLost(tsnAdd(first.tsn, -1));
    const tailLost = !last.ending && isLost(tsnNext(last.tsn));
    if (headLost || (tailLost && last.unordered)) for (const each of run) discarded.add(each);
    else if (tailLost) endless.add(last.streamId);
  }
  return { discarded: [...discarded], aborted, endless };
}
