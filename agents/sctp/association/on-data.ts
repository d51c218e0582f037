import type { Tsn } from "../base/serial.ts";
import { tsnDistance, tsnNext } from "../base/serial.ts";
import type { ReceivedChunk } from "../rx/receive-state.ts";
import { expectedSsn, hasReceived, isAdopted, partialIndex } from "../rx/receive-state.ts";
import type { DataChunk, IDataChunk, SackChunk } from "../wire/index.ts";
import { abort, reasonText } from "./abort.ts";
import { adoptFlow } from "./adopt-flow.ts";
import { judge } from "./chunk-faults.ts";
import type { AssociationCore } from "./core.ts";
import {
  deliverAfter,
  deliverAtOnce,
  deliverOrdered,
  deliverWhatIsReady,
  dropBrokenOff,
  isCertain,
  isHeldBack,
  isUncertain,
  prefersParts,
  relieveBuffer,
  sharesName,
} from "./deliver.ts";
import type { Route } from "./outputs.ts";
import { watchTsn } from "./resynchronise.ts";

/** TSNs that are taken in above the cumulative one: bounds the work for each SACK as well. */
export const maxTsnsAhead = 4096;
/** A payload that stays is copied out of a packet that is so many times larger: the packet must not stay. */
const copyFactor = 4;

/** Section 6.2: SACK.Delay must not be more, whatever is configured. */
const longestSackDelayMs = 500;

const noGaps: SackChunk["gaps"] = [];

/**
 * Takes in one DATA or I-DATA chunk; answers whether it asks for an immediate SACK (RFC 9260 sections 6.2
 * and 6.7). `data.payload` may be kept: it must not change any more.
 */
export function receiveData(core: AssociationCore, data: DataChunk | IDataChunk, route: Route): boolean {
  const { receive } = core.state;
  core.replyRoute = route;
  if ((data.type === "I_DATA") !== receive.interleaving) {
    violate(core, route, `${data.type} came where the other kind was agreed`);
    return false;
  }
  if (data.payload.length === 0) {
    abort(core, route, { type: "NO_USER_DATA", code: 9, tsn: data.tsn });
    return false;
  }
  if (receive.behind) watchTsn(core, data.tsn);
  if (hasReceived(receive, data.tsn)) {
    core.sack.duplicateReceived(data.tsn);
    return true;
  }
  const ahead = tsnDistance(receive.cumulativeTsn, data.tsn);
  if (ahead > maxTsnsAhead) return true;
  if (data.payload.length > core.window.roomBytes(receive) && !mayExceedWindow(core, data, ahead, route)) {
    return true;
  }
  const hadGap = receive.above.length > 0;
  if (data.streamId >= core.state.agreement.inboundStreams) {
    discardForUnknownStream(core, data, route);
    return true;
  }
  const chunk = received(core, data);
  if (ahead === 1 && !adoptFlow(core, chunk)) {
    discardStray(core, chunk.tsn);
    return true;
  }
  if (receive.buffered.size === 0 && receive.partial.length === 0 && isNext(core, chunk)) {
    deliverAtOnce(core, chunk);
  } else if (!takeIn(core, chunk, ahead === 1, route)) return false;
  return data.immediate || hadGap || receive.above.length > 0 || hasReopened(core);
}

/** A whole message that nothing keeps back. */
const isNext = (core: AssociationCore, chunk: ReceivedChunk): boolean =>
  chunk.beginning &&
  chunk.ending &&
  (chunk.unordered ||
    (isAdopted(core.state.receive, chunk) &&
      chunk.ssn === expectedSsn(core.state.receive, chunk.streamId) &&
      isCertain(core, chunk.tsn, 1)));

function received(core: AssociationCore, data: DataChunk | IDataChunk): ReceivedChunk {
  const interleaved = data.type === "I_DATA";
  return {
    tsn: data.tsn,
    streamId: data.streamId,
    ssn: interleaved ? data.messageId : data.unordered ? 0 : data.ssn,
    fsn: interleaved ? data.fsn : 0,
    ppid: data.ppid,
    unordered: data.unordered,
    beginning: data.beginning,
    ending: data.ending,
    payload: core.window.holdsDeliveries ? lasting(data.payload) : data.payload,
  };
}

