import { unreachable } from "../base/assert.ts";
import type { Tsn } from "../base/serial.ts";
import { tsnAdd, tsnLess } from "../base/serial.ts";
import { pathForNewData } from "../path/path.ts";
import type { Parameter } from "../wire/index.ts";
import type { AssociationCore } from "./core.ts";
import { deliverWhatIsReady, resetReceiving, resetStreamsFrom } from "./deliver.ts";
import { hasNothingToRepeat } from "../tx/send-state.ts";
import { noEcn } from "./ecn-state.ts";
import { skipFrom } from "./on-forward-tsn.ts";
import type {
  ReconfigurationAnswer,
  ReconfigurationRequest,
  ReconfigurationState,
  WantedReconfiguration,
} from "./reconfiguration-state.ts";
import { reconfigurationResult } from "./reconfiguration-state.ts";
import { dropBefore, resynchronise } from "./resynchronise.ts";
import { maySendData } from "./data-phases.ts";
import { countPathError } from "./time-outs.ts";

/** The side of RFC 6525 that asks: requests, their timer, and what is done when they are answered. */

export type ReconfigurationReply = "accepted" | "not-supported" | "no-such-stream" | "not-connected" | "busy";

/** Requests that may wait for those before them. */
const maxWanted = 8;
const maxStreams = 65_536;

export function changeReconfiguration(core: AssociationCore, change: Partial<ReconfigurationState>): void {
  const reconfiguration = { ...core.state.reconfiguration, ...change };
  core.change({ kind: "reconfigurationChanged", reconfiguration });
}

/** Takes a request of the user; it is sent as soon as those before it are answered. */
export function requestReconfiguration(
  core: AssociationCore,
  wanted: WantedReconfiguration,
): ReconfigurationReply {
  const { agreement, phase, reconfiguration } = core.state;
  if (phase !== "established") return "not-connected";
  if (!agreement.extensions.streamReconfiguration) return "not-supported";
  if (!isPossible(core, wanted)) return "no-such-stream";
  if (reconfiguration.wanted.length >= maxWanted) return "busy";
  wantReconfiguration(core, wanted);
  return "accepted";
}

function isPossible(core: AssociationCore, wanted: WantedReconfiguration): boolean {
  const { inboundStreams, outboundStreams } = core.state.agreement;
  switch (wanted.kind) {
    case "outgoing-reset":
      return wanted.streams.every((streamId) => streamId >= 0 && streamId < outboundStreams);
    case "incoming-reset":
      return wanted.streams.every((streamId) => streamId >= 0 && streamId < inboundStreams);
    case "ssn-tsn-reset":
      return true;
    case "add-outgoing":
      return wanted.count > 0 && outboundStreams + wanted.count <= maxStreams;
    case "add-incoming":
      return wanted.count > 0 && inboundStreams + wanted.count <= maxStreams;
    default:
      return unreachable(wanted);
  }
}

export function wantReconfiguration(core: AssociationCore, wanted: WantedReconfiguration): void {
  const { inFlight, wanted: before } = core.state.reconfiguration;
  changeReconfiguration(core, { wanted: [...before, wanted] });
  // Those before it come first; it has its turn when they are answered.
  if (inFlight === undefined && before.length === 0) pauseFor(core, wanted);
}

/**
 * What the user gives from then on waits in the streams that a reset concerns (section 5.1.2, A1, and 5.1.4,
 * C2); what was given before is sent first.
 */
function pauseFor(
  core: AssociationCore,
  wanted: WantedReconfiguration | ReconfigurationRequest | undefined,
  fromOrder: number = core.state.send.nextOrder,
): void {
  if (wanted?.kind === "outgoing-reset" && wanted.streams.length > 0) {
    core.scheduler.pause(wanted.streams, fromOrder);
  } else if (wanted?.kind === "outgoing-reset" || wanted?.kind === "ssn-tsn-reset") {
    core.scheduler.pauseAll(fromOrder);
  }
}

/** Nothing that waits is sent before all numbers were reset. */
export function pauseForReset(core: AssociationCore): void {
  core.scheduler.pauseAll(0);
}

/** Goes on with what another instance had asked. */
export function resumeReconfiguration(core: AssociationCore): void {
  resumeStreams(core);
  const { inFlight } = core.state.reconfiguration;
  if (inFlight === undefined) return;
  core.requestDue = true;
  if (inFlight.request.kind === "ssn-tsn-reset") core.deliveredMeanwhile = new Map();
}

