import type { OutgoingMessage } from "../association/outgoing-message.ts";
import { unreachable } from "../base/assert.ts";
import type { StackCore } from "./core.ts";
import { abortAssociation, shutdownAssociation } from "./ending.ts";
import type { Answer, Refusal } from "./errno.ts";
import { answer, refuse } from "./errno.ts";
import type { SendInfo } from "./messages.ts";
import { connect } from "./set-up.ts";
import type { Socket, SocketAssociation } from "./socket.ts";
import { onlyAssociation } from "./socket.ts";

/**
 * One message (RFC 6458 sections 3.1.4, 4.1.8 and 9.12, `sctp_sendv`): taken whole or not at all. Answers its
 * length. `EAGAIN`: the send buffer is full; `EMSGSIZE`: it could never take so much.
 */
export function send(core: StackCore, socket: Socket, payload: Uint8Array, info: SendInfo): Answer<number> {
  if (socket.writeClosed && info.abort !== true) return refuse("EPIPE");
  const length = payload.length;
  if (length === 0 && info.eof !== true && info.abort !== true) return refuse("EINVAL");
  if (info.abort === true && info.eof === true) return refuse("EINVAL");
  const found = destination(core, socket, payload, info);
  if (!found.ok) return found;
  const association = found.value;
  if (info.abort === true) {
    abortAssociation(core, association, String.fromCharCode(...payload.subarray(0, 200)));
    return answer(length);
  }
  if (association.shutdownWanted) return refuse("ESHUTDOWN");
  if (length > socket.parameters.sendBufferBytes) return refuse("EMSGSIZE");
  if (length > 0) {
    const taken = give(core, association, outgoing(payload, info), socket.parameters.sendBufferBytes);
    if (!taken.ok) return taken;
  }
  if (info.eof === true) {
    socket.writeClosed = socket.style === "one-to-one";
    shutdownAssociation(core, association);
  }
  return answer(length);
}

/** The association that is meant; one is set up where the user names a peer without one (section 7.5). */
function destination(
  core: StackCore,
  socket: Socket,
  payload: Uint8Array,
  info: SendInfo,
): Answer<SocketAssociation> {
  const { to } = info;
  if (socket.style === "one-to-one" || to === undefined) {
    const own = onlyAssociation(socket);
    if (own !== undefined) return answer(own);
    const gone = whyNone(socket);
    if (gone !== undefined || to === undefined) return gone ?? refuse("ENOTCONN");
  }
  if (typeof to === "number") {
    const named = socket.associations.get(to);
    return named === undefined ? refuse("EINVAL") : answer(named);
  }
  const existing = socket.port?.associationWith(to.addresses, to.port);
  if (existing !== undefined) return existing.socket === socket ? answer(existing) : refuse("EALREADY");
  // Section 3.1.4: nothing is set up in order to end it.
  if (info.abort === true || (info.eof === true && payload.length === 0)) return refuse("EINVAL");
  const started = connect(core, socket, to.addresses, to.port);
  if (!started.ok) return started;
  const made = socket.associations.get(started.value);
  return made === undefined ? refuse("ENOTCONN") : answer(made);
}

/** Why a one-to-one socket has no association; undefined: it never had one. */
function whyNone(socket: Socket): Refusal | undefined {
  const { error } = socket;
  if (error !== undefined) {
    socket.error = undefined;
    return refuse(error);
  }
  return socket.ended === undefined ? undefined : refuse("EPIPE");
}

const outgoing = (payload: Uint8Array, info: SendInfo): OutgoingMessage => ({
  streamId: info.streamId ?? 0,
  ppid: info.ppid ?? 0,
  unordered: info.unordered ?? false,
  payload,
  ...(info.immediate === undefined ? undefined : { immediate: info.immediate }),
  ...(info.reliability === undefined ? undefined : { reliability: info.reliability }),
  ...(info.context === undefined ? undefined : { context: info.context }),
});

/** Gives a message to the association, or keeps it until there is one: as much as the send buffer takes. */
function give(
  core: StackCore,
  association: SocketAssociation,
  message: OutgoingMessage,
  sendBufferBytes: number,
): Answer<undefined> {
  const { port, handle } = association;
  core.touched.add(port);
  if (association.unsent.length === 0 && port.endpoint.state(handle) !== undefined) {
    return sendNow(core, association, message);
  }
  if (message.streamId >= port.parameters.outboundStreams) return refuse("EINVAL");
  if (association.unsentBytes + message.payload.length > sendBufferBytes) return refuse("EAGAIN");
  association.unsent.push({ ...message, payload: message.payload.slice(), transferred: true });
  association.unsentBytes += message.payload.length;
  port.waiting.add(association);
  return answer(undefined);
}

function sendNow(
  core: StackCore,
  association: SocketAssociation,
  message: OutgoingMessage,
): Answer<undefined> {
  const said = association.port.endpoint.send(association.handle, message, core.nowMs);
  switch (said) {
    case "accepted":
      return answer(undefined);
    case "queue-full":
      return refuse("EAGAIN");
    case "no-such-stream":
      return refuse("EINVAL");
    case "bad-length":
      return refuse("EMSGSIZE");
    case "not-connected":
      return refuse("ESHUTDOWN");
    default:
      return unreachable(said);
  }
}

/** What waited for the association goes to it as soon as it can take messages; answers what it never can. */
export function sendWaiting(core: StackCore, association: SocketAssociation): readonly OutgoingMessage[] {
  const { endpoint } = association.port;
  if (endpoint.state(association.handle) === undefined) return [];
  const refused: OutgoingMessage[] = [];
  while (association.unsent.length > 0) {
    const [message] = association.unsent;
    if (message === undefined) break;
    const sent = sendNow(core, association, message);
    if (!sent.ok && sent.errno === "EAGAIN") return refused;
    if (!sent.ok) refused.push(message);
    association.unsent.shift();
    association.unsentBytes -= message.payload.length;
  }
  association.port.waiting.delete(association);
  return refused;
}
