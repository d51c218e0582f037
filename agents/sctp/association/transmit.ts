import { assert } from "../base/assert.ts";
import { tsnLessOrEqual } from "../base/serial.ts";
import { decayAfterIdle } from "../path/congestion.ts";
import type { Path } from "../path/path.ts";
import { pathForNewData, pathForRetransmission, pmdcsBytes } from "../path/path.ts";
import type { RetransmissionReason } from "../tx/flight.ts";
import type { OutboundStream, QueuedMessage } from "../tx/send-state.ts";
import {
  chunkLength,
  commonHeaderBytes,
  dataHeaderBytes,
  iDataHeaderBytes,
  chunkTypeNumber,
} from "../wire/index.ts";
import type { AssociationCore, PathTransmission } from "./core.ts";
import { echoCongestion } from "./ecn.ts";
import { makeSack } from "./on-data.ts";
import { startRetransmissionTimer } from "./on-sack.ts";
import type { PacketReason, Route } from "./outputs.ts";
import { PacketBuilder } from "./packet-builder.ts";
import { dropExpired, givesUp, makeForwardTsn } from "./partial-reliability.ts";
import { sendAsconf } from "./asconf.ts";
import { isProbing, prepareProbe } from "./probe.ts";
import { noticeReset } from "./recovery-ladder.ts";
import { forgetLostAddresses } from "./redirect.ts";
import { sendReconfiguration } from "./reconfiguration.ts";
import { maySendData } from "./data-phases.ts";
import { startShutdownWhenDrained } from "./shutdown.ts";

/**
 * No stream may have more ordered messages under way (section 6.1); and no gap block could name a chunk
 * further away.
 */
const maxOutstandingChunks = 65_535;

/** The packet that is being filled, if any, and how many packets with DATA were begun. */
interface Desk {
  builder: PacketBuilder | undefined;
  /** The packet that is being filled is one of them. */
  withData: boolean;
  /** Stream of the last chunk in it. */
  streamId: number;
  dataPackets: number;
}

/**
 * Makes the packets that may leave now: control chunks, then retransmissions, then new data (RFC 9260
 * sections 6.1 and 6.10).
 */
export function flush(core: AssociationCore): void {
  const { nowMs } = core;
  noticeReset(core);
  startShutdownWhenDrained(core, nowMs);
  sendReconfiguration(core);
  forgetLostAddresses(core);
  sendAsconf(core);
  const mayData = maySendData(core.state.phase) && !isProbing(core);
  const dataPath = pathForNewData(core.allPaths, core.primaryPath);
  if (mayData) prepareData(core, dataPath);
  prepareSack(core, mayData ? dataPath : undefined);
  prepareProbe(core);
  const desk = writeControl(core, core.routeTo(dataPath));
  if (mayData) {
    sendRetransmissions(core, desk);
    sendNewData(core, desk, dataPath);
  }
  desk.builder?.finish();
  core.scheduler.packetFilled();
  core.burstPackets = 0;
  core.probeAllowed = false;
  // Messages that went, or whose time was over, may have been all that was left, and what was begun of them is to be skipped.
  if (mayData) prepareForwardTsn(core, dataPath);
  startShutdownWhenDrained(core, nowMs);
  sendReconfiguration(core);
  if (core.control.length > 0) writeControl(core, core.routeTo(dataPath)).builder?.finish();
}

/** What was given up meanwhile is told in front of everything else (RFC 3758 section 3.5). */
function prepareData(core: AssociationCore, dataPath: Path): void {
  if (core.flight.hasRetransmissions) {
    for (let place = 0; place < core.flight.size; place++) {
      const transmission = core.flight.at(place)!;
      if (transmission.retransmit !== undefined) givesUp(core, transmission);
    }
  }
  prepareForwardTsn(core, dataPath);
}

function prepareForwardTsn(core: AssociationCore, dataPath: Path): void {
  if (!core.forwardTsnDue) return;
  core.forwardTsnDue = false;
  const chunk = makeForwardTsn(core);
  if (chunk === undefined) return;
  const dependsOn = core.state.sequence;
  core.control.push({ chunk, route: core.routeTo(dataPath), reason: "forward-tsn", dependsOn });
  core.forwardTsn = { upTo: chunk.newCumulativeTsn, sentTo: dataPath.address, lacking: 0 };
  if (!core.deadlines.isSet(dataPath.t3Timer)) startRetransmissionTimer(core, dataPath, core.nowMs);
}

