import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnDistance, tsnLess, tsnLessOrEqual } from "../base/serial.ts";
import { grow, halve } from "../path/congestion.ts";
import type { Path } from "../path/path.ts";
import { clearErrors, pmdcsBytes } from "../path/path.ts";
import { measureRtt } from "../path/rto.ts";
import { gapRanges } from "../tx/gap-ranges.ts";
import type { GapRange } from "../tx/gap-ranges.ts";
import type { SackChunk } from "../wire/index.ts";
import type { AssociationCore, PathTransmission } from "./core.ts";
import { violate } from "./on-data.ts";
import type { Route } from "./outputs.ts";
import { forwardTsnPath, giveUpIfExpired, noticeLackOfForwardTsn } from "./partial-reliability.ts";
import { listsProbe, noticeProbeAnswer } from "./probe.ts";
import { isOfOtherNumbering } from "./reconfiguration-state.ts";

/** A chunk missing from this many SACKs in a row is taken for lost (RFC 9260 section 7.2.4). */
const missingReportsForLoss = 3;
/** A window below this holds no packet: probes may be lost in it without anything being wrong. */
const smallestWindowBytes = 1500;

/** Processes a SACK (RFC 9260 section 6.2.1). */
export function receiveSack(core: AssociationCore, sack: SackChunk, route: Route, nowMs: number): void {
  const { send, agreement } = core.state;
  if (tsnLess(sack.cumulativeTsn, send.cumulativeAck)) {
    // Out of date, or the peer is a cluster that went on from an older state itself: then it answers all the same.
    if (listsProbe(core, sack.duplicates)) noticeProbeAnswer(core, sack.duplicates);
    return;
  }
  if (!tsnLess(sack.cumulativeTsn, send.nextTsn)) {
    if (isOfOtherNumbering(agreement.extensions, send.nextTsn, sack.cumulativeTsn)) return;
    violate(core, route, "SACK acknowledges a TSN that was never sent");
    return;
  }
  const gaps = gapRanges(sack.gaps, tsnDistance(sack.cumulativeTsn, send.nextTsn) - 1);
  beginSack(core);
  const before = send.cumulativeAck;
  let highestNew = acknowledgeUpTo(core, sack.cumulativeTsn, nowMs);
  const cumulativeMoved = tsnLess(before, send.cumulativeAck);
  highestNew = acknowledgeGaps(core, gaps, nowMs) ?? highestNew;
  noticeReneging(core, gaps);
  creditPaths(core);
  const lastGap = gaps.at(-1);
  const highestGap = lastGap === undefined ? undefined : tsnAdd(sack.cumulativeTsn, lastGap.end);
  countMissing(core, highestGap, highestNew, cumulativeMoved);
  core.windowClosed = sack.advertisedWindow < smallestWindowBytes;
  core.peerAdvertisedBytes = sack.advertisedWindow;
  if (!core.windowClosed) {
    core.windowProbes = 0;
    core.deadlines.clear("window-probe");
  }
  noticeLackOfForwardTsn(core);
  keepRetransmissionTimers(core, nowMs);
  noticeProbeAnswer(core, sack.duplicates);
  tellSender(core, cumulativeMoved);
}

/** SHUTDOWN acknowledges cumulatively like a SACK without gap blocks (section 9.2); false when it lies. */
export function acknowledgeCumulatively(
  core: AssociationCore,
  tsn: Tsn,
  route: Route,
  nowMs: number,
): boolean {
  const { send, agreement } = core.state;
  if (!tsnLess(tsn, send.nextTsn)) {
    if (isOfOtherNumbering(agreement.extensions, send.nextTsn, tsn)) return false;
    violate(core, route, "SHUTDOWN acknowledges a TSN that was never sent");
    return false;
  }
  const before = send.cumulativeAck;
  beginSack(core);
  acknowledgeUpTo(core, tsn, nowMs);
  creditPaths(core);
  noticeLackOfForwardTsn(core);
  keepRetransmissionTimers(core, nowMs);
  noticeProbeAnswer(core, []);
  tellSender(core, tsnLess(before, send.cumulativeAck));
  return true;
}

