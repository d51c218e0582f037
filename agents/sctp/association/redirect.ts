import type { AddressRequest } from "./asconf-state.ts";
import { requestAddressChanges, whyNotAsked } from "./asconf.ts";
import type { AssociationCore } from "./core.ts";

/**
 * Asks the peer to send to the address of who goes on (RFC 5061 section 4.2.4); `forgetLostAddresses` does the rest.
 * Where ASCONF was not agreed, or where the peer does not know our address, nothing is asked.
 */
export function redirectPeer(core: AssociationCore, lostAddresses: readonly string[]): void {
  const own = core.localAddress;
  const { localAddresses } = core.state.agreement;
  const lost = lostAddresses.filter((address) => address !== own && localAddresses.includes(address));
  if (lost.length === 0 || !localAddresses.includes(own)) return;
  const request: AddressRequest = { kind: "set-primary", address: own };
  if (whyNotAsked(core, [request]) !== undefined || requestAddressChanges(core, [request]) !== "accepted")
    return;
  core.lostAddresses = lost;
  core.lostSinceSequence = core.state.sequence;
  const text = `the peer is asked to send to ${own}`;
  core.notify({ type: "recovery-step", step: "redirect", text });
}

/**
 * Asks the peer to forget addresses of ours at which nobody is any more (RFC 5061 section 4.2.2): what still comes
 * from there is out of the blue to it then. Not before it has sent to us and nothing of it is missing: usrsctp
 * 0.9.5 never sends again what is outstanding to an address that it is told to delete.
 */
export function forgetLostAddresses(core: AssociationCore): void {
  const { lostAddresses, lostSinceSequence, state } = core;
  if (lostAddresses.length === 0 || core.receivedSequence <= lostSinceSequence) return;
  const { behind, above } = state.receive;
  if (behind || above.length > 0) return;
  const requests = lostAddresses.map((address) => ({ kind: "delete", address }) as const);
  const reason = whyNotAsked(core, requests);
  if (reason === "busy") return;
  core.lostAddresses = [];
  if (reason !== undefined || requestAddressChanges(core, requests) !== "accepted") return;
  const text = `the peer is asked to forget ${lostAddresses.join(", ")}`;
  core.notify({ type: "recovery-step", step: "redirect", text });
}
