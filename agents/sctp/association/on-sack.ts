import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnDistance, tsnLess, tsnLessOrEqual, tsnNext } from "../base/serial.ts";
import { enterFastRecovery, grow, leaveFastRecovery } from "../path/congestion.ts";
import type { Path } from "../path/path.ts";
import { clearErrors } from "../path/path.ts";
import { measureRtt } from "../path/rto.ts";
import type { Transmission } from "../tx/flight.ts";
import { gapRanges } from "../tx/gap-ranges.ts";
import type { GapRange } from "../tx/gap-ranges.ts";
import type { SackChunk } from "../wire/index.ts";
import type { AssociationCore, Route } from "./core.ts";
import { violate } from "./on-data.ts";

/** A chunk missing from this many SACKs in a row is taken for lost (RFC 9260 section 7.2.4). */
const missingReportsForLoss = 3;
/** A window below this holds no packet: probes may be lost in it without anything being wrong. */
const smallestWindowBytes = 1500;

interface Progress {
  readonly ackedBytes: Map<Path, number>;
  readonly flightBefore: Map<Path, number>;
  /** Highest TSN that this SACK acknowledges for the first time. */
  highestNew: Tsn | undefined;
}

/** Processes a SACK (RFC 9260 section 6.2.1). */
export function receiveSack(core: AssociationCore, sack: SackChunk, route: Route, nowMs: number): void {
  const { send } = core.state;
  if (tsnLess(sack.cumulativeTsn, send.cumulativeAck)) return;
  if (!tsnLess(sack.cumulativeTsn, send.nextTsn)) {
    violate(core, route, "SACK acknowledges a TSN that was never sent");
    return;
  }
  const gaps = gapRanges(sack.gaps, tsnDistance(sack.cumulativeTsn, send.nextTsn) - 1);
  const progress: Progress = { ackedBytes: new Map(), flightBefore: new Map(), highestNew: undefined };
  for (const path of core.paths.values()) progress.flightBefore.set(path, core.flight.bytesOn(path.address));
  const before = send.cumulativeAck;
  acknowledgeUpTo(core, sack.cumulativeTsn, progress, nowMs);
  const cumulativeMoved = tsnLess(before, send.cumulativeAck);
  acknowledgeGaps(core, sack.cumulativeTsn, gaps, progress, nowMs);
  noticeReneging(core, sack.cumulativeTsn, gaps);
  creditPaths(core, progress, cumulativeMoved);
  const lastGap = gaps.at(-1);
  const highestGap = lastGap === undefined ? undefined : tsnAdd(sack.cumulativeTsn, lastGap.end);
  const lossSeen = countMissing(core, highestGap, progress, cumulativeMoved);
  core.windowClosed = sack.advertisedWindow < smallestWindowBytes;
  core.peerWindowBytes = Math.max(0, sack.advertisedWindow - core.flight.totalBytes);
  keepRetransmissionTimers(core, progress, cumulativeMoved, nowMs);
  if (lossSeen) core.fastRetransmitPending = true;
  if (cumulativeMoved && send.outstanding.size === 0 && send.queue.length === 0) {
    core.notify({ type: "sender-dry" });
  }
}

/** SHUTDOWN acknowledges cumulatively like a SACK without gap blocks (section 9.2); false when it lies. */
export function acknowledgeCumulatively(
  core: AssociationCore,
  tsn: Tsn,
  route: Route,
  nowMs: number,
): boolean {
  if (!tsnLess(tsn, core.state.send.nextTsn)) {
    violate(core, route, "SHUTDOWN acknowledges a TSN that was never sent");
    return false;
  }
  const progress: Progress = { ackedBytes: new Map(), flightBefore: new Map(), highestNew: undefined };
  const before = core.state.send.cumulativeAck;
  acknowledgeUpTo(core, tsn, progress, nowMs);
  const moved = tsnLess(before, core.state.send.cumulativeAck);
  creditPaths(core, progress, moved);
  keepRetransmissionTimers(core, progress, moved, nowMs);
  return true;
}

function acknowledgeUpTo(core: AssociationCore, tsn: Tsn, progress: Progress, nowMs: number): void {
  const { send } = core.state;
  if (!tsnLess(send.cumulativeAck, tsn)) return;
  for (let each = tsnNext(send.cumulativeAck); tsnLessOrEqual(each, tsn); each = tsnNext(each)) {
    const transmission = core.flight.get(each);
    if (transmission === undefined) continue;
    credit(core, transmission, progress, nowMs);
    core.flight.remove(each);
  }
  core.change({ kind: "cumAcked", tsn });
}

