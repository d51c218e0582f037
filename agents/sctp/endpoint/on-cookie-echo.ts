import type { Association } from "../association/association.ts";
import type { Route } from "../association/outputs.ts";
import type { Agreement } from "../association/state.ts";
import { createAssociationState } from "../association/state.ts";
import type { Chunk, CookieEchoChunk, SctpPacket } from "../wire/index.ts";
import type { Arrival } from "./arrival.ts";
import { addressesFor, agree } from "./agreement.ts";
import { addressesListed, announcePresent } from "./away.ts";
import { cookieAction } from "./cookie-action.ts";
import type { CookieAction } from "./cookie-action.ts";
import type { OpenedCookie } from "./cookie-keys.ts";
import type { CookieContent } from "./cookie.ts";
import type { EndpointCore } from "./core.ts";
import { knowsAddress } from "./core.ts";
import { reportUnsent } from "./call.ts";
import { callEnded, introduce } from "./call-outcome.ts";
import { adaptationOf } from "./received-parameters.ts";
import { tieTagsOf } from "./tie-tags.ts";

/** COOKIE ECHO opens an association, or is about one that exists (RFC 9260 sections 5.1.5 and 5.2.4). */
export function receiveCookieEcho(core: EndpointCore, arrival: Arrival, echo: CookieEchoChunk): void {
  const { packet, route, nowMs } = arrival;
  const opened = core.cookieKeys.open(echo.cookie, nowMs);
  if (opened === undefined || !isForPacket(core, opened.content, packet, nowMs)) {
    core.counters.badCookie += 1;
    return;
  }
  const { content } = opened;
  const agreement = agreementOf(core, content);
  if (!agreement.peerAddresses.includes(route.remote)) {
    core.counters.badCookie += 1;
    return;
  }
  const existing =
    core.associations.get(packet.verificationTag) ??
    core.associations.confirmedAt([route.remote, content.peerAddress], content.peerPort) ??
    calledElsewhere(core, content, agreement, route);
  const behind = admittedBehind(core, existing, agreement, arrival, echo);
  if (behind === undefined) {
    core.counters.badCookie += 1;
    return;
  }
  const action = actionFor(core, opened, existing, agreement);
  const stalenessMs = nowMs - content.createdAtMs - content.lifeMs;
  if (stalenessMs > 0 && action !== "duplicate") {
    const stalenessUs = Math.min(Math.ceil(stalenessMs * 1000), 0xffffffff);
    const chunk = { type: "ERROR", causes: [{ type: "STALE_COOKIE", code: 3, stalenessUs }] } as const;
    core.sendChunk(chunk, route, packet.sourcePort, content.peerInit.initiateTag, "error");
    return;
  }
  const association = actOnCookie(core, action, existing, content, agreement, route, nowMs);
  if (association === undefined) return;
  const rest =
    behind === "unjudged" ? association.admit(packet.chunks.slice(1), arrival.bytes, route) : behind;
  if (knowsAddress(association, route.remote))
    association.receive(rest, route, nowMs, arrival.congestionExperienced);
  core.collect(association);
}

/**
 * RFC 4895 section 6.3: AUTH in front of COOKIE ECHO is checked with the keys of the association that
 * exists, or else with those that follow from the cookie. Answers what may be processed behind COOKIE ECHO,
 * `unjudged` where the association has to say that, or undefined where COOKIE ECHO itself may not.
 */
function admittedBehind(
  core: EndpointCore,
  existing: Association | undefined,
  agreement: Agreement,
  { packet, bytes, route }: Arrival,
  echo: CookieEchoChunk,
): readonly Chunk[] | "unjudged" | undefined {
  const fresh = existing === undefined ? core.authenticatorFor(agreement) : undefined;
  if (packet.chunks[0] === echo) {
    const required = existing?.requiresAuthentication(cookieEchoType) ?? fresh?.requires(cookieEchoType);
    return required === true ? undefined : "unjudged";
  }
  // Without authentication AUTH is an unknown chunk that ends the packet (RFC 9260 section 3.2).
  const chunks =
    existing?.authenticates === true
      ? existing.admit(packet.chunks, bytes, route)
      : fresh?.admit(packet.chunks, bytes).chunks;
  return chunks?.[0] === echo ? chunks.slice(1) : undefined;
}

