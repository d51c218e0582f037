import { pathForNewData } from "../path/path.ts";
import type { ShutdownChunk } from "../wire/index.ts";
import { close } from "./abort.ts";
import type { AssociationCore, Route } from "./core.ts";
import { acknowledgeCumulatively } from "./on-sack.ts";
import type { AssociationPhase } from "./state.ts";
import { countPathError } from "./time-outs.ts";

/** Phases in which DATA may leave (RFC 9260 section 6). */
export const maySendData = (phase: AssociationPhase): boolean =>
  phase === "established" || phase === "shutdown-pending" || phase === "shutdown-received";

/** Phases in which DATA is taken in. */
export const mayReceiveData = (phase: AssociationPhase): boolean =>
  phase === "established" || phase === "shutdown-pending" || phase === "shutdown-sent";

/** The user wants to end the association gracefully (section 9.2). */
export function beginShutdown(core: AssociationCore): void {
  if (core.state.phase === "established") core.enterPhase("shutdown-pending");
}

/** Once nothing is outstanding, SHUTDOWN or SHUTDOWN ACK goes out. */
export function startShutdownWhenDrained(core: AssociationCore, nowMs: number): void {
  const { phase, send } = core.state;
  if (send.outstanding.size > 0 || send.queue.length > 0) return;
  if (phase === "shutdown-pending") {
    core.enterPhase("shutdown-sent");
    core.deadlines.set("t5-guard", nowMs + 5 * core.parameters.rtoMaxMs);
    sendShutdown(core, nowMs);
  } else if (phase === "shutdown-received") {
    core.enterPhase("shutdown-ack-sent");
    sendShutdownAck(core, nowMs);
  }
}

/** Where SHUTDOWN and SHUTDOWN ACK go, with T2 set for that path: not where data already failed (section 6.4). */
function shutdownRoute(core: AssociationCore, nowMs: number): Route {
  const path = pathForNewData(core.allPaths, core.primaryPath);
  core.shutdownPath = path.address;
  core.deadlines.set("t2-shutdown", nowMs + path.rto.rtoMs);
  return core.routeTo(path);
}

function sendShutdown(core: AssociationCore, nowMs: number): void {
  core.control.push({
    chunk: { type: "SHUTDOWN", cumulativeTsn: core.state.receive.cumulativeTsn },
    route: shutdownRoute(core, nowMs),
    reason: "shutdown",
    dependsOn: Math.max(core.phaseSequence, core.receivedSequence),
  });
}

function sendShutdownAck(core: AssociationCore, nowMs: number): void {
  core.control.push({
    chunk: { type: "SHUTDOWN_ACK" },
    route: shutdownRoute(core, nowMs),
    reason: "shutdown",
    dependsOn: core.phaseSequence,
  });
}

export function receiveShutdown(core: AssociationCore, chunk: ShutdownChunk, nowMs: number): void {
  acknowledgeCumulatively(core, chunk.cumulativeTsn, nowMs);
  const { phase } = core.state;
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

/** T2-shutdown expired: SHUTDOWN or SHUTDOWN ACK again, if possible on another path (section 9.2). */
export function repeatShutdown(core: AssociationCore, nowMs: number): void {
  if (core.shutdownPath !== undefined) countPathError(core, core.path(core.shutdownPath), nowMs);
  if (core.state.phase === "shutdown-sent") sendShutdown(core, nowMs);
  else if (core.state.phase === "shutdown-ack-sent") sendShutdownAck(core, nowMs);
}
