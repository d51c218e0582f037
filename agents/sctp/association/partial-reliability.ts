import type { Tsn } from "../base/serial.ts";
import { ssn, tsnLess } from "../base/serial.ts";
import type { Path } from "../path/path.ts";
import { pathForNewData } from "../path/path.ts";
import type {
  MessageTerms,
  OutboundStream,
  OutstandingChunk,
  QueuedMessage,
  SkippedMessage,
} from "../tx/send-state.ts";
import { queuedMessages } from "../tx/send-state.ts";
import type { ForwardTsnChunk, IForwardTsnChunk } from "../wire/index.ts";
import { commonHeaderBytes } from "../wire/index.ts";
import type { AssociationCore, PathTransmission } from "./core.ts";
import { noForwardTsn } from "./forward-tsn-state.ts";
import type { Notification } from "./outputs.ts";

/** Giving messages up and telling the peer so: RFC 3758 section 3.5, RFC 7496, RFC 8260 section 2.3. */

type SkippingChunk = ForwardTsnChunk | IForwardTsnChunk;
type Reason = Extract<Notification, { type: "send-failed" }>["reason"];

/** Streams that one FORWARD TSN lists, in a packet of its own at most (RFC 3758 section 3.5, C4). */
function maxSkippedStreams(core: AssociationCore): number {
  const [type, entryBytes] = core.state.send.interleaving ? [0xc2, 8] : [0xc0, 4];
  let packetBytes = core.parameters.packetSizeBytes;
  for (const path of core.allPaths) packetBytes = Math.min(packetBytes, path.packetSizeBytes);
  const roomBytes = packetBytes - commonHeaderBytes - core.authenticationBytes(type) - 8;
  return Math.max(1, Math.floor(roomBytes / entryBytes));
}

/** As for DATA (RFC 9260 section 7.2.4). */
const lackingReportsForLoss = 3;

const isAgreed = (core: AssociationCore): boolean => core.state.agreement.extensions.partialReliability;

const hasExpired = (expiresAtMs: number | undefined, nowMs: number): boolean =>
  expiresAtMs !== undefined && nowMs >= expiresAtMs;

/** Drops messages at the head of a stream's queue whose time is over before they were sent whole. */
export function dropExpired(core: AssociationCore, stream: OutboundStream): void {
  for (let message = stream.queue.first; message !== undefined; message = stream.queue.first) {
    if (!hasExpired(message.terms.expiresAtMs, core.nowMs)) return;
    // Without FORWARD TSN what was begun has to be finished.
    if (message.assignedBytes > 0 && !isAgreed(core)) return;
    if (message.assignedBytes > 0) abandonBegun(core, message, "expired");
    else discardQueued(core, message.streamId, "expired");
  }
}

/** Whether a chunk that is to be sent again is given up instead; then it is abandoned with its message. */
export function givesUp(core: AssociationCore, transmission: PathTransmission): boolean {
  const { terms } = transmission.chunk;
  if (terms.reliability === undefined || !isAgreed(core)) return false;
  if (hasExpired(terms.expiresAtMs, core.nowMs)) {
    abandonMessage(core, transmission.chunk, "expired");
    return true;
  }
  const { reliability } = terms;
  if (reliability.policy !== "limited-retransmissions") return false;
  if (transmission.sendCount <= reliability.maxRetransmits) return false;
  abandonMessage(core, transmission.chunk, "retransmission-limit");
  return true;
}

/** A chunk that a SACK reports as missing, and whose time is over, does not wait for more reports (RFC 3758 section 4.1, TR5). */
export function giveUpIfExpired(core: AssociationCore, { chunk }: PathTransmission): void {
  if (!chunk.abandoned && isAgreed(core) && hasExpired(chunk.terms.expiresAtMs, core.nowMs))
    abandonMessage(core, chunk, "expired");
}

/**
 * Makes room for a message of this priority by giving up less urgent ones, the least urgent first
 * (RFC 7496 section 3.2); true when `neededBytes` are free then. Where that cannot be, all stay.
 */
export function makeRoom(core: AssociationCore, priority: number, neededBytes: number): boolean {
  const { send } = core.state;
  const limit = core.parameters.sendBufferBytes - neededBytes;
  if (send.queuedBytes + send.outstandingBytes - lessUrgentBytes(core, priority) > limit) return false;
  while (send.queuedBytes + send.outstandingBytes > limit) {
    const victim = leastUrgent(core, priority);
    if (victim === undefined) return false;
    if ("tsn" in victim) abandonMessage(core, victim, "priority");
    else if (victim.assignedBytes > 0) abandonBegun(core, victim, "priority");
    else discardQueued(core, victim.streamId, "priority");
  }
  return true;
}

const isLessUrgent = ({ reliability }: MessageTerms, than: number): boolean =>
  reliability?.policy === "priority" && reliability.priority > than;

