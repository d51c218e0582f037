import { queuedMessages } from "../tx/send-state.ts";
import type { OutgoingMessage } from "./outgoing-message.ts";
import type { AssociationCore } from "./core.ts";

/**
 * Ends an association whose tag another one takes over, without a word to peer or user; answers the
 * messages of which nothing was sent yet. (RFC 9260 sections 5.2.4, action B, and 5.2.6.)
 */
export function withdraw(core: AssociationCore, nowMs: number): readonly OutgoingMessage[] {
  const messages = [...queuedMessages(core.state.send)];
  if (core.state.phase !== "closed") core.enterPhase("closed");
  core.deadlines.clearAll();
  core.control.length = 0;
  return messages.map(({ streamId, ppid, unordered, immediate, payload, terms }) => {
    const { reliability, expiresAtMs, context } = terms;
    const left = expiresAtMs === undefined ? undefined : Math.max(0, expiresAtMs - nowMs);
    return {
      streamId,
      ppid,
      unordered,
      immediate,
      payload,
      transferred: true,
      ...(context === undefined ? undefined : { context }),
      ...(left === undefined
        ? reliability && { reliability }
        : { reliability: { policy: "timed", lifetimeMs: left } as const }),
    };
  });
}