/** Notes what is in flight on each path before anything is acknowledged. */
function beginSack(core: AssociationCore): void {
  let open = 0;
  for (const { sacked, flightBytes } of core.allPaths) {
    sacked.bytes = 0;
    sacked.flightBeforeBytes = flightBytes;
    sacked.earliest = undefined;
    sacked.earliestAcked = false;
    if (flightBytes > 0) open += 1;
  }
  for (let place = 0; open > 0 && place < core.flight.size; place++) {
    const { inFlight, path, chunk } = core.flight.at(place)!;
    if (!inFlight || path === undefined || path.sacked.earliest !== undefined) continue;
    path.sacked.earliest = chunk.tsn;
    open -= 1;
  }
}

/** Answers the highest TSN that is acknowledged for the first time, if any. */
function acknowledgeUpTo(core: AssociationCore, tsn: Tsn, nowMs: number): Tsn | undefined {
  const { send } = core.state;
  const count = tsnDistance(send.cumulativeAck, tsn);
  if (count <= 0) return undefined;
  let highestNew: Tsn | undefined;
  const first = core.flight.at(0)!;
  for (let done = 0; done < count; done++) {
    const transmission = core.flight.at(0)!;
    if (credit(core, transmission, nowMs)) highestNew = transmission.chunk.tsn;
    core.flight.shift();
  }
  core.change({ kind: "cumAcked", tsn });
  if (first.chunk.abandoned) {
    // What moved the peer over it was FORWARD TSN, where one was sent.
    const path = core.paths.get(core.forwardTsn.sentTo ?? "") ?? first.path;
    if (path !== undefined) answered(core, path);
  }
  return highestNew;
}

/** The lowest outstanding TSN is one above the cumulative one, so offset n is at place n - 1. */
function acknowledgeGaps(core: AssociationCore, gaps: readonly GapRange[], nowMs: number): Tsn | undefined {
  let highestNew: Tsn | undefined;
  for (const gap of gaps) {
    for (let offset = gap.start; offset <= gap.end; offset++) {
      const transmission = core.flight.at(offset - 1);
      if (transmission === undefined || transmission.gapAcked) continue;
      if (credit(core, transmission, nowMs)) highestNew = transmission.chunk.tsn;
      core.flight.markGapAcked(transmission);
    }
  }
  return highestNew;
}

/**
 * A chunk that was in a gap block and is no longer is in flight again: it counts as missing once, and
 * further reports or T3 decide (section 6.2.1, rule D iii). A SACK that was overtaken looks the same.
 */
function noticeReneging(core: AssociationCore, gaps: readonly GapRange[]): void {
  if (!core.flight.hasGapAcked) return;
  let at = 0;
  for (let place = 0; place < core.flight.size; place++) {
    const transmission = core.flight.at(place)!;
    if (!transmission.gapAcked) continue;
    const offset = place + 1;
    while (at < gaps.length && gaps[at]!.end < offset) at += 1;
    const gap = gaps[at];
    if (gap !== undefined && offset >= gap.start) continue;
    core.flight.markReneged(transmission);
    transmission.missing += 1;
  }
}

/**
 * Books a first acknowledgement to the path that carried the chunk, with its RTT if it was timed and
 * sent once (Karn); false where it is none.
 */
function credit(core: AssociationCore, transmission: PathTransmission, nowMs: number): boolean {
  const { path, chunk, gapAcked } = transmission;
  if (gapAcked) return false;
  // Its address was deleted since (RFC 5061 section 5.3, F13), or it was given up before it was sent.
  if (path === undefined) return true;
  // RFC 3758 section 3.5, A2: it counted as acknowledged when it was given up, and shows no round trip.
  if (chunk.abandoned) {
    if (chunk.tsn === path.timedTsn) path.timedTsn = undefined;
    return true;
  }
  path.sacked.bytes += transmission.packetBytes;
  if (chunk.tsn === path.sacked.earliest) path.sacked.earliestAcked = true;
  if (chunk.tsn === path.timedTsn) {
    path.timedTsn = undefined;
    if (transmission.sendCount === 1) measureRtt(path.rto, nowMs - transmission.sentAtMs, core.parameters);
  }
  return true;
}

/** Section 8: what was sent to this address was acknowledged. */
function answered(core: AssociationCore, path: Path): void {
  core.errorCount = 0;
  if (clearErrors(path)) {
    core.notify({ type: "peer-address-change", address: path.address, state: "available" });
  }
}