const maySendSack = (core: AssociationCore): boolean =>
  core.state.phase !== "closed" && core.state.phase !== "cookie-echoed";

/** A SACK that may still wait rides along with DATA or FORWARD TSN to the same place (section 6.1). */
function prepareSack(core: AssociationCore, dataPath: Path | undefined): void {
  if (!core.sack.isWaiting || !maySendSack(core)) return;
  const route = core.sackRoute;
  const rides =
    dataPath !== undefined &&
    sameRoute(route, core.routeTo(dataPath)) &&
    (core.control.some(({ reason }) => reason === "forward-tsn") || willSendData(core, dataPath));
  if (!core.sack.isDue && !rides) return;
  echoCongestion(core, route);
  core.control.push({ chunk: makeSack(core), route, reason: "sack", dependsOn: core.receivedSequence });
}

const sameRoute = (a: Route, b: Route): boolean => a.local === b.local && a.remote === b.remote;

/** Whether DATA leaves on this path in this flush, as far as that can be told beforehand. */
function willSendData(core: AssociationCore, path: Path): boolean {
  if (core.burstPackets === 0 || !hasRoom(path)) return false;
  if (core.flight.hasRetransmissions) return true;
  const stream = nextStream(core);
  const message = stream?.queue.first;
  if (message === undefined || !path.confirmed) return false;
  const lengthBytes = fragmentBytes(core, message);
  return lengthBytes <= peerWindowBytes(core) && !waitsForMore(core);
}

/** Packets for the waiting control chunks, route by route; the last one goes where data goes and is left open. */
function writeControl(core: AssociationCore, dataRoute: Route): Desk {
  const desk: Desk = { builder: undefined, withData: false, streamId: 0, dataPackets: 0 };
  if (core.control.length === 0) return desk;
  const waiting = core.control
    .splice(0)
    .map((each) => (each.chunk.type === "ASCONF" ? each : { ...each, route: core.leaving(each.route) }));
  const routes: Route[] = [];
  for (const { route } of waiting) {
    if (!routes.some((each) => sameRoute(each, route)) && !sameRoute(route, dataRoute)) routes.push(route);
  }
  for (const route of [...routes, dataRoute]) {
    desk.builder?.finish();
    desk.builder = undefined;
    for (const control of waiting) {
      if (!sameRoute(control.route, route)) continue;
      const length = chunkLength(control.chunk);
      const type = chunkTypeNumber(control.chunk);
      if (desk.builder === undefined || desk.builder.roomFor(type) < length) {
        desk.builder?.finish();
        const limit = core.paths.get(route.remote)?.packetSizeBytes ?? core.parameters.packetSizeBytes;
        desk.builder = new PacketBuilder(
          core,
          control.route,
          Math.max(limit, commonHeaderBytes + core.authenticationBytes(type) + length),
        );
      }
      desk.builder.add(control.chunk, control.dependsOn, control.reason);
    }
  }
  return desk;
}

const dataType = (core: AssociationCore): number => (core.state.send.interleaving ? 64 : 0);

const hasRoom = (path: Path): boolean =>
  path.congestion.onePacketOnly ? path.flightBytes === 0 : path.flightBytes < path.congestion.windowBytes;

/** What the peer can still take (section 6.2.1). */
export const peerWindowBytes = (core: AssociationCore): number =>
  Math.max(0, core.peerAdvertisedBytes - core.flight.payloadBytes);

/** Makes the open packet one for DATA of this size to a path, or begins one; false where none may leave now. */
function startData(
  core: AssociationCore,
  desk: Desk,
  path: Path,
  lengthBytes: number,
  free: boolean,
): boolean {
  const open = desk.builder;
  const fits =
    open !== undefined && open.route.remote === path.address && open.roomFor(dataType(core)) >= lengthBytes;
  if (fits && desk.withData) return true;
  if (!free && (core.burstPackets === 0 || !hasRoom(path))) return false;
  if (!fits) {
    open?.finish();
    if (desk.withData) core.scheduler.packetFilled();
    const authBytes = core.authenticationBytes(dataType(core));
    const limit = Math.max(path.packetSizeBytes, commonHeaderBytes + authBytes + lengthBytes);
    desk.builder = new PacketBuilder(core, core.routeTo(path), limit);
  }
  desk.withData = true;
  desk.dataPackets += 1;
  if (core.burstPackets > 0) core.burstPackets -= 1;
  return true;
}

