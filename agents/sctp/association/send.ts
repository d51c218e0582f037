import type { MessageTerms, Reliability } from "../tx/send-state.ts";
import { plainTerms } from "../tx/send-state.ts";
import type { AssociationCore } from "./core.ts";
import type { OutgoingMessage, SendAnswer } from "./outgoing-message.ts";
import { makeRoom } from "./partial-reliability.ts";

/** Takes a message over for sending; on `queue-full` try again after `send-possible`. */
export function sendMessage(core: AssociationCore, message: OutgoingMessage, nowMs: number): SendAnswer {
  const { phase, send, agreement } = core.state;
  core.nowMs = nowMs;
  if (phase !== "established" && phase !== "cookie-echoed") return "not-connected";
  const { streamId, ppid, unordered, immediate = false, reliability } = message;
  if (streamId < 0 || streamId >= agreement.outboundStreams) return "no-such-stream";
  const length = message.payload.length;
  if (length === 0 || length > core.parameters.maxMessageBytes) return "bad-length";
  if (send.queuedBytes + send.outstandingBytes + length > core.parameters.sendBufferBytes) {
    const priority = reliability === undefined ? mostUrgent : priorityOf(reliability);
    const roomMade = priority !== undefined && makeRoom(core, priority, length);
    core.sendBlocked = !roomMade;
    if (!roomMade) return "queue-full";
  }
  const payload = message.transferred === true ? message.payload : message.payload.slice();
  const terms = termsOf(message, nowMs);
  const wasEmpty = (send.streams.get(streamId)?.queue.length ?? 0) === 0;
  core.queueMessage(streamId, ppid, unordered, immediate, payload, terms);
  core.scheduler.queued(streamId, wasEmpty);
  core.grantBurst();
  return "accepted";
}

/** RFC 7496 section 3.2: what is sent reliably goes before all that has a priority. */
const mostUrgent = -1;

const priorityOf = (reliability: Reliability): number | undefined =>
  reliability.policy === "priority" ? reliability.priority : undefined;

/** The shortest life: what can leave at the instant at which it was given leaves once. */
const shortestLifetimeMs = 1;

function termsOf(message: OutgoingMessage, nowMs: number): MessageTerms {
  const { reliability, context } = message;
  if (reliability === undefined && context === undefined) return plainTerms;
  return {
    ...(reliability === undefined ? undefined : { reliability }),
    ...(reliability?.policy === "timed"
      ? { expiresAtMs: nowMs + Math.max(reliability.lifetimeMs, shortestLifetimeMs) }
      : undefined),
    ...(context === undefined ? undefined : { context }),
  };
}