const cookieEchoType = 10;

/** Section 5.1.5, step 3, and the tag is not one that lived before. */
function isForPacket(core: EndpointCore, content: CookieContent, packet: SctpPacket, nowMs: number): boolean {
  const { initiateTag } = content.localInitAck;
  return (
    content.peerPort === packet.sourcePort &&
    content.localPort === packet.destinationPort &&
    initiateTag === packet.verificationTag &&
    (core.associations.has(initiateTag) || !core.retiredTags.has(initiateTag, nowMs))
  );
}

/**
 * Calls that cross over different addresses: ours has the tag of the peer, and waits for COOKIE ACK from another
 * address, or has it already and knows of no other one that it is the peer's.
 */
function calledElsewhere(
  core: EndpointCore,
  { peerInit, peerPort }: CookieContent,
  { peerAddresses }: Agreement,
  { remote }: Route,
): Association | undefined {
  const found = core.associations.withPeerTag(remote, peerPort, peerInit.initiateTag);
  if (found === undefined || found.phase === "closed") return undefined;
  const { confirmedAddresses } = found.state;
  const isSame =
    found.phase === "cookie-echoed" || peerAddresses.some((address) => confirmedAddresses.has(address));
  return isSame ? found : undefined;
}

function actionFor(
  core: EndpointCore,
  { content, key }: OpenedCookie,
  existing: Association | undefined,
  agreement: Agreement,
): CookieAction {
  if (existing !== undefined) {
    const known = existing.state.agreement;
    return cookieAction({ ...known, tieTags: tieTagsOf(known, key) }, content);
  }
  // Our own call may go to another address of the same peer than its INIT came from.
  let call = core.calls.get(content.localInitAck.initiateTag);
  for (const address of agreement.peerAddresses) call ??= core.calls.to(address, content.peerPort);
  const known = call && { localTag: call.offer.tag, peerTag: 0, tieTags: undefined };
  return cookieAction(known, content);
}

/** The association that the cookie leads to; undefined where the packet ends with it. */
function actOnCookie(
  core: EndpointCore,
  action: CookieAction,
  existing: Association | undefined,
  content: CookieContent,
  agreement: Agreement,
  route: Route,
  nowMs: number,
): Association | undefined {
  switch (action) {
    case "new":
      return openNew(core, content, agreement, route, nowMs);
    case "duplicate":
      return existing && repeat(core, existing, route, nowMs);
    case "restart":
      return existing && restart(core, existing, content, agreement, route, nowMs);
    case "collision":
      return collide(core, existing, content, agreement, route, nowMs);
    default:
      core.counters.badCookie += 1;
      return undefined;
  }
}

function openNew(
  core: EndpointCore,
  content: CookieContent,
  agreement: Agreement,
  route: Route,
  nowMs: number,
): Association | undefined {
  if (core.listening && !core.isFull) return establish(core, content, agreement, 0, route, nowMs);
  core.counters.refused += 1;
  const causes = core.listening ? [{ type: "OUT_OF_RESOURCE", code: 4 } as const] : [];
  const chunk = { type: "ABORT", tagReflected: false, causes } as const;
  core.sendChunk(chunk, route, content.peerPort, content.peerInit.initiateTag, "abort");
  return undefined;
}

/** Action D: COOKIE ACK got lost, or both sides called each other and the peer's cookie is first. */
function repeat(core: EndpointCore, existing: Association, route: Route, nowMs: number): Association {
  if (knowsAddress(existing, route.remote)) existing.cookieRepeated(route, nowMs);
  callEnded(core, existing, nowMs);
  return existing;
}

