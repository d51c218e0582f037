import type { AddressRequest } from "./asconf-state.ts";
import { requestAddressChanges, whyNotAsked } from "./asconf.ts";
import type { AssociationCore } from "./core.ts";

/**
 * Asks the peer to forget addresses of ours at which nobody is any more, and to send here (RFC 5061 sections 4.2.2
 * and 4.2.4): it stops sending there at once, and what still comes from there is out of the blue to it. Where
 * ASCONF was not agreed, or where we would be left with no address that the peer knows, nothing is asked.
 */
export function redirectPeer(core: AssociationCore, lostAddresses: readonly string[]): void {
  const own = core.localAddress;
  if (!core.state.agreement.localAddresses.includes(own)) return;
  const asked: AddressRequest[] = [];
  const ask = (request: AddressRequest): void => {
    if (whyNotAsked(core, [...asked, request]) === undefined) asked.push(request);
  };
  for (const address of lostAddresses) if (address !== own) ask({ kind: "delete", address });
  if (asked.length === 0) return;
  ask({ kind: "set-primary", address: own });
  if (requestAddressChanges(core, asked) !== "accepted") return;
  const gone = asked.filter(({ kind }) => kind === "delete").map(({ address }) => address);
  const text = `the peer is asked to forget ${gone.join(", ")} and to send to ${own}`;
  core.notify({ type: "recovery-step", step: "redirect", text });
}
