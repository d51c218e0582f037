import { pathForNewData, pathForRetransmission } from "../path/path.ts";
import type { ShutdownChunk } from "../wire/index.ts";
import { abort, close, userInitiated } from "./abort.ts";
import type { AssociationCore } from "./core.ts";
import { acknowledgeCumulatively } from "./on-sack.ts";
import type { Route } from "./outputs.ts";
import { noMoreComes } from "./resynchronise.ts";
import { countPathError } from "./time-outs.ts";

/** The user wants to end the association gracefully (section 9.2). */
export function beginShutdown(core: AssociationCore): void {
  if (core.state.phase === "established") core.enterPhase("shutdown-pending");
}

/** Once nothing is outstanding, SHUTDOWN or SHUTDOWN ACK goes out. */
export function startShutdownWhenDrained(core: AssociationCore, nowMs: number): void {
  const { phase, send } = core.state;
  if (send.outstanding.length > 0 || send.queuedMessages > 0) return;
  if (phase === "shutdown-pending") {
    core.enterPhase("shutdown-sent");
    guardShutdown(core, nowMs);
    sendShutdown(core, nowMs);
  } else if (phase === "shutdown-received") {
    core.enterPhase("shutdown-ack-sent");
    sendShutdownAck(core, nowMs);
  }
}

/** T5-shutdown-guard: whatever the peer goes on sending, the association ends (section 9.2). */
function guardShutdown(core: AssociationCore, nowMs: number): void {
  core.deadlines.set("t5-guard", nowMs + 5 * core.parameters.rtoMaxMs);
}

/** Goes on with a shutdown that another instance had begun. */
export function resumeShutdown(core: AssociationCore, nowMs: number): void {
  if (core.state.phase === "shutdown-sent") {
    guardShutdown(core, nowMs);
    sendShutdown(core, nowMs);
  } else if (core.state.phase === "shutdown-ack-sent") sendShutdownAck(core, nowMs);
}

/** The peer asks again, by SHUTDOWN or by an INIT that shows that it knows of no association any more. */
export function repeatShutdownAck(core: AssociationCore, nowMs: number): void {
  if (core.state.phase === "shutdown-ack-sent") sendShutdownAck(core, nowMs);
}

/** Where SHUTDOWN and SHUTDOWN ACK go, with T2 set for that path: not where data already failed (section 6.4). */
function shutdownRoute(core: AssociationCore, nowMs: number, wanted?: Route): Route {
  const route = wanted ?? core.routeTo(pathForNewData(core.allPaths, core.primaryPath));
  core.shutdownPath = route.remote;
  core.deadlines.set("t2-shutdown", nowMs + core.path(route.remote).rto.rtoMs);
  return route;
}

/**
 * While SHUTDOWN is out each packet with DATA is answered by another one (section 9.2), to where the DATA
 * came from: that path works, which is more than is known of the primary one.
 */
export function dataWhileShuttingDown(core: AssociationCore, nowMs: number): void {
  if (core.state.phase !== "shutdown-sent") return;
  // The peer is there: T2 and its count begin anew.
  core.errorCount = 0;
  sendShutdown(core, nowMs, core.sackRoute);
}

const isWaiting = (core: AssociationCore, type: "SHUTDOWN" | "SHUTDOWN_ACK"): boolean =>
  core.control.some((pending) => pending.chunk.type === type);

function sendShutdown(core: AssociationCore, nowMs: number, wanted?: Route): void {
  if (isWaiting(core, "SHUTDOWN")) return;
  // It acknowledges what is in sequence: a SACK beside it is for gaps and duplicates (section 9.2).
  if (core.state.receive.above.length === 0 && !core.sack.hasDuplicates) {
    core.sack.take();
    core.deadlines.clear("sack");
  }
  core.control.push({
    chunk: { type: "SHUTDOWN", cumulativeTsn: core.state.receive.cumulativeTsn },
    route: shutdownRoute(core, nowMs, wanted),
    reason: "shutdown",
    dependsOn: Math.max(core.phaseSequence, core.receivedSequence),
  });
}

function sendShutdownAck(core: AssociationCore, nowMs: number, wanted?: Route): void {
  if (isWaiting(core, "SHUTDOWN_ACK")) return;
  core.control.push({
    chunk: { type: "SHUTDOWN_ACK" },
    route: shutdownRoute(core, nowMs, wanted),
    reason: "shutdown",
    dependsOn: core.phaseSequence,
  });
}

export function receiveShutdown(
  core: AssociationCore,
  chunk: ShutdownChunk,
  route: Route,
  nowMs: number,
): void {
  // Section 9.2: during set-up it is discarded.
  if (core.state.phase === "cookie-echoed") return;
  if (!acknowledgeCumulatively(core, chunk.cumulativeTsn, route, nowMs)) return;
  const { phase } = core.state;
  noMoreComes(core);
  if (phase === "established" || phase === "shutdown-pending") {
    core.enterPhase("shutdown-received");
    core.notify({ type: "shutdown-event" });
  } else if (phase === "shutdown-sent") {
    core.enterPhase("shutdown-ack-sent");
    sendShutdownAck(core, nowMs);
  } else if (phase === "shutdown-ack-sent") {
    sendShutdownAck(core, nowMs);
  }
}

export function receiveShutdownAck(core: AssociationCore, route: Route): void {
  const { phase } = core.state;
  if (phase !== "shutdown-sent" && phase !== "shutdown-ack-sent") return;
  noMoreComes(core);
  close(core);
  core.control.push({
    chunk: { type: "SHUTDOWN_COMPLETE", tagReflected: false },
    route,
    reason: "shutdown",
    dependsOn: core.phaseSequence,
  });
  core.notify({ type: "association-change", state: "shutdown-complete", reason: "" });
}

export function receiveShutdownComplete(core: AssociationCore): void {
  if (core.state.phase !== "shutdown-ack-sent") return;
  close(core);
  core.notify({ type: "association-change", state: "shutdown-complete", reason: "" });
}

/**
 * From a state that is older than what the peer saw SHUTDOWN may acknowledge less than the peer was told before, for
 * which Linux throws it away. All data is acknowledged by then, so after so many times ABORT loses nothing.
 */
const mostIgnored = 3;

/** T2-shutdown expired: SHUTDOWN or SHUTDOWN ACK again, if possible on another path (section 9.2). */
export function repeatShutdown(core: AssociationCore, nowMs: number): void {
  const last = core.paths.get(core.shutdownPath ?? "") ?? core.primaryPath;
  countPathError(core, last, nowMs);
  if (core.state.phase === "shutdown-sent" && core.state.receive.behind && core.errorCount >= mostIgnored) {
    const why = "SHUTDOWN is ignored: the peer was told of more data than we know of";
    core.notify({ type: "recovery-step", step: "abort", text: why });
    noMoreComes(core);
    abort(core, core.routeTo(last), userInitiated(why));
    return;
  }
  const route = core.routeTo(pathForRetransmission(core.allPaths, last));
  if (core.state.phase === "shutdown-sent") sendShutdown(core, nowMs, route);
  else if (core.state.phase === "shutdown-ack-sent") sendShutdownAck(core, nowMs, route);
}