/** Action A: the peer lost the association, and another one takes its place. */
function restart(
  core: EndpointCore,
  existing: Association,
  content: CookieContent,
  agreement: Agreement,
  route: Route,
  nowMs: number,
): Association | undefined {
  if (existing.phase === "shutdown-ack-sent") {
    existing.peerReturnedTooEarly(route, true, nowMs);
    core.collect(existing);
    return undefined;
  }
  // The addresses may have become fewer since INIT was found good.
  if (agreement.peerAddresses.some((address) => !knowsAddress(existing, address))) {
    core.counters.badCookie += 1;
    return undefined;
  }
  existing.replaced("the peer restarted the association", agreement.localTag, agreement.extensions);
  core.collect(existing);
  return establish(core, content, agreement, 0, route, nowMs);
}

/**
 * Action B: the peer called us too, with another tag than the one that we know. The association goes on
 * under our tag, and the numbers of its updates go on, so that a copy elsewhere can tell old from new.
 */
function collide(
  core: EndpointCore,
  existing: Association | undefined,
  content: CookieContent,
  agreement: Agreement,
  route: Route,
  nowMs: number,
): Association | undefined {
  const { localTag } = agreement;
  const call = core.calls.get(localTag) ?? core.echoing.get(localTag);
  if (existing === undefined) {
    if (call === undefined) return undefined;
    core.calls.delete(localTag);
    const association = establish(core, content, agreement, call.sequence, route, nowMs);
    for (const each of association.sendWaiting(call.waiting, nowMs)) reportUnsent(core, localTag, each);
    if (call.shutdownWanted) association.shutdown(nowMs);
    return association;
  }
  if (existing.phase !== "cookie-echoed" && existing.phase !== "established") {
    core.counters.badCookie += 1;
    return undefined;
  }
  const { phase } = existing;
  const waiting = existing.withdraw(nowMs);
  core.collect(existing);
  if (phase === "established") {
    // What the peer's former self got is lost with it.
    const reason = "the peer set the association up anew";
    core.notify(localTag, { type: "association-change", state: "restart", reason, successor: localTag });
  }
  const association = establish(core, content, agreement, existing.state.sequence, route, nowMs);
  for (const each of association.sendWaiting(waiting, nowMs)) reportUnsent(core, localTag, each);
  if (call?.shutdownWanted === true) association.shutdown(nowMs);
  return association;
}

function establish(
  core: EndpointCore,
  content: CookieContent,
  agreement: Agreement,
  sequence: number,
  route: Route,
  nowMs: number,
): Association {
  const state = createAssociationState(agreement, { phase: "established", peerAddress: content.peerAddress });
  // RFC 6951 section 5.4: the cookie proves that the peer is there.
  if (route.remotePort !== undefined && agreement.peerAddresses.includes(route.remote)) {
    state.encapsulationPorts.set(route.remote, route.remotePort);
  }
  state.sequence = sequence;
  state.activeKeyId = core.keys.activeKeyId;
  const association = core.open(state, nowMs, { cookieRoute: route });
  introduce(core, association, adaptationOf(content.peerInit.parameters), core.parameters);
  // Who was away when INIT ACK left may be there by now.
  if (content.leftOut !== 0) announcePresent(core, association, nowMs);
  return association;
}

function agreementOf(core: EndpointCore, content: CookieContent): Agreement {
  const { peerInit, peerAddress } = content;
  return agree({
    localPort: content.localPort,
    peerPort: content.peerPort,
    localAddresses: addressesFor(peerAddress, peerInit.parameters, addressesListed(core, content.leftOut)),
    peerAddress,
    local: content.localInitAck,
    peer: peerInit,
    maxPeerAddresses: core.parameters.maxPeerAddresses,
    tolerance: core.parameters,
  });
}
