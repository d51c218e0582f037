import { unreachable } from "../base/assert.ts";
import { padded } from "../base/bytes.ts";
import type { AsconfAckChunk, AsconfChunk, Cause, Chunk } from "../wire/index.ts";
import { WireFlaw, chunkAction, chunkTypeNumber, parseParameterAt, writeChunk } from "../wire/index.ts";
import { close, giveUp } from "./abort.ts";
import { asconfNotUnderstood, receiveAsconfAck } from "./asconf.ts";
import type { AssociationCore } from "./core.ts";
import { receiveCwr, receiveEcne } from "./ecn.ts";
import { forwardTsnNotUnderstood } from "./on-forward-tsn.ts";
import { receiveHeartbeat, receiveHeartbeatAck } from "./heartbeat.ts";
import { receiveAsconf } from "./on-asconf.ts";
import { receiveReconfiguration } from "./on-reconfiguration.ts";
import type { Route } from "./outputs.ts";
import { resumeStreams } from "./reconfiguration.ts";
import { cookieAcknowledged } from "./set-up.ts";
import { receiveShutdown, receiveShutdownAck, receiveShutdownComplete } from "./shutdown.ts";

/** Answers whether the rest of the packet is to be processed. */
export function receiveControl(
  core: AssociationCore,
  chunk: Exclude<Chunk, { type: "DATA" | "I_DATA" | "SACK" }>,
  route: Route,
  nowMs: number,
): boolean {
  switch (chunk.type) {
    case "HEARTBEAT":
      receiveHeartbeat(core, chunk, route);
      return true;
    case "HEARTBEAT_ACK":
      receiveHeartbeatAck(core, chunk, nowMs);
      return true;
    case "COOKIE_ACK":
      cookieAcknowledged(core, nowMs);
      return true;
    case "RE_CONFIG":
      if (!core.state.agreement.extensions.streamReconfiguration)
        return unknownChunk(core, 130, chunk, route);
      if (core.state.phase !== "cookie-echoed") receiveReconfiguration(core, chunk, route);
      return true;
    case "ECNE":
      receiveEcne(core, chunk, route);
      return true;
    case "CWR":
      receiveCwr(core, chunk);
      return true;
    case "SHUTDOWN":
      receiveShutdown(core, chunk, route, nowMs);
      // A reset of all TSNs that the peer was waiting for is off: it asks no more.
      if (core.state.phase === "shutdown-received") resumeStreams(core);
      return true;
    case "SHUTDOWN_ACK":
      receiveShutdownAck(core, route);
      return true;
    case "SHUTDOWN_COMPLETE":
      receiveShutdownComplete(core);
      return true;
    case "ABORT":
      aborted(core, causeNames(chunk.causes));
      return false;
    case "ERROR":
      if (chunk.causes.some(saysAsconfUnknown)) asconfNotUnderstood(core);
      if (chunk.causes.some(saysForwardTsnUnknown)) forwardTsnNotUnderstood(core, route);
      errorReported(core, causeNames(chunk.causes));
      return true;
    case "UNKNOWN":
      return unknownChunk(core, chunk.typeNumber, chunk, route);
    case "INIT":
      // RFC 9260 section 12.3: in company it is discarded, and all that follows it.
      return false;
    case "INIT_ACK":
    case "COOKIE_ECHO":
    case "PAD":
      return true;
    case "ASCONF":
    case "ASCONF_ACK":
      return receiveAddressChange(core, chunk, route, nowMs);
    case "FORWARD_TSN":
    case "AUTH":
    case "I_FORWARD_TSN":
      // Not announced in our INIT, so the peer has to take them for unknown to us (section 3.2).
      return unknownChunk(core, writeChunk(chunk)[0] ?? 0, chunk, route);
    default:
      return unreachable(chunk);
  }
}

function receiveAddressChange(
  core: AssociationCore,
  chunk: AsconfChunk | AsconfAckChunk,
  route: Route,
  nowMs: number,
): boolean {
  if (!core.state.agreement.extensions.addressReconfiguration)
    return unknownChunk(core, chunkTypeNumber(chunk), chunk, route);
  if (chunk.type === "ASCONF") receiveAsconf(core, chunk, route, nowMs);
  else receiveAsconfAck(core, chunk, route);
  return true;
}

/** RFC 5061 section 5.1, A9. */
const saysAsconfUnknown = (cause: Cause): boolean =>
  cause.type === "UNRECOGNIZED_CHUNK_TYPE" && cause.value[0] === 0xc1;

/** RFC 3758 section 3.3.3. */
const saysForwardTsnUnknown = (cause: Cause): boolean =>
  cause.type === "UNRECOGNIZED_PARAMETERS" && parameterTypesIn(cause.value).includes(0xc000);

/** Types of the parameters that stand one behind the other in a cause, as far as they can be read. */
function parameterTypesIn(value: Uint8Array): readonly number[] {
  const types: number[] = [];
  for (let at = 0; at < value.length;) {
    const { typeNumber, end, parsed } = parseParameterAt(value, at, value.length);
    types.push(typeNumber);
    if (parsed instanceof WireFlaw) break;
    at = padded(end);
  }
  return types;
}

function unknownChunk(core: AssociationCore, typeNumber: number, chunk: Chunk, route: Route): boolean {
  const action = chunkAction(typeNumber);
  if (action.report) {
    // A chunk that would not fit into the answer is reported by its beginning.
    const value = writeChunk(chunk).slice(0, core.parameters.packetSizeBytes - 64);
    const cause = { type: "UNRECOGNIZED_CHUNK_TYPE", code: 6, value } as const;
    core.answer({
      chunk: { type: "ERROR", causes: [cause] },
      route,
      reason: "error",
      dependsOn: 0,
    });
  }
  return action.skip;
}

function aborted(core: AssociationCore, causes: readonly string[]): void {
  const state = core.state.phase === "cookie-echoed" ? "cant-start" : "comm-lost";
  close(core);
  const reason = `the peer aborted: ${causes.join(", ") || "no cause given"}`;
  core.notify({ type: "association-change", state, reason, cause: "aborted-by-peer" });
}

function errorReported(core: AssociationCore, causes: readonly string[]): void {
  const last = core.outputs.notifications.at(-1);
  const told = last?.association === core.handle && last.notification.type === "remote-error";
  if (!told) core.notify({ type: "remote-error", causes });
  if (core.state.phase === "cookie-echoed" && causes.includes("STALE_COOKIE")) {
    giveUp(core, "the peer found our cookie stale");
  }
}

/** Names of the first few causes: a packet has room for thousands. */
const causeNames = (causes: readonly Cause[]): readonly string[] =>
  causes.slice(0, 8).map((cause) => {
    if (cause.type !== "USER_INITIATED_ABORT" || cause.value.length === 0) return cause.type;
    return `${cause.type} "${printable(cause.value)}"`;
  });

/** The reason that the peer's user gave, without what could play tricks on a terminal. */
const printable = (value: Uint8Array): string =>
  String.fromCharCode(...value.subarray(0, 200)).replaceAll(/[^ -~]/g, "?");
