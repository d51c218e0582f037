import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnDistance, tsnLess, tsnLessOrEqual, tsnNext } from "../base/serial.ts";
import type { MessageName, ReceivedChunk } from "../rx/receive-state.ts";
import type { TsnRange } from "../rx/tsn-ranges.ts";
import { adoptReceived } from "./adopt-flow.ts";
import { partialDeliveriesAborted } from "./broken-off.ts";
import type { AssociationCore } from "./core.ts";
import { deliverWhole, interleaves } from "./deliver.ts";
import { reportRanges } from "./loss-report.ts";
import type { RepeatedTsn } from "./recovery-state.ts";

/*
 * Another instance may have acknowledged data that this one never got. The peer then has it no more, ignores our SACKs,
 * whose cumulative TSN is older than what it was told, and when its T3 expires sends the lowest TSN again that it has
 * outstanding (RFC 9260 section 6.3.3, E3). That one shows to where our cumulative TSN has to move: never beyond what
 * the peer has sent, and not a message too far.
 *
 * A chunk that comes again after our SACK with it in a gap block is one for which that SACK did not count. What was
 * under way for long, doubled or overtaken looks different: nothing lower may have come since, or at least twice in a
 * row not, and between the first and the last time there is more than a copy of the network takes.
 */

/** So often the lowest TSN has to come, and another one that has lower ones before it. */
const lowestArrivals = 2;
const otherArrivals = 3;
/** TSNs that are watched at a time. */
const mostWatched = 64;

/** Every TSN of the peer is looked at before anything else, as long as it may be ahead of us. */
export function watchTsn(core: AssociationCore, tsn: Tsn): void {
  const { recovery, nowMs } = core;
  const { cumulativeTsn } = core.state.receive;
  if (recovery === undefined || !core.state.receive.behind) return;
  if (tsnDistance(cumulativeTsn, tsn) <= 0) return;
  const kept = recovery.repeated.filter((each) => tsnLessOrEqual(each.tsn, tsn));
  const before = kept.find((each) => each.tsn === tsn);
  const seen: RepeatedTsn =
    before === undefined ? { tsn, firstAtMs: nowMs, count: 1 } : { ...before, count: before.count + 1 };
  const isLowest = recovery.lowestTsn === undefined || tsnLessOrEqual(tsn, recovery.lowestTsn);
  core.recovery = {
    ...recovery,
    lowestTsn: isLowest ? tsn : recovery.lowestTsn,
    repeated: [...kept.filter((each) => each !== before), seen].slice(-mostWatched),
  };
  const needed = isLowest ? lowestArrivals : otherArrivals;
  const isSpread = nowMs - seen.firstAtMs >= core.parameters.rtoMinMs / 2;
  if (seen.count < needed || !isSpread || tsn === tsnNext(cumulativeTsn)) return;
  core.change({ kind: "receiveBehind", behind: false });
  resynchronise(core, tsnAdd(tsn, -1), `the peer sends TSN ${tsn} first, again and again`);
}

/** The cumulative TSN moves to `upTo`, which the peer was told of, or has given up; what is missing is reported. */
export function resynchronise(core: AssociationCore, upTo: Tsn, why: string): void {
  const { receive } = core.state;
  const holes = holesUpTo(core, upTo);
  const isLost = (tsn: Tsn): boolean =>
    holes.some(({ first, last }) => tsnLessOrEqual(first, tsn) && tsnLessOrEqual(tsn, last));
  const { discarded, aborted, begun } = hopeless(core, isLost);
  for (const each of discarded) core.reassembly.remove([each]);
  const thrown = [...discarded.map(({ tsn }) => tsn), ...begun];
  reportRanges(core, "inbound", receive.cumulativeTsn, [
    ...holes,
    ...thrown.map((tsn) => ({ first: tsn, last: tsn })),
  ]);
  core.receivedSequence = core.change({
    kind: "resynchronised",
    cumulativeTsn: upTo,
    discarded: discarded.map((each) => each.tsn),
    aborted,
  });
  const text = `${why}: what is missing up to TSN ${upTo} does not come any more`;
  core.notify({ type: "recovery-step", step: "resynchronise", text });
  partialDeliveriesAborted(core, aborted);
  deliverWhole(core, upTo);
  core.adoptedUpTo = upTo;
  adoptReceived(core);
  core.sack.makeDue();
}

/** The runs of TSNs up to `upTo` that did not come. */
function holesUpTo(core: AssociationCore, upTo: Tsn): TsnRange[] {
  const { above, cumulativeTsn } = core.state.receive;
  const holes: TsnRange[] = [];
  let next = tsnNext(cumulativeTsn);
  for (const { first, last } of above) {
    if (!tsnLessOrEqual(first, upTo)) break;
    holes.push({ first: next, last: tsnAdd(first, -1) });
    next = tsnNext(last);
  }
  if (tsnLessOrEqual(next, upTo)) holes.push({ first: next, last: upTo });
  return holes;
}

