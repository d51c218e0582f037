import type { Association } from "../association/association.ts";
import type { Route } from "../association/outputs.ts";
import type { Cause, Chunk, SctpPacket } from "../wire/index.ts";
import { commonHeaderBytes, parseChunkAt, parsePacket } from "../wire/index.ts";
import type { Arrival } from "./arrival.ts";
import type { StaleCookieOutcome } from "./call-outcome.ts";
import { callEnded, cookieFoundStale } from "./call-outcome.ts";
import { giveUpCall } from "./call.ts";
import type { EndpointCore } from "./core.ts";
import { knowsAddress } from "./core.ts";
import { receiveCookieEcho } from "./on-cookie-echo.ts";
import { abortCall, receiveInitAck } from "./on-init-ack.ts";
import { receiveInit, refuse } from "./on-init.ts";
import { answerOutOfTheBlue, saysStaleCookie } from "./out-of-the-blue.ts";
import { isWildcard } from "../association/peer-address.ts";

const dataType = 0;
const iDataType = 64;

/** Finds out whom a packet is for (RFC 9260 sections 8.4 and 8.5). */
export function receivePacket(
  core: EndpointCore,
  bytes: Uint8Array,
  route: Route,
  nowMs: number,
  congestionExperienced: boolean,
): void {
  const parsed = parsePacket(bytes);
  if (!parsed.ok) {
    core.counters.unparsable += 1;
    return;
  }
  if (!parsed.checksumGood) {
    core.counters.badChecksum += 1;
    return;
  }
  if (!core.joinsSingleHosts(route)) {
    core.counters.outOfTheBlue += 1;
    return;
  }
  const { packet, flaw } = parsed;
  const arrival = { packet, bytes, flaw, route, nowMs, congestionExperienced };
  const [first] = packet.chunks;
  if (first === undefined) {
    core.counters.unparsable += 1;
    if (flaw !== undefined) malformedSetUp(core, packet, bytes, flaw.reason, route);
    malformedData(core, arrival);
    return;
  }
  const isAlone = packet.chunks.length === 1 && flaw === undefined;
  if (first.type === "INIT" || packet.verificationTag === 0) {
    // Section 8.5.1 A: the tag 0 is for packets with nothing but INIT, and INIT is for the tag 0.
    const good = first.type === "INIT" && packet.verificationTag === 0 && isAlone && first.initiateTag !== 0;
    if (good) receiveInit(core, packet, first, route, nowMs);
    else core.counters.badTag += 1;
    return;
  }
  receiveTagged(core, arrival, first, isAlone);
  malformedData(core, arrival);
}

/** DATA and I-DATA too short for their fields end the association whose tag they have. */
function malformedData(core: EndpointCore, { packet, flaw, route, nowMs }: Arrival): void {
  if (flaw?.isWhole !== true || (flaw.typeNumber !== dataType && flaw.typeNumber !== iDataType)) return;
  const association = core.associations.get(packet.verificationTag);
  if (association?.state.agreement.peerPort !== packet.sourcePort) return;
  if (packet.destinationPort !== core.config.localPort || !knowsAddress(association, route.remote)) return;
  if (association.requiresAuthentication(flaw.typeNumber)) return;
  association.receiveMalformedData(flaw.reason, route, nowMs);
  core.collect(association);
}

function receiveTagged(core: EndpointCore, arrival: Arrival, first: Chunk, isAlone: boolean): void {
  const { packet } = arrival;
  // RFC 4895 section 6.3: COOKIE ECHO may stand behind AUTH.
  const echo = first.type === "AUTH" ? packet.chunks[1] : first;
  if (packet.destinationPort !== core.config.localPort) outOfTheBlue(core, arrival);
  else if (echo?.type === "COOKIE_ECHO") receiveCookieEcho(core, arrival, echo);
  else if (first.type === "INIT_ACK" || first.type === "SHUTDOWN_COMPLETE") {
    // Section 6.10: these travel alone.
    if (isAlone) receiveAlone(core, arrival, first);
    else core.counters.badBundle += 1;
  } else receiveForAssociation(core, arrival);
}

function receiveAlone(
  core: EndpointCore,
  arrival: Arrival,
  chunk: Extract<Chunk, { type: "INIT_ACK" | "SHUTDOWN_COMPLETE" }>,
): void {
  const { packet, route, nowMs } = arrival;
  const call = core.calls.get(packet.verificationTag);
  if (chunk.type !== "INIT_ACK") receiveForAssociation(core, arrival);
  else if (call?.peerPort === packet.sourcePort) receiveInitAck(core, packet, chunk, call, route, nowMs);
  // Section 5.2.3: where there is an association, nobody waits for it.
  else if (core.knowsPeer(route.remote, packet.sourcePort)) core.counters.badTag += 1;
  else outOfTheBlue(core, arrival);
}

/** INIT or INIT ACK that cannot be read is answered like one with wrong values, if its tag can be read (section 5.1). */
function malformedSetUp(
  core: EndpointCore,
  packet: SctpPacket,
  bytes: Uint8Array,
  reason: string,
  route: Route,
): void {
  const { start, end, typeNumber } = parseChunkAt(bytes, commonHeaderBytes);
  if (end - start < 8 || typeNumber > 2) return;
  const initiateTag = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start + 4);
  if (initiateTag === 0) return;
  const value = Uint8Array.from(reason.slice(0, 100), (letter) => letter.charCodeAt(0) & 0x7f);
  const causes: readonly Cause[] = [{ type: "PROTOCOL_VIOLATION", code: 13, value }];
  if (typeNumber === 1 && packet.verificationTag === 0) refuse(core, packet, { initiateTag }, route, causes);
  const call = core.calls.get(packet.verificationTag);
  if (typeNumber !== 2 || call === undefined || !call.addresses.includes(route.remote)) return;
  abortCall(core, packet, { initiateTag }, route, causes);
  giveUpCall(core, call, "the peer's INIT ACK cannot be read", "aborted-by-us");
}

