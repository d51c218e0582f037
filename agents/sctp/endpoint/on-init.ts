import type { Association } from "../association/association.ts";
import type { Route } from "../association/outputs.ts";
import type { Cause, InitAckChunk, InitChunk, Parameter, SctpPacket } from "../wire/index.ts";
import { chunkLength, commonHeaderBytes } from "../wire/index.ts";
import { addressesFor, peerAddresses } from "./agreement.ts";
import type { Call } from "./call-table.ts";
import { addressesLeftOut, addressesListed } from "./away.ts";
import { sealCookie } from "./cookie.ts";
import type { EndpointCore } from "./core.ts";
import { knowsAddress } from "./core.ts";
import type { LocalOffer } from "./offer.ts";
import { countsForAgreement, initAckChunk } from "./offer.ts";
import type { ScreenedParameters } from "./received-parameters.ts";
import { initFlaw, restartCause, screenParameters } from "./received-parameters.ts";
import { noTieTags, tieTagsOf } from "./tie-tags.ts";

/** What is known beside an INIT: an association of its sender, or a call of ours to it. */
interface Beside {
  readonly existing: Association | undefined;
  readonly call: Call | undefined;
}

/** RFC 9260 sections 5.1 B and 5.2.1, 5.2.2: INIT is answered without keeping state, whatever else exists. */
export function receiveInit(
  core: EndpointCore,
  packet: SctpPacket,
  init: InitChunk,
  route: Route,
  nowMs: number,
): void {
  const { maxPeerAddresses, packetSizeBytes, extensions } = core.parameters;
  const screened = screenParameters(init.parameters, {
    maxPeerAddresses,
    reportLimitBytes: packetSizeBytes / 2,
    offered: extensions,
  });
  const { localAddresses, localPort } = core.config;
  const addresses = peerAddresses(route.remote, screened.used, localAddresses, maxPeerAddresses);
  const ours = packet.destinationPort === localPort;
  const beside: Beside = {
    existing: ours ? core.associations.confirmedAt(addresses, packet.sourcePort) : undefined,
    call: ours ? firstCall(core, addresses, packet.sourcePort) : undefined,
  };
  const flaw = initFlaw(init, extensions);
  // Section 9.2: the peer is gone; it has to hear the end of the old association first.
  if (flaw === undefined && beside.existing?.phase === "shutdown-ack-sent") {
    beside.existing.peerReturnedTooEarly(route, false, nowMs);
    core.collect(beside.existing);
    return;
  }
  const causes = flaw ?? refusalOf(core, ours, beside, addresses);
  if (causes !== undefined) refuse(core, packet, init, route, causes);
  else sendInitAck(core, packet, { ...init, parameters: screened.used }, screened, beside, route, nowMs);
}

const firstCall = (core: EndpointCore, addresses: readonly string[], peerPort: number): Call | undefined =>
  addresses.map((address) => core.calls.to(address, peerPort)).find((call) => call !== undefined);

/** ABORT with the tag of INIT (sections 5.1 and 8.4, rule 3). */
export function refuse(
  core: EndpointCore,
  packet: SctpPacket,
  init: { readonly initiateTag: number },
  route: Route,
  causes: readonly Cause[],
): void {
  core.counters.refused += 1;
  const chunk = { type: "ABORT", tagReflected: false, causes } as const;
  core.sendChunk(chunk, route, packet.sourcePort, init.initiateTag, "abort", packet.destinationPort);
}

/** Why INIT is refused; an association that exists is not disturbed by that (section 5.2.2). */
function refusalOf(
  core: EndpointCore,
  ours: boolean,
  { existing, call }: Beside,
  addresses: readonly string[],
): readonly Cause[] | undefined {
  if (!ours) return [];
  if (existing !== undefined) {
    const added = addresses.filter((address) => !knowsAddress(existing, address));
    return added.length > 0 ? [restartCause(added)] : undefined;
  }
  if (call !== undefined) return undefined;
  if (!core.listening) return [];
  return core.isFull ? [{ type: "OUT_OF_RESOURCE", code: 4 }] : undefined;
}

