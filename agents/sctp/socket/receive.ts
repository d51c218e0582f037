import type { StackCore } from "./core.ts";
import { release } from "./ending.ts";
import type { Answer } from "./errno.ts";
import { answer, refuse } from "./errno.ts";
import type { Received } from "./messages.ts";
import type { Socket, SocketAssociation } from "./socket.ts";
import { onlyAssociation } from "./socket.ts";

/**
 * The next message, up to `maxBytes` of it, or the next notification (RFC 6458 sections 3.1.4 and 9.13,
 * `sctp_recvv`). What was received is read first, then the end: its error once more and ever again.
 */
export function receive(core: StackCore, socket: Socket, maxBytes: number): Answer<Received> {
  if (!Number.isInteger(maxBytes) || maxBytes < 1) return refuse("EINVAL");
  const taken = socket.queue.take(maxBytes, socket.context);
  if (taken !== undefined) {
    const association = socket.associations.get(taken.association);
    if (taken.kind === "data" && association !== undefined) release(core, association, taken.bytes.length);
    return answer(taken);
  }
  if (socket.readClosed) return answer({ kind: "end" });
  if (socket.style === "one-to-many") return refuse("EAGAIN");
  const association = onlyAssociation(socket);
  if (association !== undefined) return hasEnded(association) ? answer({ kind: "end" }) : refuse("EAGAIN");
  const { error, ended } = socket;
  socket.error = undefined;
  if (error !== undefined) return refuse(error);
  if (ended === undefined) return refuse("ENOTCONN");
  return ended === "in-order" ? answer({ kind: "end" }) : refuse(ended);
}

/** The peer sends SHUTDOWN after everything it had was acknowledged: nothing can follow. */
const hasEnded = ({ peerFinished, port, handle }: SocketAssociation): boolean =>
  peerFinished && (port.endpoint.state(handle)?.receive.bufferedBytes ?? 0) === 0;
