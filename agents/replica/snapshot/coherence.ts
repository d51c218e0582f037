import type { EndpointSnapshot } from "../../sctp/index.ts";

type AssociationSnapshot = EndpointSnapshot["associations"][number];

/** What is wrong between the parts of a snapshot, each of which is good by itself; undefined: nothing. */
export function incoherence(snapshot: EndpointSnapshot): string | undefined {
  const tags = new Set<number>();
  for (const { state } of snapshot.associations) tags.add(state.agreement.localTag);
  if (tags.size < snapshot.associations.length) return "two associations have the same tag";
  const calls = new Set(snapshot.connecting.map(({ offer }) => offer.tag));
  if (calls.size < snapshot.connecting.length) return "two calls have the same tag";
  if (snapshot.echoing.some(({ offer }) => !tags.has(offer.tag))) {
    return "a call that has sent COOKIE ECHO has no association";
  }
  for (const association of snapshot.associations) {
    const found = incoherenceOf(association);
    if (found !== undefined) return `association ${association.state.agreement.localTag}: ${found}`;
  }
  return undefined;
}

function incoherenceOf(association: AssociationSnapshot): string | undefined {
  const { state, paths, flight, scheduler, deadlines } = association;
  const { peerAddresses, outboundStreams, extensions } = state.agreement;
  const known = new Set(paths.map(({ address }) => address));
  if (known.size !== paths.length || known.size !== new Set(peerAddresses).size) {
    return `${paths.length} paths for ${peerAddresses.length} addresses of the peer`;
  }
  const stranger = [...peerAddresses, state.primaryAddress].find((address) => !known.has(address));
  if (stranger !== undefined) return `no path to ${stranger}`;
  if (flight.transmissions.length !== state.send.outstanding.length) {
    return `${flight.transmissions.length} transmissions for ${state.send.outstanding.length} outstanding chunks`;
  }
  for (const { path, inFlight } of flight.transmissions) {
    if (path === undefined ? inFlight : !known.has(path)) return "a chunk is in flight on no known path";
  }
  for (const { address, t3Timer, heartbeatTimer, mtuTimer } of paths) {
    const named = [`t3 ${address}`, `heartbeat ${address}`, `mtu ${address}`];
    if (named.join() !== [t3Timer, heartbeatTimer, mtuTimer].join())
      return "timers with names of another path";
  }
  for (const [name] of deadlines) {
    const [, path] = name.split(" ");
    if (path !== undefined && !known.has(path)) return `a timer runs for ${path}, to which there is no path`;
  }
  if (
    extensions.interleaving !== state.send.interleaving ||
    extensions.interleaving !== state.receive.interleaving
  ) {
    return "I-DATA is agreed on for one direction only";
  }
  const queued = [...state.send.streams]
    .filter(([, { queue }]) => queue.length > 0)
    .map(([streamId]) => streamId);
  const busy = [...scheduler.active, ...scheduler.held];
  const waiting = busy.length === queued.length && queued.every((streamId) => busy.includes(streamId));
  if (!waiting) return "the scheduler knows other streams than those with messages";
  if (queued.some((streamId) => streamId >= outboundStreams))
    return "a message waits on a stream that was not agreed on";
  return undefined;
}