/** Bytes of user data that `makeRoom` can free for a message of this priority. */
function lessUrgentBytes(core: AssociationCore, priority: number): number {
  const { streams, outstanding } = core.state.send;
  let bytes = 0;
  for (const { queue } of streams.values()) {
    for (const { terms, payload, assignedBytes } of queue) {
      if (!isLessUrgent(terms, priority) || (assignedBytes > 0 && !isAgreed(core))) break;
      bytes += payload.length - assignedBytes;
    }
  }
  if (!isAgreed(core)) return bytes;
  for (const { abandoned, terms, payload } of outstanding) {
    if (!abandoned && isLessUrgent(terms, priority)) bytes += payload.length;
  }
  return bytes;
}

/** Only the first message of a queue can be taken out; what is behind it comes to the front in its turn. */
function leastUrgent(core: AssociationCore, than: number): OutstandingChunk | QueuedMessage | undefined {
  let found: OutstandingChunk | QueuedMessage | undefined;
  let least = than;
  const consider = (candidate: OutstandingChunk | QueuedMessage): void => {
    const { reliability } = candidate.terms;
    if (reliability?.policy !== "priority" || !isLessUrgent(candidate.terms, least)) return;
    found = candidate;
    least = reliability.priority;
  };
  for (const stream of core.state.send.streams.values()) {
    const first = stream.queue.first;
    if (first !== undefined && (first.assignedBytes === 0 || isAgreed(core))) consider(first);
  }
  if (!isAgreed(core)) return found;
  for (const chunk of core.state.send.outstanding) if (!chunk.abandoned) consider(chunk);
  return found;
}

function countMessage(
  core: AssociationCore,
  streamId: number,
  { reliability }: MessageTerms,
  wasSent: boolean,
): void {
  if (reliability !== undefined) core.abandonedMessages.count(streamId, reliability.policy, wasSent);
}

function discardQueued(core: AssociationCore, streamId: number, reason: Reason): void {
  const message = core.state.send.streams.get(streamId)?.queue.first;
  if (message === undefined) return;
  core.change({ kind: "messageDiscarded", streamId });
  core.scheduler.discarded(streamId, core.state.send.streams.get(streamId)?.queue.length === 0);
  const { ppid, payload, assignedBytes, terms } = message;
  countMessage(core, streamId, terms, false);
  core.notify({
    type: "send-failed",
    streamId,
    ppid,
    context: terms.context ?? 0,
    payload: payload.subarray(assignedBytes),
    sent: false,
    reason,
  });
}

/**
 * Gives up a message of which fragments were sent and the rest is still in the queue. The rest gets a TSN
 * that is never sent: so the next message cannot seem to break off this one, whatever the peer has got.
 */
function abandonBegun(core: AssociationCore, message: QueuedMessage, reason: Reason): void {
  const { streamId } = message;
  const rest = core.assignTsn(streamId, message.payload.length - message.assignedBytes);
  core.flight.add(rest, core.state.sequence);
  core.scheduler.assigned(streamId, 0, true, core.state.send.streams.get(streamId)?.queue.length === 0);
  abandonParts(core, rest, reason);
}

/** Gives up the message to which an outstanding chunk belongs. */
function abandonMessage(core: AssociationCore, chunk: OutstandingChunk, reason: Reason): void {
  const first = core.state.send.streams.get(chunk.streamId)?.queue.first;
  const parts = transmissionsOf(core, chunk);
  const unfinished = !parts.some((each) => each.chunk.ending);
  if (unfinished && first !== undefined && first.assignedBytes > 0) abandonBegun(core, first, reason);
  else abandonParts(core, chunk, reason);
}

function abandonParts(core: AssociationCore, chunk: OutstandingChunk, reason: Reason): void {
  const parts = transmissionsOf(core, chunk).filter((each) => !each.chunk.abandoned);
  countMessage(core, chunk.streamId, chunk.terms, true);
  core.change({ kind: "abandoned", tsns: parts.map((each) => each.chunk.tsn) });
  for (const part of parts) {
    core.flight.markAbandoned(part);
    reportFailed(core, part.chunk, part.sendCount > 0, reason);
  }
  // F1: FORWARD TSN answers a SACK or T3. Who makes room for others may have to do without one.
  if (reason !== "priority") core.forwardTsnDue = true;
}

export function reportFailed(
  core: AssociationCore,
  chunk: OutstandingChunk,
  sent: boolean,
  reason: Reason,
): void {
  const { streamId, ppid, terms, payload, tsn } = chunk;
  const context = terms.context ?? 0;
  core.notify({ type: "send-failed", streamId, ppid, context, payload, sent, tsn, reason });
}