/** Sends the next request where nothing stands in its way, or the one in flight again. */
export function sendReconfiguration(core: AssociationCore): void {
  const { reconfiguration, phase } = core.state;
  // Data may wait for the answer, and has to be sent before the association ends.
  if (!maySendData(phase)) return;
  const [wanted] = reconfiguration.wanted;
  if (reconfiguration.inFlight === undefined && wanted !== undefined && isReady(core, wanted)) {
    begin(core, wanted);
    core.requestDue = true;
  }
  const { inFlight } = core.state.reconfiguration;
  if (!core.requestDue || inFlight === undefined) return;
  core.requestDue = false;
  const path = pathForNewData(core.allPaths, core.primaryPath);
  core.requestPath = path.address;
  core.control.push({
    chunk: { type: "RE_CONFIG", parameters: [requestParameter(inFlight.sequence, inFlight.request)] },
    route: core.routeTo(path),
    reason: "reconfiguration",
    dependsOn: core.state.sequence,
  });
  core.deadlines.set("reconfiguration", core.nowMs + path.rto.rtoMs);
}

/** What is begun in the streams has to be numbered first; SSN/TSN reset wants nothing outstanding (C2). */
function isReady(core: AssociationCore, wanted: WantedReconfiguration): boolean {
  const { send } = core.state;
  if (wanted.kind === "ssn-tsn-reset") return isSettled(core) && !core.scheduler.isFinishing(send, []);
  return wanted.kind !== "outgoing-reset" || !core.scheduler.isFinishing(send, wanted.streams);
}

/** Without FORWARD TSN what was given up stays outstanding for ever: only a takeover leaves that. */
const isSettled = ({ state: { send, agreement } }: AssociationCore): boolean =>
  send.outstanding.length === 0 || (!agreement.extensions.partialReliability && hasNothingToRepeat(send));

function begin(core: AssociationCore, wanted: WantedReconfiguration): void {
  const { nextRequest, peerNextRequest, wanted: all } = core.state.reconfiguration;
  const request: ReconfigurationRequest =
    wanted.kind === "outgoing-reset"
      ? {
          kind: "outgoing-reset",
          streams: wanted.streams,
          responseSequence: wanted.answers ?? (peerNextRequest - 1) >>> 0,
          lastTsn: tsnAdd(core.state.send.nextTsn, -1),
        }
      : wanted;
  if (wanted.kind === "ssn-tsn-reset") core.deliveredMeanwhile = new Map();
  changeReconfiguration(core, {
    wanted: all.slice(1),
    inFlight: { sequence: nextRequest, request },
    nextRequest: (nextRequest + 1) >>> 0,
  });
}

function requestParameter(requestSequence: number, request: ReconfigurationRequest): Parameter {
  switch (request.kind) {
    case "outgoing-reset": {
      const { streams, lastTsn, responseSequence } = request;
      return { type: "OUTGOING_SSN_RESET_REQUEST", requestSequence, responseSequence, lastTsn, streams };
    }
    case "incoming-reset":
      return { type: "INCOMING_SSN_RESET_REQUEST", requestSequence, streams: request.streams };
    case "ssn-tsn-reset":
      return { type: "SSN_TSN_RESET_REQUEST", requestSequence };
    case "add-outgoing":
      return { type: "ADD_OUTGOING_STREAMS", requestSequence, newStreams: request.count };
    case "add-incoming":
      return { type: "ADD_INCOMING_STREAMS", requestSequence, newStreams: request.count };
    default:
      return unreachable(request);
  }
}

/** The timer of the request: once more, with an error counted unless the peer says that it is at work (H2). */
export function reconfigurationTimedOut(core: AssociationCore, nowMs: number): void {
  if (core.state.reconfiguration.inFlight === undefined) return;
  if (core.requestInProgress) core.requestInProgress = false;
  else countPathError(core, core.paths.get(core.requestPath ?? "") ?? core.primaryPath, nowMs);
  core.requestDue = true;
}

/** An answer of the peer (section 5.2.7). */
export function receiveReconfigurationAnswer(core: AssociationCore, answer: ReconfigurationAnswer): void {
  const { inFlight } = core.state.reconfiguration;
  if (inFlight === undefined || inFlight.sequence !== answer.responseSequence) return;
  if (answer.result === reconfigurationResult.inProgress) {
    core.requestInProgress = true;
    const path = core.paths.get(core.requestPath ?? "") ?? core.primaryPath;
    core.deadlines.set("reconfiguration", core.nowMs + path.rto.rtoMs);
    return;
  }
  finishRequest(core, inFlight.request, answer);
}