/**
 * Where only chunks of one stream share a packet, ends the open one in front of a chunk of another stream, or
 * of one for which it has no room; answers whether it did.
 */
function keepApart(core: AssociationCore, desk: Desk, streamId: number, chunkBytes: number): boolean {
  const { builder } = desk;
  if (!core.scheduler.keepsStreamsApart || !desk.withData || builder === undefined) return false;
  if (desk.streamId === streamId && builder.roomFor(dataType(core)) >= chunkBytes) return false;
  builder.finish();
  desk.builder = undefined;
  desk.withData = false;
  core.scheduler.packetFilled();
  return true;
}

const packetReasons: Readonly<Record<RetransmissionReason, PacketReason>> = {
  t3: "t3-retransmission",
  fast: "fast-retransmission",
  takeover: "takeover-retransmission",
};

function sendRetransmissions(core: AssociationCore, desk: Desk): void {
  // The first packet of a fast retransmission ignores the window (section 7.2.4, rule 3).
  const free = core.fastRetransmitPending;
  core.fastRetransmitPending = false;
  if (!core.flight.hasRetransmissions) return;
  for (let place = 0; place < core.flight.size; place++) {
    const transmission = core.flight.at(place)!;
    const { retransmit } = transmission;
    if (retransmit === undefined) continue;
    const path = retransmissionPath(core, transmission);
    // All that is left may be an address that is still to be confirmed (RFC 5061 section 5.3, F14).
    if (!path.confirmed) break;
    const exempt = (free && desk.dataPackets === 0) || retransmit === "takeover";
    keepApart(core, desk, transmission.chunk.streamId, transmission.packetBytes);
    if (!startData(core, desk, path, transmission.packetBytes, exempt)) break;
    stopTiming(core, transmission);
    core.flight.markSent(transmission, path, desk.builder?.route.local, core.nowMs);
    desk.streamId = transmission.chunk.streamId;
    desk.builder?.addData(transmission, false, packetReasons[retransmit]);
    path.lastDataSentAtMs = core.nowMs;
    path.timedOut = undefined;
    const running = core.deadlines.isSet(path.t3Timer);
    if (!running || isEarliestOn(core, path, place)) startRetransmissionTimer(core, path, core.nowMs);
  }
}

/** Section 6.3.1, rule C5: what is behind a chunk that was sent again may have waited for it at the peer. */
function stopTiming(core: AssociationCore, transmission: PathTransmission): void {
  for (const path of core.allPaths) {
    if (path.timedTsn !== undefined && tsnLessOrEqual(transmission.chunk.tsn, path.timedTsn)) {
      path.timedTsn = undefined;
    }
  }
}

/** Section 6.1: T3 is restarted when the lowest TSN in flight on the path is sent again. */
function isEarliestOn(core: AssociationCore, path: Path, place: number): boolean {
  for (let before = 0; before < place; before++) {
    const { inFlight, path: on } = core.flight.at(before)!;
    if (inFlight && on === path) return false;
  }
  return true;
}

function retransmissionPath(core: AssociationCore, transmission: PathTransmission): Path {
  const last = transmission.path;
  if (last === undefined || transmission.retransmit === "takeover") {
    return pathForNewData(core.allPaths, core.primaryPath);
  }
  // What missing reports show was lost by congestion, not by its path (section 6.4).
  if (transmission.retransmit === "fast" && last.reachability !== "inactive") return last;
  return pathForRetransmission(core.allPaths, last);
}

/** The stream whose turn it is, after messages whose time is over were dropped. */
function nextStream(core: AssociationCore): OutboundStream | undefined {
  for (;;) {
    const stream = core.scheduler.next(core.state.send);
    if (stream === undefined) return undefined;
    if (stream.queue.first?.terms.expiresAtMs === undefined) return stream;
    const { length } = stream.queue;
    dropExpired(core, stream);
    if (stream.queue.length === length) return stream;
  }
}

/** Bytes of user data that the next fragment of a message takes (sections 6.9 and 7.3). */
function fragmentBytes(core: AssociationCore, message: QueuedMessage): number {
  return Math.min(message.payload.length - message.assignedBytes, fragmentationPointBytes(core));
}