/** Without interleaving the fragments of a message have TSNs in a row. */
function transmissionsOf(core: AssociationCore, chunk: OutstandingChunk): PathTransmission[] {
  const { flight, state } = core;
  const same = (each: OutstandingChunk): boolean =>
    each.streamId === chunk.streamId && each.unordered === chunk.unordered && each.ssn === chunk.ssn;
  if (state.send.interleaving) return [...flight].filter((each) => same(each.chunk));
  const lowest = flight.at(0);
  if (lowest === undefined) return [];
  let place = (chunk.tsn - lowest.chunk.tsn) | 0;
  while (place > 0 && !flight.at(place)!.chunk.beginning) place -= 1;
  const parts: PathTransmission[] = [];
  for (let part = flight.at(place); part !== undefined; part = flight.at(++place)) {
    parts.push(part);
    if (part.chunk.ending) break;
  }
  return parts;
}

/** Advanced.Peer.Ack.Point of RFC 3758 section 3.5: how far the peer may move without getting anything more. */
function advancedAckPoint(core: AssociationCore): Tsn {
  let point = core.state.send.cumulativeAck;
  for (let place = 0; place < core.flight.size; place++) {
    const { chunk } = core.flight.at(place)!;
    if (!chunk.abandoned) break;
    point = chunk.tsn;
  }
  return point;
}

/** There is something given up that the peer has not skipped yet. */
export const peerLacksForwardTsn = (core: AssociationCore): boolean =>
  isAgreed(core) && core.flight.at(0)?.chunk.abandoned === true;

/**
 * After a SACK (RFC 3758 section 3.5, C3): FORWARD TSN is due where it reaches further than the last one, and
 * again where three SACKs show that it was lost, not only overtaken (the note at F2).
 */
export function noticeLackOfForwardTsn(core: AssociationCore): void {
  if (!peerLacksForwardTsn(core)) {
    core.forwardTsn = noForwardTsn;
    return;
  }
  const { upTo, lacking } = core.forwardTsn;
  if (upTo === undefined || tsnLess(upTo, advancedAckPoint(core))) core.forwardTsnDue = true;
  else {
    core.forwardTsn = { ...core.forwardTsn, lacking: lacking + 1 };
    if (lacking + 1 >= lackingReportsForLoss) core.forwardTsnDue = true;
  }
}

/** The path on which FORWARD TSN is repeated; undefined where none is needed. */
export const forwardTsnPath = (core: AssociationCore): Path | undefined =>
  peerLacksForwardTsn(core) ? pathForNewData(core.allPaths, core.primaryPath) : undefined;

const flowKey = ({ streamId, unordered }: SkippedMessage): number => 2 * streamId + Number(unordered);

/** What has to be named when a chunk is skipped: unordered DATA has no number. */
function skippedWith(chunk: OutstandingChunk, interleaving: boolean): readonly SkippedMessage[] {
  if (chunk.unknown !== undefined) return chunk.unknown;
  return !chunk.unordered || interleaving ? [chunk] : [];
}

/** FORWARD TSN or I-FORWARD-TSN for what was given up; undefined where the peer misses nothing. */
export function makeForwardTsn(core: AssociationCore): SkippingChunk | undefined {
  if (!peerLacksForwardTsn(core)) return undefined;
  const { send } = core.state;
  const newCumulativeTsn = advancedAckPoint(core);
  const skipped = new Map<number, SkippedMessage>();
  const limit = maxSkippedStreams(core);
  let reached = newCumulativeTsn;
  for (const { chunk } of core.flight) {
    if (tsnLess(newCumulativeTsn, chunk.tsn)) break;
    const named = skippedWith(chunk, send.interleaving);
    const fresh = named.filter((each) => !skipped.has(flowKey(each))).length;
    if (skipped.size > 0 && skipped.size + fresh > limit) break;
    for (const each of named) skipped.set(flowKey(each), each);
    reached = chunk.tsn;
  }
  const chunks = [...skipped.values()];
  if (!send.interleaving) {
    const streams = chunks.map((chunk) => ({ streamId: chunk.streamId, ssn: ssn(chunk.ssn) }));
    return { type: "FORWARD_TSN", newCumulativeTsn: reached, streams };
  }
  const streams = chunks.map(({ streamId, unordered, ssn: messageId }) => ({
    streamId,
    unordered,
    messageId,
  }));
  return { type: "I_FORWARD_TSN", newCumulativeTsn: reached, streams };
}

/** Tells the user of everything that will not arrive any more, or of which nobody knows (RFC 9260 section 8.1). */
export function reportUnsent(core: AssociationCore): void {
  const { send } = core.state;
  for (const chunk of send.outstanding) {
    if (!chunk.abandoned) reportFailed(core, chunk, true, "association-lost");
  }
  for (const { streamId, ppid, terms, payload, assignedBytes } of queuedMessages(send)) {
    core.notify({
      type: "send-failed",
      streamId,
      ppid,
      context: terms.context ?? 0,
      payload: payload.subarray(assignedBytes),
      sent: false,
      reason: "association-lost",
    });
  }
}
