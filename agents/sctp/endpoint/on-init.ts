import type { Association } from "../association/association.ts";
import type { Route } from "../association/outputs.ts";
import { createAssociationState } from "../association/state.ts";
import type { Cause, InitAckChunk, InitChunk, Parameter, SctpPacket } from "../wire/index.ts";
import { chunkLength } from "../wire/index.ts";
import type { CookieContent } from "./cookie.ts";
import { sealCookie } from "./cookie.ts";
import type { EndpointCore } from "./core.ts";
import { knowsAddress } from "./core.ts";
import {
  agree,
  initFields,
  initFlaw,
  isAlone,
  peerAddresses,
  restartCause,
  screenParameters,
  stateCookie,
} from "./handshake.ts";
import type { LocalOffer } from "./handshake.ts";

const commonHeaderBytes = 12;
const stateCookieType = 7;

/** RFC 9260 sections 5.1 B and 5.2.1, 5.2.2: INIT is answered without keeping state, whatever else exists. */
export function receiveInit(
  core: EndpointCore,
  packet: SctpPacket,
  init: InitChunk,
  route: Route,
  nowMs: number,
): void {
  const flaw = initFlaw(init);
  if (packet.verificationTag !== 0 || !isAlone(packet.chunks) || flaw === "discard") {
    core.counters.badTag += 1;
    return;
  }
  const { parameters, localAddresses } = core.config;
  const screened = screenParameters(
    init.parameters,
    parameters.packetSizeBytes / 2,
    parameters.maxPeerAddresses,
  );
  const addresses = peerAddresses(route.remote, screened.used, localAddresses, parameters.maxPeerAddresses);
  const existing =
    packet.destinationPort === core.config.localPort
      ? core.associationWith(addresses, packet.sourcePort)
      : undefined;
  if (existing?.phase === "shutdown-ack-sent") {
    existing.peerReturnedTooEarly(route, false, nowMs);
    core.collect(existing);
    return;
  }
  const causes = flaw ?? refusalOf(core, packet, existing, addresses);
  if (causes !== undefined) {
    core.counters.refused += 1;
    const chunk = { type: "ABORT", tagReflected: false, causes } as const;
    core.sendChunk(chunk, route, packet.sourcePort, init.initiateTag, "abort", packet.destinationPort);
    return;
  }
  sendInitAck(core, packet, { ...init, parameters: screened.used }, screened.reports, existing, route, nowMs);
}

function sendInitAck(
  core: EndpointCore,
  packet: SctpPacket,
  peerInit: InitChunk,
  reports: readonly Parameter[],
  existing: Association | undefined,
  route: Route,
  nowMs: number,
): void {
  const { localAddresses, parameters, cookieKey } = core.config;
  const offer = offerTo(core, existing, route, packet.sourcePort);
  const localInitAck: InitAckChunk = {
    type: "INIT_ACK",
    ...initFields(offer, localAddresses, parameters),
  };
  const content: CookieContent = {
    createdAtMs: nowMs,
    lifeMs: parameters.validCookieLifeMs,
    tieLocalTag: existing?.state.agreement.localTag ?? 0,
    tiePeerTag: existing?.state.agreement.peerTag ?? 0,
    peerAddress: route.remote,
    peerPort: packet.sourcePort,
    localPort: packet.destinationPort,
    peerInit,
    localInitAck,
  };
  const cookie = sealCookie(content, cookieKey);
  const answer: InitAckChunk = {
    ...localInitAck,
    parameters: [...localInitAck.parameters, { type: "STATE_COOKIE", cookie }],
  };
  const reported = { ...answer, parameters: [...answer.parameters, ...reports] };
  const fits = commonHeaderBytes + chunkLength(reported) <= parameters.packetSizeBytes;
  core.sendChunk(fits ? reported : answer, route, packet.sourcePort, peerInit.initiateTag, "setup");
}

/** While both sides call each other, each goes on with the tag of its own INIT (section 5.2.1). */
function offerTo(
  core: EndpointCore,
  existing: Association | undefined,
  route: Route,
  peerPort: number,
): LocalOffer {
  const connecting = core.connectingTo(route.remote, peerPort);
  if (connecting !== undefined) return connecting.offer;
  if (existing?.phase !== "cookie-echoed") return core.unusedOffer();
  const { localTag, localInitialTsn } = existing.state.agreement;
  return { tag: localTag, initialTsn: localInitialTsn };
}

/** Why INIT is refused; an association that exists is not disturbed by that (section 5.2.2). */
function refusalOf(
  core: EndpointCore,
  packet: SctpPacket,
  existing: Association | undefined,
  addresses: readonly string[],
): readonly Cause[] | undefined {
  const { localPort, listening, parameters } = core.config;
  if (packet.destinationPort !== localPort) return [];
  if (existing !== undefined) {
    const added = addresses.filter((address) => !knowsAddress(existing, address));
    return added.length > 0 ? [restartCause(added)] : undefined;
  }
  const calling = addresses.some((each) => core.connectingTo(each, packet.sourcePort) !== undefined);
  if (calling) return undefined;
  if (!listening) return [];
  const full = core.associations.size >= parameters.maxAssociations;
  return full ? [{ type: "OUT_OF_RESOURCE", code: 4 }] : undefined;
}

/** Section 5.1 C: the cookie goes back, and both tags are known. */
export function receiveInitAck(
  core: EndpointCore,
  packet: SctpPacket,
  initAck: InitAckChunk,
  route: Route,
  nowMs: number,
): void {
  const connecting = core.connecting.get(packet.verificationTag);
  // Section 5.2.3: an INIT ACK that nobody waits for is discarded.
  if (connecting === undefined || !isAlone(packet.chunks) || connecting.peerPort !== packet.sourcePort)
    return;
  const { maxPeerAddresses } = core.config.parameters;
  const screened = screenParameters(initAck.parameters, 0, maxPeerAddresses);
  // The address that was called is the one to talk to. Whoever answers from elsewhere has to name it.
  const called = connecting.route.remote;
  const named = screened.used.some((each) => "address" in each && each.address === called);
  if (route.remote !== called && !named) return;
  const cookie = stateCookie(initAck);
  const flaw = initFlaw(initAck);
  if (flaw !== undefined || cookie === undefined) {
    const missing = [
      { type: "MISSING_MANDATORY_PARAMETER", code: 2, parameterTypes: [stateCookieType] },
    ] as const;
    const causes = flaw === "discard" ? [] : (flaw ?? missing);
    const abort = { type: "ABORT", tagReflected: false, causes } as const;
    core.sendChunk(abort, route, packet.sourcePort, initAck.initiateTag, "abort");
    core.giveUpConnecting(connecting, "the peer's INIT ACK is not valid");
    return;
  }
  core.connecting.delete(connecting.offer.tag);
  const agreement = agree({
    localPort: core.config.localPort,
    peerPort: packet.sourcePort,
    localAddresses: core.config.localAddresses,
    peerAddress: called,
    local: initFields(connecting.offer, core.config.localAddresses, core.config.parameters),
    peer: { ...initAck, parameters: screened.used },
    maxPeerAddresses,
  });
  const start = { phase: "cookie-echoed", peerAddress: called, cookie: cookie.slice() } as const;
  core.open(createAssociationState(agreement, start), nowMs);
}