function acknowledgeGaps(
  core: AssociationCore,
  cumulativeTsn: Tsn,
  gaps: readonly GapRange[],
  progress: Progress,
  nowMs: number,
): void {
  for (const gap of gaps) {
    for (let offset = gap.start; offset <= gap.end; offset++) {
      const transmission = core.flight.get(tsnAdd(cumulativeTsn, offset));
      if (transmission === undefined || transmission.gapAcked) continue;
      credit(core, transmission, progress, nowMs);
      core.flight.markGapAcked(transmission);
    }
  }
}

/**
 * A chunk that was in a gap block and is no longer is in flight again: missing reports or T3 decide
 * (section 6.2.1, rule D iii). A SACK that was overtaken on its way looks the same.
 */
function noticeReneging(core: AssociationCore, cumulativeTsn: Tsn, gaps: readonly GapRange[]): void {
  if (!core.flight.hasGapAcked) return;
  let at = 0;
  for (const transmission of core.flight) {
    if (!transmission.gapAcked) continue;
    const offset = tsnDistance(cumulativeTsn, transmission.chunk.tsn);
    while (at < gaps.length && (gaps[at]?.end ?? 0) < offset) at += 1;
    const gap = gaps[at];
    if (gap === undefined || offset < gap.start) core.flight.markReneged(transmission);
  }
}

/** Books a first acknowledgement to the path that carried the chunk, with its RTT if it was timed (Karn). */
function credit(core: AssociationCore, transmission: Transmission, progress: Progress, nowMs: number): void {
  if (transmission.gapAcked || transmission.path === undefined) return;
  const path = core.paths.get(transmission.path);
  if (path === undefined) return;
  const { tsn, payload } = transmission.chunk;
  progress.ackedBytes.set(path, (progress.ackedBytes.get(path) ?? 0) + payload.length);
  if (progress.highestNew === undefined || tsnLess(progress.highestNew, tsn)) progress.highestNew = tsn;
  if (!transmission.timed) return;
  path.timing = false;
  if (transmission.sendCount === 1) measureRtt(path.rto, nowMs - transmission.sentAtMs, core.parameters);
}

function creditPaths(core: AssociationCore, progress: Progress, cumulativeMoved: boolean): void {
  for (const [path, ackedBytes] of progress.ackedBytes) {
    core.errorCount = 0;
    if (clearErrors(path)) {
      core.notify({ type: "peer-address-change", address: path.address, state: "available" });
    }
    grow(path.congestion, {
      ackedBytes,
      cumulativeMoved,
      windowUsed: (progress.flightBefore.get(path) ?? 0) >= path.congestion.windowBytes,
      flightIsEmpty: core.flight.bytesOn(path.address) === 0,
      mtuBytes: core.parameters.packetSizeBytes,
    });
  }
  for (const path of core.paths.values()) leaveFastRecovery(path.congestion, core.state.send.cumulativeAck);
}

/** Highest TSN newly acknowledged (section 7.2.4): only chunks before it are missing. */
function countMissing(
  core: AssociationCore,
  highestGap: Tsn | undefined,
  progress: Progress,
  cumulativeMoved: boolean,
): boolean {
  if (highestGap === undefined || progress.highestNew === undefined) return false;
  const recovering = core.allPaths.some((path) => path.congestion.fastRecoveryExit !== undefined);
  const limit = recovering && cumulativeMoved ? highestGap : progress.highestNew;
  let lossSeen = false;
  for (const transmission of core.flight) {
    const { tsn } = transmission.chunk;
    if (!tsnLess(tsn, limit)) break;
    if (transmission.gapAcked || !transmission.inFlight) continue;
    transmission.missing += 1;
    if (transmission.missing < missingReportsForLoss || transmission.fastRetransmitted) continue;
    lossSeen = true;
    transmission.fastRetransmitted = true;
    const path = transmission.path === undefined ? undefined : core.paths.get(transmission.path);
    core.flight.markForRetransmission(transmission, "fast");
    if (path !== undefined) {
      const highest = tsnAdd(core.state.send.nextTsn, -1);
      enterFastRecovery(path.congestion, core.parameters.packetSizeBytes, highest);
      if (transmission.timed) path.timing = false;
    }
  }
  return lossSeen;
}

/** Section 6.3.2: stop T3 where nothing is in flight, restart it where the earliest chunk was acknowledged. */
function keepRetransmissionTimers(
  core: AssociationCore,
  progress: Progress,
  cumulativeMoved: boolean,
  nowMs: number,
): void {
  for (const path of core.paths.values()) {
    const timer = `t3 ${path.address}` as const;
    if (core.flight.bytesOn(path.address) === 0) core.deadlines.clear(timer);
    else if ((cumulativeMoved && progress.ackedBytes.has(path)) || !core.deadlines.isSet(timer)) {
      core.deadlines.set(timer, nowMs + path.rto.rtoMs);
    }
  }
}
