import { unreachable } from "../base/assert.ts";
import type { AddressReply } from "../association/asconf.ts";
import type { AddressRequest } from "../association/asconf-state.ts";
import { isFree } from "./bind.ts";
import type { StackCore } from "./core.ts";
import type { Answer } from "./errno.ts";
import { done, refuse } from "./errno.ts";
import type { Port, Socket, SocketAssociation } from "./socket.ts";

/** What one association is to ask its peer for. */
interface Asked {
  readonly association: SocketAssociation;
  readonly requests: readonly AddressRequest[];
}

/**
 * `sctp_bindx()` on a bound socket (RFC 6458 section 9.1): all addresses or none. New associations have the new
 * addresses, and living ones ask their peers to add or delete them (RFC 5061), which `local-address-change`
 * answers. Associations with peers that do not know RFC 5061 keep the addresses that they have; on a socket that
 * stands for one of those that is `EOPNOTSUPP`. A socket that was accepted or peeled off changes its own
 * association, and a listener none of those that it accepted. `EALREADY`: too many requests wait for answers, or an
 * association is being set up, whose peer was told the addresses of before.
 */
export function changeAddresses(
  core: StackCore,
  socket: Socket,
  addresses: readonly string[],
  action: "add" | "remove",
): Answer<undefined> {
  const { port, family } = socket;
  const wanted = [...new Set(addresses)];
  if (port === undefined || wanted.length === 0) return refuse("EINVAL");
  if (family === "ipv4" && wanted.some((address) => address.includes(":"))) return refuse("EINVAL");
  const refusal = action === "add" ? whyNotAdded(core, port, wanted) : whyNotRemoved(socket, port, wanted);
  if (refusal !== undefined) return refusal;
  if ([...socket.associations.values()].some(({ phase }) => phase === "setting-up"))
    return refuse("EALREADY");
  const living = [...socket.associations.values()].filter(({ phase }) => phase === "up");
  if (port.owner !== socket && living.length === 0) return refuse("EINVAL");
  const asked: Asked[] = [];
  for (const association of living) {
    const requests = requestsOf(association, wanted, action);
    const reply = port.endpoint.wouldChangeAddresses(association.handle, requests);
    if (reply === "accepted") asked.push({ association, requests });
    else if (socket.style === "one-to-one" || !isSpared(reply)) return errnoOf(reply);
  }
  for (const { association, requests } of asked.filter((each) => each.requests.length > 0))
    port.endpoint.changeAddresses(association.handle, requests, core.nowMs);
  if (living.length > 0 || port.associations.size > 0) for (const each of wanted) port.alsoServed.add(each);
  if (port.owner === socket) rebind(port, wanted, action);
  core.touched.add(port);
  return done;
}

/** A peer that does not know RFC 5061, or an association that ends, is no reason to leave the others as they are. */
const isSpared = (reply: AddressReply): boolean => reply === "not-supported" || reply === "not-connected";

/** Those of the changes that are news to an association. */
function requestsOf(
  { port, handle }: SocketAssociation,
  addresses: readonly string[],
  action: "add" | "remove",
): readonly AddressRequest[] {
  const kind = action === "add" ? "add" : "delete";
  const stale = action === "add" ? "known-address" : "unknown-address";
  const requests = addresses.map((address): AddressRequest => ({ kind, address }));
  return requests.filter((request) => port.endpoint.wouldChangeAddresses(handle, [request]) !== stale);
}

function whyNotAdded(
  core: StackCore,
  port: Port,
  addresses: readonly string[],
): ReturnType<typeof refuse> | undefined {
  if (!addresses.every((address) => core.config.localAddresses.includes(address)))
    return refuse("EADDRNOTAVAIL");
  return isFree(core, port.number, addresses, port) ? undefined : refuse("EADDRINUSE");
}

function whyNotRemoved(
  socket: Socket,
  port: Port,
  addresses: readonly string[],
): ReturnType<typeof refuse> | undefined {
  const [own] = socket.associations.values();
  const bound =
    port.owner === socket || own === undefined
      ? port.addresses
      : (port.endpoint.state(own.handle)?.agreement.localAddresses ?? []);
  const areBound = addresses.every((address) => bound.includes(address));
  return areBound && addresses.length < bound.length ? undefined : refuse("EINVAL");
}

function rebind(port: Port, addresses: readonly string[], action: "add" | "remove"): void {
  const rest = port.addresses.filter((address) => !addresses.includes(address));
  port.addresses = action === "add" ? [...new Set([...port.addresses, ...addresses])] : rest;
  port.endpoint.addressesChanged();
}

/** SCTP_SET_PEER_PRIMARY_ADDR (section 8.3.1): the peer is asked to send to this address of ours. */
export function setPeerPrimary(
  core: StackCore,
  association: SocketAssociation | undefined,
  address: string,
): Answer<undefined> {
  if (association === undefined) return refuse("ENOTCONN");
  const { port, handle } = association;
  const requests = [{ kind: "set-primary", address }] as const;
  const reply = port.endpoint.changeAddresses(handle, requests, core.nowMs);
  core.touched.add(port);
  return reply === "accepted" ? done : errnoOf(reply);
}

function errnoOf(reply: AddressReply): Answer<undefined> {
  switch (reply) {
    case "accepted":
      return done;
    case "not-connected":
      return refuse("ENOTCONN");
    case "not-supported":
      return refuse("EOPNOTSUPP");
    case "busy":
      return refuse("EALREADY");
    case "unknown-address":
      return refuse("EADDRNOTAVAIL");
    case "known-address":
    case "last-address":
      return refuse("EINVAL");
    default:
      return unreachable(reply);
  }
}
