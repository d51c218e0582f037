import type { Route } from "../association/outputs.ts";
import { createAssociationState } from "../association/state.ts";
import type { Cause, InitAckChunk, SctpPacket } from "../wire/index.ts";
import { chunkLength, commonHeaderBytes } from "../wire/index.ts";
import { agree } from "./agreement.ts";
import type { Call } from "./call-table.ts";
import { giveUpCall, reportUnsent } from "./call.ts";
import type { EndpointCore } from "./core.ts";
import type { ScreenedParameters } from "./received-parameters.ts";
import {
  adaptationOf,
  initFlaw,
  screenParameters,
  unrecognizedCause,
  windowTooSmall,
} from "./received-parameters.ts";

const stateCookieType = 7;

/** RFC 9260 section 5.1 C: the cookie goes back, and both tags are known. */
export function receiveInitAck(
  core: EndpointCore,
  packet: SctpPacket,
  initAck: InitAckChunk,
  call: Call,
  route: Route,
  nowMs: number,
): void {
  const { maxPeerAddresses, packetSizeBytes, extensions } = call.parameters;
  const cookie = initAck.parameters.find((each) => each.type === "STATE_COOKIE")?.cookie;
  const echoBytes =
    commonHeaderBytes + chunkLength({ type: "COOKIE_ECHO", cookie: cookie ?? new Uint8Array(0) });
  const screened = screenParameters(initAck.parameters, {
    maxPeerAddresses,
    // Behind COOKIE ECHO there is room for an ERROR chunk with one cause.
    reportLimitBytes: packetSizeBytes - echoBytes - 8,
    offered: extensions,
  });
  // The address that was called is the one to talk to. Whoever answers from elsewhere has to name it.
  const peerAddress = calledAddress(call, screened, route);
  if (peerAddress === undefined) return;
  if (initAck.initiateTag === 0) {
    // Section 3.3.3: there is no tag to answer with but ours, reflected.
    const chunk = { type: "ABORT", tagReflected: true, causes: [] } as const;
    core.sendChunk(chunk, route, packet.sourcePort, packet.verificationTag, "abort");
    giveUpCall(core, call, "the peer's INIT ACK has no tag", "aborted-by-us");
    return;
  }
  const causes = initFlaw(initAck, extensions) ?? (cookie === undefined ? [missingCookie] : undefined);
  if (causes !== undefined || cookie === undefined) {
    abortCall(core, packet, initAck, route, causes ?? []);
    // Section 3.3.3: only this fault leaves the state as it is.
    if (!windowTooSmall(initAck)) giveUpCall(core, call, "the peer's INIT ACK is not valid", "aborted-by-us");
    return;
  }
  echo(
    core,
    packet,
    { ...initAck, parameters: screened.used },
    cookie,
    call,
    screened,
    peerAddress,
    route,
    nowMs,
  );
}

const missingCookie: Cause = {
  type: "MISSING_MANDATORY_PARAMETER",
  code: 2,
  parameterTypes: [stateCookieType],
};

function calledAddress(call: Call, screened: ScreenedParameters, route: Route): string | undefined {
  if (call.addresses.includes(route.remote)) return route.remote;
  return call.addresses.find((called) =>
    screened.used.some((each) => "address" in each && each.address === called),
  );
}

export function abortCall(
  core: EndpointCore,
  packet: SctpPacket,
  initAck: { readonly initiateTag: number },
  route: Route,
  causes: readonly Cause[],
): void {
  const abort = { type: "ABORT", tagReflected: false, causes } as const;
  core.sendChunk(abort, route, packet.sourcePort, initAck.initiateTag, "abort");
}

/** COOKIE ECHO leaves, with a report on what INIT ACK said and we did not understand (section 3.2.2). */
function echo(
  core: EndpointCore,
  packet: SctpPacket,
  initAck: InitAckChunk,
  cookie: Uint8Array,
  call: Call,
  screened: ScreenedParameters,
  peerAddress: string,
  route: Route,
  nowMs: number,
): void {
  const agreement = agree({
    localPort: core.config.localPort,
    peerPort: packet.sourcePort,
    localAddresses: core.config.localAddresses,
    peerAddress,
    local: core.initOf(call),
    peer: initAck,
    maxPeerAddresses: call.parameters.maxPeerAddresses,
    tolerance: call.parameters,
  });
  // Section 5.1.2 D: these addresses belong to a peer that we have an association with.
  if (core.associations.confirmedAt(agreement.peerAddresses, packet.sourcePort) !== undefined) {
    abortCall(core, packet, initAck, route, []);
    giveUpCall(core, call, "there is an association with that peer already", "aborted-by-us");
    return;
  }
  const { tag } = call.offer;
  core.calls.delete(tag);
  const state = createAssociationState(agreement, {
    phase: "cookie-echoed",
    peerAddress,
    cookie: cookie.slice(),
  });
  if (route.remotePort !== undefined && route.remote === peerAddress) {
    state.encapsulationPorts.set(peerAddress, route.remotePort);
  }
  state.sequence = call.sequence;
  state.userState = call.userState;
  state.activeKeyId = core.keys.activeKeyId;
  // Section 5.4, rule 1: what the user named is confirmed, as long as the peer has it too.
  for (const address of call.addresses) {
    if (agreement.peerAddresses.includes(address)) state.confirmedAddresses.add(address);
  }
  const association = core.open(state, nowMs, { parameters: call.parameters });
  if (screened.unrecognized.length > 0) association.report([unrecognizedCause(screened.unrecognized)]);
  call.cookieEchoedAtMs = nowMs;
  call.adaptation = adaptationOf(screened.used);
  core.echoing.set(tag, call);
  for (const message of call.waiting.splice(0)) {
    if (association.send(message, nowMs) !== "accepted") reportUnsent(core, tag, message);
  }
  core.collect(association);
}
