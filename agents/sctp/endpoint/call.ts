import type { OutgoingMessage } from "../association/outgoing-message.ts";
import type { Call, ConnectOptions } from "./call-table.ts";
import type { EndpointCore } from "./core.ts";
import { initChunk } from "./offer.ts";
import { isUnicast } from "../association/peer-address.ts";

/** Starts an association with the peer that has these addresses; answers its handle, its local tag. */
export function startCall(
  core: EndpointCore,
  remotes: readonly string[],
  peerPort: number,
  options: ConnectOptions,
  nowMs: number,
): number {
  const parameters = { ...core.parameters, ...options };
  const offer = core.unusedOffer(parameters);
  const addresses = [...new Set(remotes)].slice(0, parameters.maxPeerAddresses);
  const fault = faultOf(core, addresses, peerPort);
  if (fault !== undefined) {
    core.notify(offer.tag, {
      type: "association-change",
      state: "cant-start",
      reason: fault,
      cause: "aborted-by-us",
    });
    return offer.tag;
  }
  const call: Call = {
    offer,
    peerPort,
    addresses,
    parameters,
    timeoutsMs: addresses.map(() => parameters.rtoInitialMs),
    attempts: 0,
    deadlineMs: 0,
    cookieIncrementMs: 0,
    cookieEchoedAtMs: 0,
    renewedAtMs: undefined,
    unansweredEchoes: 0,
    sequence: 0,
    userState: new Uint8Array(0),
    waiting: [],
    shutdownWanted: false,
    adaptation: undefined,
  };
  core.calls.add(call);
  sendInit(core, call, nowMs);
  return offer.tag;
}

/** Why nobody can be called at these addresses, in one sentence. */
function faultOf(core: EndpointCore, addresses: readonly string[], peerPort: number): string | undefined {
  if (addresses.length === 0) return "no address of the peer was given";
  for (const address of addresses) {
    if (!isUnicast(address)) return `${address} is not the address of a single computer`;
    if (core.sourceFor(address) === undefined)
      return `there is no address of ours from which ${address} can be reached`;
    const called = core.calls.to(address, peerPort) !== undefined;
    if (called || core.associations.confirmedAt([address], peerPort) !== undefined)
      return `there is an association with ${address} port ${peerPort} already`;
  }
  return undefined;
}

/** Sends INIT to the next address and starts T1-init (sections 5.1 A and 5.1.6). */
export function sendInit(core: EndpointCore, call: Call, nowMs: number): void {
  const { offer, addresses, parameters, cookieIncrementMs } = call;
  const place = call.attempts % addresses.length;
  const timeoutMs = call.timeoutsMs[place] ?? parameters.rtoInitialMs;
  const longestMs = parameters.maxInitTimeoutMs ?? parameters.rtoMaxMs;
  call.attempts += 1;
  call.deadlineMs = nowMs + Math.min(timeoutMs, longestMs);
  call.timeoutsMs = call.timeoutsMs.with(place, Math.min(timeoutMs * 2, longestMs));
  const remote = addresses[place] ?? "";
  const route = { local: core.sourceFor(remote) ?? core.config.ownAddress, remote };
  const init = initChunk(offer, core.config.localAddresses, parameters, cookieIncrementMs);
  core.sendChunk(init, route, call.peerPort, 0, "setup");
}

/** T1-init expired (section 4, note 2). */
export function initTimedOut(core: EndpointCore, call: Call, nowMs: number): void {
  if (call.attempts > call.parameters.maxInitRetransmits)
    giveUpCall(core, call, `no answer to ${call.attempts} INIT chunks`, "timeout");
  else sendInit(core, call, nowMs);
}

export function giveUpCall(
  core: EndpointCore,
  call: Call,
  reason: string,
  cause: "timeout" | "aborted-by-peer" | "aborted-by-us",
): void {
  core.calls.delete(call.offer.tag);
  const handle = call.offer.tag;
  for (const message of call.waiting) reportUnsent(core, handle, message);
  core.notify(handle, { type: "association-change", state: "cant-start", reason, cause });
}

/** The user hears of a message that was accepted and cannot be sent. */
export function reportUnsent(core: EndpointCore, handle: number, message: OutgoingMessage): void {
  const { streamId, ppid, payload, context = 0 } = message;
  core.notify(handle, {
    type: "send-failed",
    streamId,
    ppid,
    context,
    payload,
    sent: false,
    reason: "association-lost",
  });
}
