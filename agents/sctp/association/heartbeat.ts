import type { Path } from "../path/path.ts";
import { clearErrors } from "../path/path.ts";
import { measureRtt } from "../path/rto.ts";
import type { HeartbeatAckChunk, HeartbeatChunk } from "../wire/index.ts";
import type { AssociationCore } from "./core.ts";
import type { Route } from "./outputs.ts";
import { mtuProbeAnswered } from "./path-mtu.ts";
import { heartbeatUnanswered } from "./time-outs.ts";

const nonceBytes = 16;

/**
 * The next HEARTBEAT on a path (RFC 9260 section 8.3): HB.interval plus RTO, give or take half an RTO. An address
 * that is not confirmed is probed though heartbeats are switched off (section 5.4): it may be the only one left.
 */
export function scheduleHeartbeat(core: AssociationCore, path: Path, nowMs: number): void {
  if (!path.settings.heartbeatEnabled && path.confirmed) {
    core.deadlines.clear(path.heartbeatTimer);
    return;
  }
  const jitter = (core.random.uint32() / 0x1_0000_0000 - 0.5) * path.rto.rtoMs;
  const { heartbeatIntervalMs } = path.settings;
  core.deadlines.set(path.heartbeatTimer, nowMs + heartbeatIntervalMs + path.rto.rtoMs + jitter);
}

/**
 * Begins with the heartbeats of all paths. Addresses that are not confirmed are probed without delay,
 * one in each RTO: they may be those of strangers (section 5.4, HB.Max.Burst).
 */
export function startHeartbeats(core: AssociationCore, nowMs: number): void {
  let unconfirmed = 0;
  for (const path of core.allPaths) {
    if (path.confirmed) scheduleHeartbeat(core, path, nowMs);
    else {
      const waitMs = unconfirmed * path.rto.rtoMs;
      if (waitMs === 0) sendHeartbeat(core, path, nowMs);
      else core.deadlines.set(path.heartbeatTimer, nowMs + waitMs);
      unconfirmed += 1;
    }
  }
}

export function sendHeartbeat(core: AssociationCore, path: Path, nowMs: number): void {
  const nonce = core.random.bytes(nonceBytes);
  const route = core.routeTo(path);
  path.heartbeat = { nonce, sentAtMs: nowMs, from: route.local };
  path.timedOut = undefined;
  if (!path.confirmed) core.probedAtMs = nowMs;
  core.control.push({
    chunk: { type: "HEARTBEAT", info: nonce },
    route,
    reason: "heartbeat",
    dependsOn: 0,
  });
  core.deadlines.set(path.heartbeatTimer, nowMs + path.rto.rtoMs);
}

/** The heartbeat timer of a path fired: one went unanswered for an RTO, or the path was idle long enough. */
export function heartbeatDue(core: AssociationCore, path: Path, nowMs: number): void {
  const { phase } = core.state;
  // Section 8.3: no more of them after SHUTDOWN or SHUTDOWN ACK.
  if (phase === "shutdown-sent" || phase === "shutdown-ack-sent") return;
  if (!path.confirmed && nowMs < core.probedAtMs + path.rto.rtoMs) {
    // HB.Max.Burst: another one was sent to an unconfirmed address less than an RTO ago (section 5.4).
    core.deadlines.set(path.heartbeatTimer, core.probedAtMs + path.rto.rtoMs);
    return;
  }
  if (path.heartbeat !== undefined) {
    const { from } = path.heartbeat;
    path.heartbeat = undefined;
    heartbeatUnanswered(core, path, from, nowMs);
    if (core.state.phase === "closed") return;
    const hurry =
      path.reachability === "potentially-failed" || (!path.confirmed && path.reachability === "active");
    if (hurry) sendHeartbeat(core, path, nowMs);
    else scheduleHeartbeat(core, path, nowMs);
    return;
  }
  const idleSinceMs = nowMs - path.lastDataSentAtMs;
  const busy =
    path.confirmed && path.reachability === "active" && idleSinceMs < path.settings.heartbeatIntervalMs;
  if (busy) scheduleHeartbeat(core, path, nowMs);
  else sendHeartbeat(core, path, nowMs);
}

/** Answers from the address that was asked. The standby's host does the same without an association. */
export function receiveHeartbeat(core: AssociationCore, chunk: HeartbeatChunk, route: Route): void {
  core.answer({
    chunk: { ...chunk, type: "HEARTBEAT_ACK" },
    route,
    reason: "heartbeat-ack",
    dependsOn: 0,
  });
}

/** Only the nonce that was sent to an address confirms it (section 5.4). */
export function receiveHeartbeatAck(core: AssociationCore, chunk: HeartbeatAckChunk, nowMs: number): void {
  if (mtuProbeAnswered(core, chunk, nowMs)) return;
  for (const path of core.allPaths) {
    const { heartbeat } = path;
    if (heartbeat === undefined || !sameBytes(heartbeat.nonce, chunk.info)) continue;
    path.heartbeat = undefined;
    measureRtt(path.rto, nowMs - heartbeat.sentAtMs, core.parameters);
    core.errorCount = 0;
    if (clearErrors(path)) {
      core.notify({ type: "peer-address-change", address: path.address, state: "available" });
    }
    if (!path.confirmed) {
      path.confirmed = true;
      core.change({ kind: "addressConfirmed", address: path.address });
      core.notify({ type: "peer-address-change", address: path.address, state: "confirmed" });
      if (core.wantedPrimary === path.address) {
        core.wantedPrimary = undefined;
        core.change({ kind: "primaryChanged", address: path.address });
        core.notify({ type: "peer-address-change", address: path.address, state: "made-primary" });
      }
    }
    scheduleHeartbeat(core, path, nowMs);
    return;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
