import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnLess, tsnNext } from "../base/serial.ts";
import type { Parameter, ReConfigChunk } from "../wire/index.ts";
import { reasonText } from "./abort.ts";
import type { AssociationCore } from "./core.ts";
import { noEcn } from "./ecn-state.ts";
import { deliverWhatIsReady, resetInboundStreams, resetReceiving } from "./deliver.ts";
import type { Route } from "./outputs.ts";
import type { ReconfigurationAnswer } from "./reconfiguration-state.ts";
import { reconfigurationResult } from "./reconfiguration-state.ts";
import {
  changeReconfiguration,
  finishRequest,
  receiveReconfigurationAnswer,
  resumeStreams,
  wantReconfiguration,
} from "./reconfiguration.ts";

/** The side of RFC 6525 that is asked (section 5.2). */

type Request = Extract<
  Parameter,
  {
    type:
      | "OUTGOING_SSN_RESET_REQUEST"
      | "INCOMING_SSN_RESET_REQUEST"
      | "SSN_TSN_RESET_REQUEST"
      | "ADD_OUTGOING_STREAMS"
      | "ADD_INCOMING_STREAMS";
  }
>;

const maxStreams = 65_536;
/** Distance between old and new TSNs (section 5.2.4, G1). */
const farTsns = 0x8000_0000;

/** The combinations of section 3.1: one parameter, or two by the types of both. */
const allowedPairs: ReadonlySet<string> = new Set([
  "OUTGOING_SSN_RESET_REQUEST INCOMING_SSN_RESET_REQUEST",
  "INCOMING_SSN_RESET_REQUEST OUTGOING_SSN_RESET_REQUEST",
  "ADD_OUTGOING_STREAMS ADD_INCOMING_STREAMS",
  "ADD_INCOMING_STREAMS ADD_OUTGOING_STREAMS",
  "RECONFIGURATION_RESPONSE OUTGOING_SSN_RESET_REQUEST",
  "OUTGOING_SSN_RESET_REQUEST RECONFIGURATION_RESPONSE",
  "RECONFIGURATION_RESPONSE RECONFIGURATION_RESPONSE",
]);

/** Section 5.2.1; an answer goes back in one RE-CONFIG, with a SACK. */
export function receiveReconfiguration(core: AssociationCore, chunk: ReConfigChunk, route: Route): void {
  const { parameters } = chunk;
  const types = parameters.map((each) => each.type).join(" ");
  const known = parameters.every(isReconfiguration);
  if (!known || parameters.length === 0 || (parameters.length > 1 && !allowedPairs.has(types))) {
    const value = reasonText("RE-CONFIG holds parameters that do not go together");
    const cause = { type: "PROTOCOL_VIOLATION", code: 13, value } as const;
    core.answer({ chunk: { type: "ERROR", causes: [cause] }, route, reason: "error", dependsOn: 0 });
    return;
  }
  const answers: ReconfigurationAnswer[] = [];
  for (const parameter of parameters) {
    if (parameter.type === "RECONFIGURATION_RESPONSE") receiveReconfigurationAnswer(core, parameter);
    else if (isRequest(parameter)) {
      const answer = answerRequest(core, parameter);
      if (answer !== undefined) answers.push(answer);
    }
  }
  if (parameters.some(isRequest)) core.sack.makeDue();
  sendAnswers(core, answers, route);
}

const isRequest = (parameter: Parameter): parameter is Request =>
  isReconfiguration(parameter) && parameter.type !== "RECONFIGURATION_RESPONSE";

const isReconfiguration = ({ type }: Parameter): boolean =>
  type === "OUTGOING_SSN_RESET_REQUEST" ||
  type === "INCOMING_SSN_RESET_REQUEST" ||
  type === "SSN_TSN_RESET_REQUEST" ||
  type === "ADD_OUTGOING_STREAMS" ||
  type === "ADD_INCOMING_STREAMS" ||
  type === "RECONFIGURATION_RESPONSE";

function sendAnswers(core: AssociationCore, answers: readonly ReconfigurationAnswer[], route: Route): void {
  if (answers.length === 0) return;
  const parameters = answers.map((answer) => ({ type: "RECONFIGURATION_RESPONSE", ...answer }) as const);
  const dependsOn = core.state.sequence;
  core.answer({ chunk: { type: "RE_CONFIG", parameters }, route, reason: "reconfiguration", dependsOn });
}