/** The request is over: what it asked for is done where the peer agreed, and the streams go on. */
export function finishRequest(
  core: AssociationCore,
  request: ReconfigurationRequest,
  answer: ReconfigurationAnswer,
): void {
  const { nothingToDo, performed } = reconfigurationResult;
  const done = answer.result === performed || answer.result === nothingToDo;
  core.deadlines.clear("reconfiguration");
  core.requestInProgress = false;
  changeReconfiguration(core, { inFlight: undefined });
  if (answer.result === performed) perform(core, request, answer);
  const held = core.deliveredMeanwhile !== undefined;
  core.deliveredMeanwhile = undefined;
  core.skippedMeanwhile.clear();
  if (held) deliverWhatIsReady(core);
  tell(
    core,
    request,
    done ? "performed" : answer.result === reconfigurationResult.denied ? "denied" : "failed",
  );
  resumeStreams(core);
}

/** Streams go on, but for those that another request of ours concerns. */
export function resumeStreams(core: AssociationCore): void {
  const { inFlight, wanted } = core.state.reconfiguration;
  core.scheduler.resumeAll();
  core.deadlines.clear("peer-reset");
  // What was given before the one in flight is sent already.
  if (inFlight !== undefined) pauseFor(core, inFlight.request, 0);
  else pauseFor(core, wanted[0]);
  core.ensureBurst();
}

function perform(
  core: AssociationCore,
  request: ReconfigurationRequest,
  answer: ReconfigurationAnswer,
): void {
  switch (request.kind) {
    case "outgoing-reset":
      core.change({ kind: "outboundStreamsReset", streamIds: request.streams });
      return;
    case "ssn-tsn-reset": {
      const { nextTsns } = answer;
      if (nextTsns === undefined) return;
      core.change({ kind: "outboundTsnReset", nextTsn: nextTsns.receiver });
      while (core.flight.size > 0) core.flight.shift();
      resetReceivingFrom(core, nextTsns.sender);
      core.ecn = noEcn;
      return;
    }
    case "add-outgoing": {
      const { inboundStreams, outboundStreams } = core.state.agreement;
      const outbound = outboundStreams + request.count;
      core.change({ kind: "streamCountsChanged", inbound: inboundStreams, outbound });
      return;
    }
    case "incoming-reset":
    case "add-incoming":
      // The peer does its part by a request of its own.
      return;
    default:
      unreachable(request);
  }
}

/** The peer goes on with `nextTsn`: what came of that already, before the answer, stays (RFC 6525 section 5.2.7, H5). */
function resetReceivingFrom(core: AssociationCore, nextTsn: Tsn): void {
  const { receive } = core.state;
  if (receive.behind) {
    const upTo = tsnAdd(nextTsn, -1);
    if (tsnLess(receive.cumulativeTsn, upTo)) resynchronise(core, upTo, "the peer begins with new TSNs");
    core.change({ kind: "receiveBehind", behind: false });
  }
  const isAhead = !tsnLess(receive.cumulativeTsn, nextTsn) || receive.above.length > 0;
  if (!isAhead) return resetReceiving(core, tsnAdd(nextTsn, -1));
  if (receive.adopted !== undefined) dropBefore(core, nextTsn);
  resetStreamsFrom(core, nextTsn);
  skipFrom(core, nextTsn);
}

function tell(
  core: AssociationCore,
  request: ReconfigurationRequest,
  outcome: "performed" | "denied" | "failed",
): void {
  const { inboundStreams, outboundStreams } = core.state.agreement;
  switch (request.kind) {
    case "outgoing-reset":
      core.notify({ type: "stream-reset", direction: "outgoing", streams: request.streams, outcome });
      return;
    case "incoming-reset":
      if (outcome === "performed") return;
      core.notify({ type: "stream-reset", direction: "incoming", streams: request.streams, outcome });
      return;
    case "ssn-tsn-reset": {
      const localTsn = core.state.send.nextTsn;
      core.notify({
        type: "association-reset",
        localTsn,
        remoteTsn: tsnAdd(core.state.receive.cumulativeTsn, 1),
        outcome,
      });
      return;
    }
    case "add-outgoing":
    case "add-incoming":
      core.notify({ type: "stream-change", inboundStreams, outboundStreams, outcome });
      return;
    default:
      unreachable(request);
  }
}