/** The tag finds the association; ABORT and SHUTDOWN COMPLETE may reflect ours instead (section 8.5.1 B and C). */
function receiveForAssociation(core: EndpointCore, arrival: Arrival): void {
  const { packet, route } = arrival;
  const { chunks, verificationTag, sourcePort } = packet;
  if (chunks.some(isReflected)) {
    const meant = core.associations.withPeerTag(route.remote, sourcePort, verificationTag);
    if (meant === undefined) core.counters.badTag += 1;
    // Anything else in the packet has no right tag.
    else
      give(core, meant, arrival, meant.admit(chunks, arrival.bytes, route).filter(isReflected).slice(0, 1));
    return;
  }
  const association = core.associations.get(verificationTag);
  const ours =
    association?.state.agreement.peerPort === sourcePort && knowsAddress(association, route.remote);
  // Section 8.5.1 E: from the association before; it has to end.
  if (chunks.some(({ type }) => type === "SHUTDOWN_ACK") && isSettingUp(core, packet, route)) {
    outOfTheBlue(core, arrival);
  } else if (association !== undefined && ours) receiveChunks(core, association, arrival);
  else if (association !== undefined && isAsconfOf(association, packet))
    receiveAsconfOnly(core, association, arrival);
  else if (core.knowsPeer(route.remote, sourcePort)) {
    // Section 8.5: the association is known, and the tag is wrong.
    if (!abortedCall(core, packet, route)) core.counters.badTag += 1;
  } else outOfTheBlue(core, arrival);
}

/** Whether an association with the sender is on its way. */
const isSettingUp = (core: EndpointCore, { sourcePort }: SctpPacket, { remote }: Route): boolean =>
  core.calls.to(remote, sourcePort) !== undefined ||
  core.associations.at(remote, sourcePort).some(({ phase }) => phase === "cookie-echoed");

const isReflected = (chunk: Chunk): boolean =>
  (chunk.type === "ABORT" || chunk.type === "SHUTDOWN_COMPLETE") && chunk.tagReflected;

function receiveChunks(core: EndpointCore, association: Association, arrival: Arrival): void {
  const { packet, bytes, route, nowMs } = arrival;
  const chunks = association.admit(packet.chunks, bytes, route);
  const outcome =
    association.phase === "cookie-echoed" ? staleCookie(core, association, chunks, nowMs) : undefined;
  if (outcome === "retried") return;
  const passedOver = outcome === "earlier-cookie";
  give(core, association, arrival, passedOver ? chunks.filter((chunk) => !saysStaleCookie(chunk)) : chunks);
}

function staleCookie(
  core: EndpointCore,
  association: Association,
  chunks: readonly Chunk[],
  nowMs: number,
): StaleCookieOutcome | undefined {
  const error = chunks.find(saysStaleCookie);
  if (error?.type !== "ERROR") return undefined;
  const cause = error.causes.find(({ type }) => type === "STALE_COOKIE");
  const stalenessUs = cause?.type === "STALE_COOKIE" ? cause.stalenessUs : 0;
  return cookieFoundStale(core, association, stalenessUs, nowMs);
}

/**
 * ASCONF may come from an address that is still to be added: then the address in it and the tag find the
 * association (RFC 5061 section 5.2, D2).
 */
function isAsconfOf(association: Association, { chunks, sourcePort }: SctpPacket): boolean {
  if (association.state.agreement.peerPort !== sourcePort) return false;
  return chunks.some(
    (chunk) =>
      chunk.type === "ASCONF" &&
      (isWildcard(chunk.address.address) || knowsAddress(association, chunk.address.address)),
  );
}

/** Nothing else counts from an address that is not the peer's. */
function receiveAsconfOnly(core: EndpointCore, association: Association, arrival: Arrival): void {
  const { packet, bytes, route } = arrival;
  const chunks = association.admit(packet.chunks, bytes, route);
  give(
    core,
    association,
    arrival,
    chunks.filter(({ type }) => type === "ASCONF"),
  );
}

function give(
  core: EndpointCore,
  association: Association,
  { route, nowMs, congestionExperienced }: Arrival,
  chunks: readonly Chunk[],
): void {
  // RFC 5061 section 5.3.1: it answers what left there before the address was deleted.
  const late = (chunk: Chunk): boolean =>
    chunk.type === "ABORT" && association.isLateAbort(route.local, chunk.tagReflected, nowMs);
  const counting = chunks.some(late) ? chunks.filter((chunk) => !late(chunk)) : chunks;
  if (counting.length > 0) association.receive(counting, route, nowMs, congestionExperienced);
  core.associations.refile(association);
  callEnded(core, association, nowMs);
  core.collect(association);
}

/** ABORT in COOKIE-WAIT: the tag that it carries is ours, since the peer knows no other. */
function abortedCall(core: EndpointCore, packet: SctpPacket, route: Route): boolean {
  const call = core.calls.get(packet.verificationTag);
  if (call === undefined || !packet.chunks.some(({ type }) => type === "ABORT")) return false;
  if (call.peerPort !== packet.sourcePort || !call.addresses.includes(route.remote)) return false;
  giveUpCall(core, call, "the peer refused the association", "aborted-by-peer");
  return true;
}

function outOfTheBlue(core: EndpointCore, { packet, route }: Arrival): void {
  core.counters.outOfTheBlue += 1;
  const bytes = answerOutOfTheBlue(packet);
  if (bytes === undefined) return;
  core.outputs.packets.push({ ...route, bytes, reason: "abort", dependsOn: 0, association: 0 });
}