/** Undefined where a request of ours is the answer. */
function answerRequest(core: AssociationCore, request: Request): ReconfigurationAnswer | undefined {
  const { peerNextRequest, answered } = core.state.reconfiguration;
  const { requestSequence } = request;
  const before = answered.find((each) => each.responseSequence === requestSequence);
  if (before !== undefined && before.result !== reconfigurationResult.inProgress) return before;
  if (before === undefined && requestSequence !== peerNextRequest) {
    // A request of ours that answers a repeated one is repeated by its own timer.
    if (requestSequence === (peerNextRequest - 1) >>> 0) return undefined;
    return { responseSequence: requestSequence, result: reconfigurationResult.badSequenceNumber };
  }
  const answer = perform(core, request);
  changeReconfiguration(core, {
    peerNextRequest: before === undefined ? (peerNextRequest + 1) >>> 0 : peerNextRequest,
    answered:
      answer === undefined ? answered : [...answered.filter((each) => each !== before).slice(-1), answer],
  });
  return answer;
}

function perform(core: AssociationCore, request: Request): ReconfigurationAnswer | undefined {
  const { acceptsStreamReset, acceptsAssociationReset, acceptsStreamChange } = core.parameters;
  const answer = (result: number): ReconfigurationAnswer => ({
    responseSequence: request.requestSequence,
    result,
  });
  const denied = answer(reconfigurationResult.denied);
  switch (request.type) {
    case "OUTGOING_SSN_RESET_REQUEST":
      acknowledgedByRequest(core, request.responseSequence);
      return acceptsStreamReset ? answer(resetIncoming(core, request)) : denied;
    case "INCOMING_SSN_RESET_REQUEST":
      return acceptsStreamReset ? resetOutgoing(core, request.streams, request.requestSequence) : denied;
    case "SSN_TSN_RESET_REQUEST":
      return acceptsAssociationReset ? resetAll(core, request.requestSequence) : denied;
    case "ADD_OUTGOING_STREAMS":
      return acceptsStreamChange ? answer(addInbound(core, request.newStreams)) : denied;
    case "ADD_INCOMING_STREAMS":
      return acceptsStreamChange ? answer(addOutbound(core, request.newStreams)) : denied;
  }
}

/** E1: an outgoing request of the peer can be its answer to our incoming one. */
function acknowledgedByRequest(core: AssociationCore, responseSequence: number): void {
  const { inFlight } = core.state.reconfiguration;
  if (inFlight?.sequence !== responseSequence || inFlight.request.kind !== "incoming-reset") return;
  finishRequest(core, inFlight.request, { responseSequence, result: reconfigurationResult.performed });
}

/** Section 5.2.2, E2 to E5: at once, or when everything before it has come. */
function resetIncoming(
  core: AssociationCore,
  request: Extract<Request, { type: "OUTGOING_SSN_RESET_REQUEST" }>,
): number {
  const { streams, lastTsn, requestSequence } = request;
  const { inboundStreams } = core.state.agreement;
  if (streams.some((streamId) => streamId >= inboundStreams)) return reconfigurationResult.wrongSsn;
  if (tsnLess(core.state.receive.cumulativeTsn, lastTsn) || holdsOrdered(core, streams)) {
    if (core.state.reconfiguration.deferred?.sequence !== requestSequence) {
      changeReconfiguration(core, { deferred: { sequence: requestSequence, lastTsn, streams } });
    }
    return reconfigurationResult.inProgress;
  }
  resetInbound(core, streams);
  return reconfigurationResult.performed;
}

/** A message of these streams has come that a partial delivery keeps back: it has to go to the user under its old number. */
function holdsOrdered(core: AssociationCore, streams: readonly number[]): boolean {
  for (const { unordered, streamId } of core.state.receive.buffered.values()) {
    if (!unordered && (streams.length === 0 || streams.includes(streamId))) return true;
  }
  return false;
}

function resetInbound(core: AssociationCore, streams: readonly number[]): void {
  resetInboundStreams(core, streams);
  core.notify({ type: "stream-reset", direction: "incoming", streams, outcome: "performed" });
  deliverWhatIsReady(core);
}

/** Call when the cumulative TSN may have moved: a deferred reset is done, and the peer is told at once. */
export function finishDeferredReset(core: AssociationCore, route: Route): void {
  const { deferred, answered } = core.state.reconfiguration;
  if (deferred === undefined || tsnLess(core.state.receive.cumulativeTsn, deferred.lastTsn)) return;
  if (holdsOrdered(core, deferred.streams)) return;
  const answer = { responseSequence: deferred.sequence, result: reconfigurationResult.performed };
  resetInbound(core, deferred.streams);
  changeReconfiguration(core, {
    deferred: undefined,
    answered: [...answered.filter((each) => each.responseSequence !== deferred.sequence).slice(-1), answer],
  });
  sendAnswers(core, [answer], route);
}

