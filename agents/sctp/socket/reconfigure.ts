import { unreachable } from "../base/assert.ts";
import type { StackCore } from "./core.ts";
import type { Answer } from "./errno.ts";
import { done, refuse } from "./errno.ts";
import type { AssociationId } from "./messages.ts";
import type { Socket } from "./socket.ts";
import { onlyAssociation } from "./socket.ts";

/**
 * SCTP_RESET_STREAMS, SCTP_RESET_ASSOC and SCTP_ADD_STREAMS (RFC 6525 sections 6.3.2 to 6.3.4). A reset without
 * streams is one of all streams. What came of it is told by `stream-reset`, `association-reset`, `stream-change`.
 */
export type StreamReconfiguration =
  | { readonly kind: "outgoing-reset" | "incoming-reset"; readonly streams: readonly number[] }
  | { readonly kind: "ssn-tsn-reset" }
  | { readonly kind: "add-outgoing" | "add-incoming"; readonly count: number };

/** `EOPNOTSUPP`: the peer does not have RFC 6525; `EALREADY`: too many requests wait for their answers. */
export function reconfigure(
  core: StackCore,
  socket: Socket,
  wanted: StreamReconfiguration,
  id: AssociationId | undefined,
): Answer<undefined> {
  const association = id === undefined ? onlyAssociation(socket) : socket.associations.get(id);
  if (association === undefined) return refuse("ENOTCONN");
  const { port, handle } = association;
  const reply = port.endpoint.reconfigure(handle, wanted, core.nowMs);
  core.touched.add(port);
  switch (reply) {
    case "accepted":
      return done;
    case "not-supported":
      return refuse("EOPNOTSUPP");
    case "no-such-stream":
      return refuse("EINVAL");
    case "not-connected":
      return refuse("ENOTCONN");
    case "busy":
      return refuse("EALREADY");
    default:
      return unreachable(reply);
  }
}