interface Hopeless {
  readonly discarded: readonly ReceivedChunk[];
  readonly aborted: readonly MessageName[];
  /** The last TSNs of the partial deliveries that end. */
  readonly begun: readonly Tsn[];
}

/**
 * Fragments and partial deliveries that never become whole. Fragments of DATA have neighbours; with I-DATA only the
 * next message of the flow shows it (`adoptFlow`).
 */
function hopeless(core: AssociationCore, isLost: (tsn: Tsn) => boolean): Hopeless {
  const { receive } = core.state;
  if (receive.interleaving) return { discarded: [], aborted: [], begun: [] };
  const discarded: ReceivedChunk[] = [];
  for (const run of core.reassembly.runs()) {
    const [first] = run;
    const last = run.at(-1);
    if (first === undefined || last === undefined) continue;
    const headLost = !first.beginning && isLost(tsnAdd(first.tsn, -1));
    const tailLost = !last.ending && isLost(tsnNext(last.tsn));
    if (headLost || tailLost) discarded.push(...run);
  }
  // Where everything else waits for the rest of a message it is given up as well: it was begun above a hole.
  const ended = receive.partial.filter(({ nextTsn }) => isLost(nextTsn) || !interleaves(core));
  const goesOn = (chunk: ReceivedChunk): boolean => ended.some((each) => each.nextTsn === chunk.tsn);
  for (const run of core.reassembly.runs()) {
    if (run[0] !== undefined && goesOn(run[0]) && !discarded.includes(run[0])) discarded.push(...run);
  }
  return {
    discarded,
    aborted: ended.map(({ streamId, unordered, ssn }) => ({ streamId, unordered, ssn })),
    begun: ended.map(({ nextTsn }) => tsnAdd(nextTsn, -1)),
  };
}

/** What is in hand of messages from before `tsn` never becomes whole: from there on the peer uses other numbers. */
export function dropBefore(core: AssociationCore, tsn: Tsn): void {
  const { receive } = core.state;
  const discarded = [...receive.buffered.values()].filter((each) => tsnLess(each.tsn, tsn));
  const ended = receive.partial.filter(({ nextTsn }) => tsnLessOrEqual(nextTsn, tsn));
  if (discarded.length + ended.length === 0) return;
  const lost = [...discarded.map((each) => each.tsn), ...ended.map(({ nextTsn }) => tsnAdd(nextTsn, -1))];
  reportRanges(
    core,
    "inbound",
    receive.cumulativeTsn,
    lost.map((each) => ({ first: each, last: each })),
  );
  for (const each of discarded) core.reassembly.remove([each]);
  const aborted = ended.map(({ streamId, unordered, ssn }) => ({ streamId, unordered, ssn }));
  core.receivedSequence = core.change({
    kind: "dataSkipped",
    cumulativeTsn: receive.cumulativeTsn,
    discarded: discarded.map((each) => each.tsn),
    aborted,
    advances: [],
    skips: [],
    unorderedSkips: [],
  });
  partialDeliveriesAborted(core, aborted);
}

/** So long after a takeover nothing of before is under way any more. */
const settledAfterRtos = 3;

/**
 * A packet with data is done, before which the cumulative TSN was `before`: when it still moves without a hole after so
 * long we are where the peer is. Duplicates do not show that: they may be probes, and nothing else leaves a peer that
 * lags behind itself and has not learned yet what we have.
 */
export function noticeSettled(core: AssociationCore, before: Tsn): void {
  const { receive } = core.state;
  if (!receive.behind || core.recovery === undefined || receive.above.length > 0) return;
  if (receive.cumulativeTsn === before) return;
  // What came from too far ahead was not even taken in.
  if (core.recovery.repeated.some(({ tsn }) => tsnLess(receive.cumulativeTsn, tsn))) return;
  const sinceMs = core.nowMs - core.recovery.startedAtMs;
  if (sinceMs >= settledAfterRtos * core.parameters.rtoInitialMs) {
    core.change({ kind: "receiveBehind", behind: false });
  }
}

/** The peer has nothing more to send: what it sent, and we do not have, another instance has acknowledged. */
export function noMoreComes(core: AssociationCore): void {
  const { receive } = core.state;
  if (!receive.behind) return;
  const firstTsn = tsnNext(receive.cumulativeTsn);
  const text = `the peer is done, and nobody knows whether it had sent more than TSN ${receive.cumulativeTsn}`;
  core.notify({ type: "recovery-step", step: "resynchronise", text });
  reportRanges(core, "inbound", receive.cumulativeTsn, [
    { first: firstTsn, last: tsnAdd(firstTsn, openEndTsns - 1) },
  ]);
  core.change({ kind: "receiveBehind", behind: false });
}

/** Stands for all that may have come. */
const openEndTsns = 0x4000_0000;
