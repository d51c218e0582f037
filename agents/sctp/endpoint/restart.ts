import type { Association } from "../association/association.ts";
import type { OutgoingMessage } from "../association/outgoing-message.ts";
import { reportUnsent, startCall } from "./call.ts";
import type { EndpointCore } from "./core.ts";

/**
 * An association that cannot go on was withdrawn: calls its peer from the same port, so that it sees a restart (RFC
 * 9260 section 5.2.2). The user's state and the messages of which nothing was sent move on.
 */
export function restartAssociation(
  core: EndpointCore,
  { state, restartWanted = "" }: Association,
  waiting: readonly OutgoingMessage[],
  nowMs: number,
): void {
  const { peerAddresses, peerPort, localTag } = state.agreement;
  // An address that the peer was known to be at comes first; a stranger's is not called.
  const confirmed = peerAddresses.filter((address) => state.confirmedAddresses.has(address));
  const addresses = [...new Set([state.primaryAddress, ...confirmed])];
  const successor = startCall(core, addresses, peerPort, {}, nowMs);
  const call = core.calls.get(successor);
  if (call === undefined) {
    for (const message of waiting) reportUnsent(core, localTag, message);
    core.notify(localTag, {
      type: "association-change",
      state: "comm-lost",
      reason: restartWanted,
      cause: "timeout",
    });
    return;
  }
  call.waiting.push(...waiting);
  call.userState = state.userState;
  core.notify(localTag, { type: "association-change", state: "restart", reason: restartWanted, successor });
}