/** Section 5.2.3: our own outgoing request is the answer, unless there is nothing to do. */
function resetOutgoing(
  core: AssociationCore,
  streams: readonly number[],
  requestSequence: number,
): ReconfigurationAnswer | undefined {
  const { agreement, send, reconfiguration } = core.state;
  const answer = (result: number): ReconfigurationAnswer => ({ responseSequence: requestSequence, result });
  if (streams.some((streamId) => streamId >= agreement.outboundStreams)) {
    return answer(reconfigurationResult.wrongSsn);
  }
  const request = reconfiguration.inFlight?.request;
  const covers = (own: readonly number[]): boolean =>
    own.length === 0 || (streams.length > 0 && streams.every((streamId) => own.includes(streamId)));
  if (request?.kind === "outgoing-reset" && covers(request.streams)) {
    return answer(reconfigurationResult.nothingToDo);
  }
  const touched = streams.length === 0 ? [...send.streams.keys()] : streams;
  const fresh = touched.every((streamId) => {
    const stream = send.streams.get(streamId);
    return stream === undefined || (stream.nextSsn === 0 && stream.nextUnorderedMid === 0);
  });
  if (fresh) return answer(reconfigurationResult.nothingToDo);
  // Both ask at once: our own request waits for one of the peer, which may have but one in flight, and so waits too.
  if (request?.kind === "incoming-reset") return answer(reconfigurationResult.alreadyInProgress);
  wantReconfiguration(core, { kind: "outgoing-reset", streams, answers: requestSequence });
  return undefined;
}

/** Section 5.2.4. What the peer may not have got yet is not given up for it: the peer asks again meanwhile. */
function resetAll(core: AssociationCore, requestSequence: number): ReconfigurationAnswer {
  const { send, receive, reconfiguration } = core.state;
  // Both ask at once: neither knows from which of its TSNs the other goes on, so both have to ask again.
  if (reconfiguration.inFlight?.request.kind === "ssn-tsn-reset")
    return { responseSequence: requestSequence, result: reconfigurationResult.alreadyInProgress };
  if (send.outstanding.length > 0 || core.scheduler.isFinishing(send, [])) {
    core.scheduler.pauseAll(send.nextOrder);
    // The peer asks again within its RTO, unless it is gone: only data shows that, where no heartbeats are sent.
    core.deadlines.set("peer-reset", core.nowMs + 2 * core.parameters.rtoMaxMs);
    return { responseSequence: requestSequence, result: reconfigurationResult.inProgress };
  }
  const receiver = tsnAdd(tsnNext(receive.cumulativeTsn), farTsns);
  const sender: Tsn = send.nextTsn;
  resetReceiving(core, tsnAdd(receiver, -1));
  core.change({ kind: "outboundTsnReset", nextTsn: sender });
  core.ecn = noEcn;
  resumeStreams(core);
  core.notify({ type: "association-reset", localTsn: sender, remoteTsn: receiver, outcome: "performed" });
  return {
    responseSequence: requestSequence,
    result: reconfigurationResult.performed,
    nextTsns: { sender, receiver },
  };
}

/** Section 5.2.5: the peer sends on more streams. */
function addInbound(core: AssociationCore, count: number): number {
  const { inboundStreams, outboundStreams } = core.state.agreement;
  const inbound = inboundStreams + count;
  if (count === 0 || inbound > Math.min(maxStreams, core.parameters.maxInboundStreams)) {
    return reconfigurationResult.denied;
  }
  core.change({ kind: "streamCountsChanged", inbound, outbound: outboundStreams });
  core.notify({ type: "stream-change", inboundStreams: inbound, outboundStreams, outcome: "performed" });
  return reconfigurationResult.performed;
}

/** Section 5.2.6: the peer wants us to send on more streams, so we ask for them. */
function addOutbound(core: AssociationCore, count: number): number {
  const { outboundStreams } = core.state.agreement;
  const { maxOutboundStreams } = core.parameters;
  if (count === 0 || outboundStreams + count > Math.min(maxStreams, maxOutboundStreams)) {
    return reconfigurationResult.denied;
  }
  if (core.state.reconfiguration.wanted.length > 0) return reconfigurationResult.alreadyInProgress;
  wantReconfiguration(core, { kind: "add-outgoing", count });
  return reconfigurationResult.performed;
}