function creditPaths(core: AssociationCore): void {
  for (const path of core.allPaths) {
    const { sacked } = path;
    if (sacked.bytes > 0) {
      path.mtu.timeouts = 0;
      answered(core, path);
      path.timedOut = undefined;
      grow(path.congestion, {
        ackedBytes: sacked.bytes,
        flightBeforeBytes: sacked.flightBeforeBytes,
        flightIsEmpty: path.flightBytes === 0,
        recovering: core.fastRecoveryExit !== undefined,
        pmdcsBytes: pmdcsBytes(path),
      });
    }
  }
  const { fastRecoveryExit } = core;
  if (fastRecoveryExit !== undefined && tsnLessOrEqual(fastRecoveryExit, core.state.send.cumulativeAck))
    core.fastRecoveryExit = undefined;
}

/**
 * Section 7.2.4: chunks below the highest TSN newly acknowledged are missing; in fast recovery, when the
 * cumulative TSN moves, all that the gap blocks leave out.
 */
function countMissing(
  core: AssociationCore,
  highestGap: Tsn | undefined,
  highestNew: Tsn | undefined,
  cumulativeMoved: boolean,
): void {
  if (highestGap === undefined) return;
  const recovering = core.fastRecoveryExit !== undefined;
  const limit = recovering && cumulativeMoved ? highestGap : highestNew;
  if (limit === undefined) return;
  let lossy: Set<Path> | undefined;
  for (let place = 0; place < core.flight.size; place++) {
    const transmission = core.flight.at(place)!;
    if (!tsnLess(transmission.chunk.tsn, limit)) break;
    if (transmission.gapAcked || (!transmission.inFlight && !transmission.chunk.abandoned)) continue;
    transmission.missing += 1;
    giveUpIfExpired(core, transmission);
    if (transmission.missing < missingReportsForLoss || transmission.fastRetransmitted) continue;
    transmission.fastRetransmitted = true;
    // What was given up before is not sent again, but its loss counts (RFC 3758 section 3.5, F5).
    if (!transmission.chunk.abandoned) core.flight.markForRetransmission(transmission, "fast");
    if (transmission.path !== undefined) (lossy ??= new Set<Path>()).add(transmission.path);
  }
  if (lossy !== undefined && !recovering) enterFastRecovery(core, lossy);
}

/**
 * Section 7.2.4, rules 2, 3 and 6. Fast Recovery is a state of the association: what is lost meanwhile on
 * another path makes no window smaller either.
 */
function enterFastRecovery(core: AssociationCore, lossy: ReadonlySet<Path>): void {
  for (const path of lossy) halve(path.congestion, pmdcsBytes(path));
  core.fastRecoveryExit = tsnAdd(core.state.send.nextTsn, -1);
  core.fastRetransmitPending = true;
}

/**
 * Section 6.3.2, rules R2 and R3: stop T3 where nothing is in flight, restart it where the earliest chunk
 * in flight was acknowledged. FORWARD TSN is repeated by T3 too (RFC 3758 section 3.5, C5).
 */
function keepRetransmissionTimers(core: AssociationCore, nowMs: number): void {
  const repeating = forwardTsnPath(core);
  for (const path of core.allPaths) {
    const running = core.deadlines.isSet(path.t3Timer);
    if (path.flightBytes === 0 && path !== repeating) {
      if (running) core.deadlines.clear(path.t3Timer);
    } else if (path.sacked.earliestAcked || !running) startRetransmissionTimer(core, path, nowMs);
  }
}

export function startRetransmissionTimer(core: AssociationCore, path: Path, nowMs: number): void {
  core.deadlines.set(path.t3Timer, nowMs + path.rto.rtoMs);
}

function tellSender(core: AssociationCore, cumulativeMoved: boolean): void {
  if (!cumulativeMoved) return;
  const { queuedMessages, outstanding, queuedBytes, outstandingBytes } = core.state.send;
  if (core.sendBlocked && 2 * (queuedBytes + outstandingBytes) <= core.parameters.sendBufferBytes) {
    core.sendBlocked = false;
    core.notify({ type: "send-possible" });
  }
  if (outstanding.length === 0 && queuedMessages === 0) core.notify({ type: "sender-dry" });
}