function sendInitAck(
  core: EndpointCore,
  packet: SctpPacket,
  peerInit: InitChunk,
  screened: ScreenedParameters,
  beside: Beside,
  from: Route,
  nowMs: number,
): void {
  const { parameters, cookieKeys } = core;
  const route = answerRoute(core, beside.call, peerInit, from);
  const own = beside.call?.parameters ?? parameters;
  // Beside an association or a call of ours, which knows all addresses, nothing is left out.
  const isFirst = beside.call === undefined && beside.existing === undefined;
  const leftOut = isFirst ? addressesLeftOut(core, peerInit, own.extensions) : 0;
  const localAddresses = addressesFor(from.remote, peerInit.parameters, addressesListed(core, leftOut));
  const offer = offerTo(core, beside);
  const initAck = initAckChunk(offer, localAddresses, own, peerInit.inboundStreams);
  const { existing } = beside;
  const preservative = peerInit.parameters.find((each) => each.type === "COOKIE_PRESERVATIVE");
  const cookie = sealCookie(
    {
      createdAtMs: nowMs,
      lifeMs: core.cookieLifeMs(preservative?.incrementMs ?? 0),
      tieTags: existing === undefined ? noTieTags : tieTagsOf(existing.state.agreement, cookieKeys.current),
      peerAddress: route.remote,
      peerPort: packet.sourcePort,
      localPort: packet.destinationPort,
      leftOut,
      peerInit: { ...peerInit, parameters: peerInit.parameters.filter((each) => each !== preservative) },
      localInitAck: { ...initAck, parameters: initAck.parameters.filter(countsForAgreement) },
    },
    cookieKeys.current,
  );
  const reports = screened.unrecognized.map((value) => ({ type: "UNRECOGNIZED_PARAMETER", value }) as const);
  const answer = withParameters(initAck, [{ type: "STATE_COOKIE", cookie }]);
  const reported = withParameters(answer, reports);
  const fits = commonHeaderBytes + chunkLength(reported) <= parameters.packetSizeBytes;
  core.sendChunk(fits ? reported : answer, route, packet.sourcePort, peerInit.initiateTag, "setup");
}

const withParameters = (chunk: InitAckChunk, more: readonly Parameter[]): InitAckChunk => ({
  ...chunk,
  parameters: [...chunk.parameters, ...more],
});

/**
 * While we call, INIT ACK goes only to an address that the user gave and that INIT reports, if possible
 * the one that it came from (section 5.2.1); else always back to where INIT came from (section 5.1 B).
 */
function answerRoute(core: EndpointCore, call: Call | undefined, peerInit: InitChunk, from: Route): Route {
  if (call === undefined || call.addresses.includes(from.remote)) return from;
  const listed = peerAddresses(
    from.remote,
    peerInit.parameters,
    core.config.localAddresses,
    core.parameters.maxPeerAddresses,
  );
  const remote = call.addresses.find((address) => listed.includes(address)) ?? from.remote;
  return { local: core.sourceFor(remote) ?? from.local, remote };
}

/**
 * While both sides call each other, each goes on with the tag of its own INIT (section 5.2.1). Beside an
 * association that exists a new tag is drawn, and its number of streams stays (section 5.2.2).
 */
function offerTo(core: EndpointCore, { existing, call }: Beside): LocalOffer {
  if (call !== undefined) return call.offer;
  if (existing === undefined) return core.unusedOffer(core.parameters);
  const { agreement, phase } = existing.state;
  const echoed = core.echoing.get(agreement.localTag);
  if (phase === "cookie-echoed" && echoed !== undefined) return echoed.offer;
  const { outboundStreams } = agreement;
  const offer = { ...core.unusedOffer(core.parameters), outboundStreams };
  if (phase !== "cookie-echoed") return offer;
  const { localTag, localInitialTsn, authentication } = agreement;
  return { ...offer, tag: localTag, initialTsn: localInitialTsn, authentication: authentication?.local };
}