/** A payload that may stay for long, in memory of about its own size. */
const lasting = (payload: Uint8Array): Uint8Array =>
  payload.length * copyFactor < payload.buffer.byteLength ? payload.slice() : payload;

/** The general way of a chunk: into the buffer, and out of it whatever became ready. False when the association ended. */
function takeIn(core: AssociationCore, chunk: ReceivedChunk, inSequence: boolean, route: Route): boolean {
  const judgement = judge(core, chunk, inSequence);
  // The peer may have done the reset of all numbers that we asked for: it sends this again, when we know.
  const hasNumber = !chunk.unordered || core.state.receive.interleaving;
  const mayBeReset = core.deliveredMeanwhile !== undefined && hasNumber;
  // But in sequence the rest of a message is of the old numbering, for else its beginning would not be missing.
  const isOldRest = judgement.outcome === "stray" && inSequence && !chunk.beginning;
  if (mayBeReset && judgement.outcome !== "take" && !isOldRest) return true;
  if (judgement.outcome === "violation") {
    violate(core, route, judgement.text);
    return false;
  }
  if (judgement.outcome === "stray") {
    discardStray(core, chunk.tsn);
    dropBrokenOff(core, chunk.tsn);
    return true;
  }
  if (isNext(core, chunk) && !isHeldBack(core) && !sharesName(core, chunk)) {
    deliverAtOnce(core, chunk);
    dropBrokenOff(core, chunk.tsn);
    if (isUncertain(core)) deliverWhatIsReady(core);
    else if (!chunk.unordered) deliverOrdered(core, chunk.streamId);
    return true;
  }
  const { receive } = core.state;
  const wasFull = core.window.roomBytes(receive) <= 0;
  const payload = lasting(chunk.payload);
  const kept = payload === chunk.payload ? chunk : { ...chunk, payload };
  core.receivedSequence = core.change({ kind: "dataReceived", chunk: kept });
  core.reassembly.add(kept);
  dropBrokenOff(core, kept.tsn);
  if (receive.buffered.has(kept.tsn)) deliverAfter(core, kept);
  // What waited only because its numbering was not certain.
  if (inSequence && isUncertain(core)) deliverWhatIsReady(core);
  if (!isStuck(core)) return true;
  // Who wants messages whole waits once more: the first chunk too many may be followed by the last one of its message.
  if ((wasFull || prefersParts(core)) && relieveBuffer(core)) return true;
  if (!wasFull) return true;
  abort(core, route, { type: "OUT_OF_RESOURCE", code: 4 });
  return false;
}

/** The buffer is full of what waits for more to come, and the window for that is closed. */
function isStuck(core: AssociationCore): boolean {
  const { receive } = core.state;
  if (receive.above.length > 0 || receive.buffered.size === 0 || isHeldBack(core)) return false;
  return core.window.heldBytes === 0 && core.window.roomBytes(receive) <= 0;
}

/**
 * Whether a chunk for which the window has no room is taken in all the same (section 6.2). Above a gap it is
 * dropped. The one that is next in sequence may free the buffer, so it is taken, up to a second buffer: what
 * fills a gap always, any other unless the window is closed because the user is slow, for then it is the probe
 * of section 6.1, rule A, and the SACK that answers it is all that it needs. A probe may be larger than any
 * window; what does not have to wait is taken however large it is, and with an empty buffer anything is.
 */
function mayExceedWindow(
  core: AssociationCore,
  data: DataChunk | IDataChunk,
  ahead: number,
  route: Route,
): boolean {
  const { receive } = core.state;
  const { window } = core;
  const fits = (): boolean => window.useBytes(receive) + data.payload.length <= 2 * window.bufferBytes;
  if (ahead > 1) return false;
  if (window.heldBytes > 0) return receive.above.length > 0 && fits();
  if (fits() || passesThrough(core, received(core, data))) return true;
  // Section 6.9: parts of messages make room.
  while (!fits() && relieveBuffer(core));
  if (fits() || receive.buffered.size === 0) return true;
  if (window.heldBytes === 0) abort(core, route, { type: "OUT_OF_RESOURCE", code: 4 });
  return false;
}