/** The largest fragment that fits every path, so that it can be sent again on another one (section 7.3). */
export function fragmentationPointBytes(core: AssociationCore): number {
  let packetSize = core.allPaths[0]?.packetSizeBytes ?? core.parameters.packetSizeBytes;
  for (const path of core.allPaths) packetSize = Math.min(packetSize, path.packetSizeBytes);
  const header = core.state.send.interleaving ? iDataHeaderBytes : dataHeaderBytes;
  return (packetSize - commonHeaderBytes - core.authenticationBytes(dataType(core)) - header) & ~3;
}

/** Nagle's algorithm (section 6.1, "delays to increase bundling efficiency"): less than a packet waits for a SACK. */
function waitsForMore(core: AssociationCore): boolean {
  if (core.parameters.noDelay || core.flight.payloadBytes === 0) return false;
  return core.state.send.queuedBytes < fragmentationPointBytes(core);
}

function sendNewData(core: AssociationCore, desk: Desk, path: Path): void {
  const { send } = core.state;
  if (send.queuedMessages === 0 || core.flight.hasRetransmissions || !path.confirmed) return;
  shrinkIdleWindow(core, path);
  const header = send.interleaving ? iDataHeaderBytes : dataHeaderBytes;
  const largest = fragmentationPointBytes(core);
  for (let stream = nextStream(core); stream !== undefined; stream = nextStream(core)) {
    const message = stream.queue.first;
    assert(message !== undefined, "a stream that has its turn has a message");
    const lengthBytes = Math.min(message.payload.length - message.assignedBytes, largest);
    if (!hasRoom(path) && !(desk.withData && path.congestion.onePacketOnly)) break;
    if (send.outstanding.length >= maxOutstandingChunks) break;
    if (lengthBytes > peerWindowBytes(core) && !mayProbe(core, path)) break;
    if (!desk.withData && waitsForMore(core)) break;
    const chunkBytes = (header + lengthBytes + 3) & ~3;
    // In a new packet it is the turn of another stream.
    if (keepApart(core, desk, message.streamId, chunkBytes)) continue;
    if (!startData(core, desk, path, chunkBytes, false)) break;
    sendFragment(core, desk, path, message, lengthBytes);
  }
}

function shrinkIdleWindow(core: AssociationCore, path: Path): void {
  if (path.flightBytes > 0 || path.lastDataSentAtMs === 0) return;
  const idleRtos = Math.floor((core.nowMs - path.lastDataSentAtMs) / path.rto.rtoMs);
  decayAfterIdle(path.congestion, pmdcsBytes(path), Math.min(idleRtos, 32));
}

/**
 * Section 6.1, rule A: against a closed window one chunk may go out when nothing is in flight, the first
 * an RTO after the window closed and each further one after twice the time.
 */
function mayProbe(core: AssociationCore, path: Path): boolean {
  if (core.flight.payloadBytes > 0) return false;
  if (core.probeAllowed) {
    core.probeAllowed = false;
    return true;
  }
  if (!core.deadlines.isSet("window-probe")) {
    const waitMs = path.rto.rtoMs * 2 ** Math.min(core.windowProbes, 16);
    core.deadlines.set("window-probe", core.nowMs + Math.min(waitMs, core.parameters.rtoMaxMs));
    core.windowProbes += 1;
  }
  return false;
}

function sendFragment(
  core: AssociationCore,
  desk: Desk,
  path: Path,
  message: QueuedMessage,
  lengthBytes: number,
): void {
  const { nowMs } = core;
  const { send } = core.state;
  const chunk = core.assignTsn(message.streamId, lengthBytes);
  const empty = chunk.ending && send.streams.get(message.streamId)?.queue.length === 0;
  core.scheduler.assigned(message.streamId, lengthBytes, chunk.ending, empty);
  const transmission = core.flight.add(chunk, core.state.sequence);
  desk.streamId = message.streamId;
  path.timedTsn ??= chunk.tsn;
  if (!core.deadlines.isSet(path.t3Timer)) startRetransmissionTimer(core, path, nowMs);
  core.flight.markSent(transmission, path, desk.builder?.route.local, nowMs);
  path.lastDataSentAtMs = nowMs;
  path.timedOut = undefined;
  // RFC 7053: whoever is shutting down has a use for the SACK of the last chunk.
  const immediate = core.state.phase === "shutdown-pending" && send.queuedMessages === 0;
  desk.builder?.addData(transmission, immediate, "data");
}
