import { parseIpv4, parseIpv6 } from "../base/bytes.ts";
import { bind, isPort } from "./bind.ts";
import type { StackCore } from "./core.ts";
import type { Answer } from "./errno.ts";
import { answer, done, refuse } from "./errno.ts";
import { abortAssociation } from "./ending.ts";
import type { AssociationId } from "./messages.ts";
import type { Socket, SocketAssociation } from "./socket.ts";
import { createSocket, onlyAssociation } from "./socket.ts";

/** RFC 6458 sections 3.1.3 and 4.1.3; `backlog` 0 ends it. An unbound socket gets an ephemeral port. */
export function listen(core: StackCore, socket: Socket, backlog: number): Answer<undefined> {
  if (!Number.isInteger(backlog) || backlog < 0) return refuse("EINVAL");
  const isOneToOne = socket.style === "one-to-one";
  if (isOneToOne && (socket.associations.size > 0 || socket.ended !== undefined)) return refuse("EINVAL");
  if (socket.port === undefined) {
    const bound = bind(core, socket, [anyAddress(socket)], 0);
    if (!bound.ok) return bound;
  }
  socket.backlog = backlog;
  socket.port?.updateListening();
  return done;
}

/** RFC 6458 section 4.1.4; `EAGAIN` where no association waits. */
export function accept(core: StackCore, socket: Socket): Answer<number> {
  if (socket.style === "one-to-many") return refuse("EOPNOTSUPP");
  if (socket.backlog === 0 && socket.acceptQueue.length === 0) return refuse("EINVAL");
  const accepted = socket.acceptQueue.shift();
  socket.port?.updateListening();
  return accepted === undefined ? refuse("EAGAIN") : answer(core.open(accepted));
}

/** A new association of a peer that called: it waits at its listener, or belongs to a one-to-many socket. */
export function welcome(core: StackCore, listener: Socket, handle: number): SocketAssociation | undefined {
  const { port } = listener;
  const agreement = port?.endpoint.state(handle)?.agreement;
  if (port === undefined || agreement === undefined) return undefined;
  const peer = { addresses: agreement.peerAddresses, port: agreement.peerPort };
  if (listener.style === "one-to-many") return core.addAssociation(port, handle, peer, listener);
  const { family, parameters, events, context } = listener;
  const socket = createSocket("one-to-one", family, { parameters, events, context });
  socket.port = port;
  listener.acceptQueue.push(socket);
  port.updateListening();
  return core.addAssociation(port, handle, peer, socket);
}

/**
 * Starts an association (RFC 6458 sections 3.1.6, 4.1.5 and 9.9, `sctp_connectx`): INIT leaves at once.
 * The answer is its id; a caller in the style of `connect` reports that as `EINPROGRESS`.
 */
export function connect(
  core: StackCore,
  socket: Socket,
  addresses: readonly string[],
  peerPort: number,
): Answer<AssociationId> {
  if (!isPort(peerPort) || peerPort === 0) return refuse("EINVAL");
  if (addresses.length === 0 || !addresses.every((address) => isUnicast(address, socket)))
    return refuse("EINVAL");
  const refusal = whyNot(socket, addresses, peerPort);
  if (refusal !== undefined) return refusal;
  if (socket.port === undefined) {
    const bound = bind(core, socket, [anyAddress(socket)], 0);
    if (!bound.ok) return bound;
  }
  const { port } = socket;
  if (port === undefined) return refuse("EINVAL");
  socket.ended = undefined;
  socket.error = undefined;
  const handle = port.endpoint.connect(addresses, peerPort, core.nowMs);
  core.touched.add(port);
  return answer(core.addAssociation(port, handle, { addresses, port: peerPort }, socket).id);
}

function whyNot(
  socket: Socket,
  addresses: readonly string[],
  peerPort: number,
): ReturnType<typeof refuse> | undefined {
  if (socket.style === "one-to-one") {
    if (socket.backlog > 0) return refuse("EOPNOTSUPP");
    const own = onlyAssociation(socket);
    if (own !== undefined) return refuse(own.phase === "setting-up" ? "EALREADY" : "EISCONN");
    // A socket that was accepted or peeled off stands for its one association.
    if (socket.port !== undefined && socket.port.owner !== socket) return refuse("EINVAL");
    if (socket.writeClosed) return refuse("EPIPE");
  }
  const existing = socket.port?.associationWith(addresses, peerPort);
  if (existing === undefined) return undefined;
  return refuse(existing.phase === "setting-up" || existing.socket !== socket ? "EALREADY" : "EISCONN");
}

/** RFC 6458 section 9.2: an association of a one-to-many socket gets a one-to-one socket of its own. */
export function peelOff(core: StackCore, socket: Socket, id: AssociationId): Answer<number> {
  if (socket.style === "one-to-one") return refuse("EOPNOTSUPP");
  const association = socket.associations.get(id);
  if (association === undefined || association.phase !== "up") return refuse("EINVAL");
  const { family, parameters, events, context } = socket;
  const own = createSocket("one-to-one", family, { parameters, events, context });
  own.port = association.port;
  socket.associations.delete(id);
  own.associations.set(id, association);
  association.socket = own;
  socket.queue.move(id, own.queue);
  return answer(core.open(own));
}

/** Nobody will accept these any more. */
export function dropAcceptQueue(core: StackCore, listener: Socket): void {
  for (const waiting of listener.acceptQueue.splice(0)) {
    for (const association of [...waiting.associations.values()]) {
      association.socket = undefined;
      abortAssociation(core, association, "nobody listens any more");
    }
  }
}

const anyAddress = (socket: Socket): string => (socket.family === "ipv6" ? "::" : "0.0.0.0");

function isUnicast(address: string, socket: Socket): boolean {
  const first = parseIpv4(address)?.[0];
  if (first !== undefined) return first > 0 && first < 224;
  const ipv6 = parseIpv6(address);
  return socket.family === "ipv6" && ipv6 !== undefined && ipv6[0] !== 0xff && ipv6.some((byte) => byte > 0);
}
