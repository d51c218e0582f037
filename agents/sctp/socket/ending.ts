import type { StackCore } from "./core.ts";
import type { Answer, Errno } from "./errno.ts";
import { done, refuse } from "./errno.ts";
import type { Socket, SocketAssociation } from "./socket.ts";
import { onlyAssociation } from "./socket.ts";

/** SHUT_RD, SHUT_WR and SHUT_RDWR (RFC 6458 section 4.1.7). */
export type ShutdownHow = "read" | "write" | "both";

/** Ends in order once everything that was given for sending is acknowledged, or set up and then so. */
export function shutdownAssociation(core: StackCore, association: SocketAssociation): void {
  association.shutdownWanted = true;
  if (association.phase !== "up" || association.unsent.length > 0) return;
  association.port.endpoint.shutdown(association.handle, core.nowMs);
  core.touched.add(association.port);
}

/** Ends at once. In COOKIE-WAIT the peer's tag is not known, so that nothing can be said to it. */
export function abortAssociation(core: StackCore, association: SocketAssociation, reason: string): void {
  association.port.endpoint.abort(association.handle, reason, core.nowMs);
  core.touched.add(association.port);
  core.unheard.add(association.port);
  const known = association.port.endpoint.state(association.handle) !== undefined;
  if (association.phase === "setting-up" && !known) endAssociation(core, association, "ECONNABORTED");
}

/** An association is over; its one-to-one socket remembers how. */
export function endAssociation(
  core: StackCore,
  association: SocketAssociation,
  how: Errno | "in-order",
): void {
  const { port, socket, id } = association;
  association.phase = "ended";
  port.waiting.delete(association);
  if (port.associations.get(association.handle) === association) port.associations.delete(association.handle);
  core.releaseUnused(port);
  if (socket === undefined) return;
  socket.associations.delete(id);
  if (socket.style === "one-to-many") return;
  socket.ended = how;
  if (how !== "in-order") socket.error = how;
}

export function shutdown(core: StackCore, socket: Socket, how: ShutdownHow): Answer<undefined> {
  if (socket.style === "one-to-many") return refuse("EOPNOTSUPP");
  const association = onlyAssociation(socket);
  if (association === undefined && socket.ended === undefined) return refuse("ENOTCONN");
  if (how !== "write") {
    socket.readClosed = true;
    forgetUnread(core, socket);
  }
  if (how === "read") return done;
  socket.writeClosed = true;
  if (association !== undefined) shutdownAssociation(core, association);
  return done;
}

/** What nobody will read no longer takes room in the receive window. */
function forgetUnread(core: StackCore, socket: Socket): void {
  for (const association of socket.associations.values()) {
    release(core, association, socket.queue.unreadBytes(association.id));
  }
  socket.queue.clear();
}

/** The user has taken bytes of an association: its receive window opens again. */
export function release(core: StackCore, association: SocketAssociation, bytes: number): void {
  if (bytes === 0 || association.phase === "ended") return;
  association.port.endpoint.consumed(association.handle, bytes, core.nowMs);
  core.touched.add(association.port);
}

/**
 * RFC 6458 sections 3.1.5 and 4.1.6: associations go on without the socket and end in order. Where data
 * was acknowledged that the user has not read, the peer must not take the end for a good one: ABORT.
 */
export function leaveAssociation(core: StackCore, socket: Socket, association: SocketAssociation): void {
  association.socket = undefined;
  const state = association.port.endpoint.state(association.handle);
  if (association.phase === "setting-up") {
    if (state === undefined && association.unsent.length === 0) {
      abortAssociation(core, association, "the user has closed the socket");
    } else shutdownAssociation(core, association);
    return;
  }
  const unread = socket.queue.unreadBytes(association.id) > 0 || (state?.receive.bufferedBytes ?? 0) > 0;
  if (unread) abortAssociation(core, association, "the user has closed the socket and left data unread");
  else shutdownAssociation(core, association);
}
