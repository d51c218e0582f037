import type { Association } from "../association/association.ts";
import type { Route } from "../association/outputs.ts";
import type { Agreement } from "../association/state.ts";
import { createAssociationState } from "../association/state.ts";
import { queuedMessages } from "../tx/send-state.ts";
import type { CookieEchoChunk, SctpPacket } from "../wire/index.ts";
import { cookieAction } from "./cookie-action.ts";
import type { CookieAction } from "./cookie-action.ts";
import type { CookieContent } from "./cookie.ts";
import { openCookie } from "./cookie.ts";
import type { EndpointCore } from "./core.ts";
import { knowsAddress } from "./core.ts";
import { agree } from "./handshake.ts";

/** COOKIE ECHO opens an association, or is about one that exists (RFC 9260 sections 5.1 D and 5.2.4). */
export function receiveCookieEcho(
  core: EndpointCore,
  packet: SctpPacket,
  echo: CookieEchoChunk,
  route: Route,
  nowMs: number,
): void {
  const content = openCookie(echo.cookie, core.config.cookieKey);
  const matches =
    content !== undefined &&
    content.peerPort === packet.sourcePort &&
    content.localPort === packet.destinationPort &&
    content.localInitAck.initiateTag === packet.verificationTag;
  if (!matches) {
    core.counters.badCookie += 1;
    return;
  }
  const agreement = agreementOf(core, content);
  if (!agreement.peerAddresses.includes(route.remote)) {
    core.counters.badCookie += 1;
    return;
  }
  const existing =
    core.associations.get(packet.verificationTag) ??
    core.associationWith([route.remote, content.peerAddress], content.peerPort);
  const connecting = core.connecting.get(packet.verificationTag);
  const known = existing?.state.agreement ?? (connecting && { localTag: connecting.offer.tag, peerTag: 0 });
  const action = cookieAction(known, content);
  const stalenessMs = nowMs - content.createdAtMs - content.lifeMs;
  if (stalenessMs > 0 && action !== "duplicate") {
    const stalenessUs = Math.min(Math.ceil(stalenessMs * 1000), 0xffffffff);
    const chunk = { type: "ERROR", causes: [{ type: "STALE_COOKIE", code: 3, stalenessUs }] } as const;
    core.sendChunk(chunk, route, packet.sourcePort, content.peerInit.initiateTag, "error");
    return;
  }
  const association = actOnCookie(core, action, existing, content, agreement, route, nowMs);
  if (association === undefined) return;
  const rest = packet.chunks.slice(1);
  if (rest.length > 0 && knowsAddress(association, route.remote)) association.receive(rest, route, nowMs);
  core.collect(association);
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
  if (action === "discard") {
    core.counters.badCookie += 1;
    return undefined;
  }
  if (action === "duplicate" && existing !== undefined) {
    if (knowsAddress(existing, route.remote)) existing.cookieRepeated(route, nowMs);
    return existing;
  }
  if (existing !== undefined && existing.phase === "shutdown-ack-sent") {
    existing.peerReturnedTooEarly(route, true, nowMs);
    core.collect(existing);
    return undefined;
  }
  // Action B in a later state: the peer answered our COOKIE ECHO with its old tag and cannot mean this one.
  if (action === "collision" && existing !== undefined && existing.phase !== "cookie-echoed")
    return undefined;
  if (existing === undefined && core.associations.size >= core.config.parameters.maxAssociations) {
    core.counters.refused += 1;
    const causes = [{ type: "OUT_OF_RESOURCE", code: 4 }] as const;
    const chunk = { type: "ABORT", tagReflected: false, causes } as const;
    core.sendChunk(chunk, route, content.peerPort, content.peerInit.initiateTag, "abort");
    return undefined;
  }
  if (existing !== undefined) {
    existing.replaced(
      action === "restart" ? "the peer restarted the association" : "both sides connected at the same time",
    );
    core.collect(existing);
  }
  core.connecting.delete(agreement.localTag);
  const start = { phase: "established", peerAddress: content.peerAddress } as const;
  const state = createAssociationState(agreement, start);
  // Under the same tag the numbers of updates go on, so that a copy elsewhere can tell old from new.
  if (action !== "collision" || existing === undefined) return core.open(state, nowMs, route);
  state.sequence = existing.state.sequence;
  const association = core.open(state, nowMs, route);
  // What the user gave us while we called goes on its way now.
  for (const message of queuedMessages(existing.state.send)) association.send(message, nowMs);
  return association;
}

function agreementOf(core: EndpointCore, content: CookieContent): Agreement {
  return agree({
    localPort: content.localPort,
    peerPort: content.peerPort,
    localAddresses: core.config.localAddresses,
    peerAddress: content.peerAddress,
    local: content.localInitAck,
    peer: content.peerInit,
    maxPeerAddresses: core.config.parameters.maxPeerAddresses,
  });
}
