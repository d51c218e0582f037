import type { OutgoingMessage } from "../association/outgoing-message.ts";
import type { Delivery, EndpointOutputs, Notification } from "../association/outputs.ts";
import type { StackCore } from "./core.ts";
import { abortAssociation, endAssociation, release, shutdownAssociation } from "./ending.ts";
import type { Errno } from "./errno.ts";
import type { EventName, SocketNotification } from "./messages.ts";
import { sendWaiting } from "./send.ts";
import { welcome } from "./set-up.ts";
import type { Port, SocketAssociation } from "./socket.ts";

type AssociationChange = Extract<Notification, { type: "association-change" }>;
type Notified = EndpointOutputs["notifications"][number];

/** Brings what the endpoints have done to the sockets, until nothing is left to be done. */
export function settle(core: StackCore): void {
  for (const port of core.touched) {
    let busy = true;
    while (busy) {
      for (const association of port.waiting) flushWaiting(core, association);
      const outputs = port.endpoint.takeOutputs();
      for (const packet of outputs.packets) core.packets.push(packet);
      busy = outputs.deliveries.length + outputs.notifications.length > 0;
      if (busy) carryOut(core, port, outputs);
    }
    core.touched.delete(port);
    core.unheard.delete(port);
  }
}

/** An association begins before its data and ends after it, whatever came in one packet. */
function carryOut(core: StackCore, port: Port, outputs: EndpointOutputs): void {
  const isBeginning = ({ notification }: Notified): boolean =>
    notification.type === "association-change" &&
    (notification.state === "comm-up" || notification.state === "restart");
  const replaced: number[] = [];
  for (const { association: handle, notification } of outputs.notifications.filter(isBeginning)) {
    if (notification.type !== "association-change") continue;
    if (notification.state === "comm-up") commUp(core, port, handle, notification);
    else if (restarted(port, handle, notification)) replaced.push(handle);
  }
  for (const delivery of outputs.deliveries) deliver(core, port, delivery);
  for (const handle of replaced) port.associations.delete(handle);
  for (const notified of outputs.notifications) {
    if (isBeginning(notified)) continue;
    const association = port.associations.get(notified.association);
    if (association !== undefined) hear(core, association, notified.notification);
  }
}

/** The association goes on under its id; answers whether the endpoint names it otherwise from now on. */
function restarted(port: Port, handle: number, notification: AssociationChange): boolean {
  const association = port.associations.get(handle);
  if (association === undefined) return false;
  if (association.phase === "up") tell(association, notification);
  const { successor = handle } = notification;
  if (successor === handle) return false;
  association.handle = successor;
  port.associations.set(successor, association);
  return true;
}

function commUp(core: StackCore, port: Port, handle: number, notification: AssociationChange): void {
  let association = port.associations.get(handle);
  if (association === undefined && port.owner !== undefined && port.endpoint.listening) {
    association = welcome(core, port.owner, handle);
  }
  if (association === undefined) {
    // The listener went away, or its queue filled, between INIT ACK and COOKIE ECHO.
    port.endpoint.abort(handle, "nobody listens any more", core.nowMs);
    return;
  }
  if (association.phase !== "setting-up") return;
  association.phase = "up";
  tell(association, notification);
  flushWaiting(core, association);
  if (association.shutdownWanted) shutdownAssociation(core, association);
}

function flushWaiting(core: StackCore, association: SocketAssociation): void {
  tellUnsent(association, sendWaiting(core, association));
  const isSent = association.unsent.length === 0;
  if (isSent && association.shutdownWanted) shutdownAssociation(core, association);
}

function tellUnsent(association: SocketAssociation, messages: readonly OutgoingMessage[]): void {
  for (const { streamId, ppid, context = 0, payload } of messages) {
    const reason = "association-lost" as const;
    tell(association, { type: "send-failed", streamId, ppid, context, payload, sent: false, reason });
  }
}

function deliver(core: StackCore, port: Port, delivery: Delivery): void {
  const association = port.associations.get(delivery.association);
  if (association === undefined || association.phase === "ended") return;
  const { socket } = association;
  if (socket === undefined) {
    // Nobody can read it, and a SACK has said or would say that somebody will.
    abortAssociation(core, association, "the user has closed the socket");
  } else if (socket.readClosed) release(core, association, delivery.payload.length);
  else socket.queue.push(association.id, delivery);
}

function hear(core: StackCore, association: SocketAssociation, notification: Notification): void {
  if (notification.type === "send-possible") return;
  if (notification.type === "shutdown-event") association.peerFinished = true;
  tell(association, notification);
  if (notification.type !== "association-change") return;
  const how = endOf(association, notification);
  if (how === undefined) return;
  tellUnsent(association, association.unsent.splice(0));
  endAssociation(core, association, how);
}

/** RFC 6458 and POSIX have no list of which errno means what here; this is what implementations agree on. */
function endOf(
  association: SocketAssociation,
  { state, cause }: AssociationChange,
): Errno | "in-order" | undefined {
  if (state === "shutdown-complete") return "in-order";
  if (state !== "comm-lost" && state !== "cant-start") return undefined;
  if (cause === "timeout") return "ETIMEDOUT";
  if (cause === "aborted-by-us") return "ECONNABORTED";
  return association.phase === "setting-up" ? "ECONNREFUSED" : "ECONNRESET";
}

/** Queues a notification where the user has asked for its kind. */
function tell(association: SocketAssociation, notification: SocketNotification & { type: EventName }): void {
  const { socket } = association;
  if (socket?.events.has(notification.type) !== true) return;
  socket.queue.pushNotification(association.id, notification);
}