/** What goes to the user at once: a whole message, or the next part of one. */
function passesThrough(core: AssociationCore, chunk: ReceivedChunk): boolean {
  const { receive } = core.state;
  const partial = receive.partial[partialIndex(receive, chunk)];
  if (partial === undefined) return isNext(core, chunk) && !isHeldBack(core);
  return receive.interleaving ? partial.nextFsn === chunk.fsn : partial.nextTsn === chunk.tsn;
}

/** Section 6.5: it is acknowledged, reported and thrown away. */
function discardForUnknownStream(core: AssociationCore, data: DataChunk | IDataChunk, route: Route): void {
  core.receivedSequence = core.change({ kind: "dataDiscarded", tsn: data.tsn });
  dropBrokenOff(core, data.tsn);
  const cause = { type: "INVALID_STREAM_IDENTIFIER", code: 1, streamId: data.streamId } as const;
  core.answer({ chunk: { type: "ERROR", causes: [cause] }, route, reason: "error", dependsOn: 0 });
}

/** A late fragment of a message that the peer has given up, and what follows it in that message. */
function discardStray(core: AssociationCore, tsn: Tsn): void {
  core.receivedSequence = core.change({ kind: "dataDiscarded", tsn });
  const { receive } = core.state;
  if (receive.interleaving) return;
  const orphans: ReceivedChunk[] = [];
  for (let next = receive.buffered.get(tsnNext(tsn)); next !== undefined && !next.beginning;) {
    orphans.push(next);
    next = next.ending ? undefined : receive.buffered.get(tsnNext(next.tsn));
  }
  if (orphans.length === 0) return;
  core.reassembly.remove(orphans);
  core.receivedSequence = core.change({
    kind: "dataSkipped",
    cumulativeTsn: receive.cumulativeTsn,
    discarded: orphans.map((each) => each.tsn),
    aborted: [],
    advances: [],
    skips: [],
    unorderedSkips: [],
  });
}

/** Ends the association because the peer broke a rule (section 3.3.10.13). */
export function violate(core: AssociationCore, route: Route, text: string): void {
  abort(core, route, { type: "PROTOCOL_VIOLATION", code: 13, value: reasonText(text) });
}

const hasReopened = (core: AssociationCore): boolean =>
  core.window.hasReopened(core.state.receive, core.parameters.packetSizeBytes);

/** The user has taken `bytes` of what was delivered: a window that opens again is told to the peer (section 6.2). */
export function consumed(core: AssociationCore, bytes: number): void {
  core.window.consumed(bytes);
  if (hasReopened(core)) core.sack.makeDue();
}

/** After all DATA and FORWARD TSN of a packet: a SACK is due at once or after the delay (section 6.2). */
export function packetWithDataDone(core: AssociationCore, atOnce: boolean, nowMs: number): void {
  core.sack.packetReceived(atOnce);
  if (!core.sack.isDue && !core.deadlines.isSet("sack")) {
    core.deadlines.set("sack", nowMs + Math.min(core.parameters.sackDelayMs, longestSackDelayMs));
  }
}

/** Makes the SACK for the present state and stops the delay timer. */
export function makeSack(core: AssociationCore): SackChunk {
  const { receive } = core.state;
  const packetSizeBytes =
    core.paths.get(core.sackRoute.remote)?.packetSizeBytes ?? core.parameters.packetSizeBytes;
  core.deadlines.clear("sack");
  // The common header and the fixed part of SACK take 28 bytes; a block takes 4.
  const room = Math.floor((packetSizeBytes - 28) / 4);
  const taken = core.sack.take();
  const duplicates = taken.length > room ? taken.slice(0, room) : taken;
  return {
    type: "SACK",
    cumulativeTsn: receive.cumulativeTsn,
    advertisedWindow: core.window.advertise(receive, packetSizeBytes),
    gaps: receive.above.length === 0 ? noGaps : gapBlocks(core, room - duplicates.length),
    duplicates,
  };
}

/** The first `limit` runs of TSNs above the cumulative one, as offsets from it (section 3.3.4). */
function gapBlocks(core: AssociationCore, limit: number): SackChunk["gaps"] {
  const { above, cumulativeTsn } = core.state.receive;
  return above.slice(0, limit).map((range) => ({
    start: tsnDistance(cumulativeTsn, range.first),
    end: tsnDistance(cumulativeTsn, range.last),
  }));
}
