import type { Path } from "../path/path.ts";
import { backOff } from "../path/rto.ts";
import { chunkLength, commonHeaderBytes } from "../wire/index.ts";
import { giveUp } from "./abort.ts";
import type { AssociationCore } from "./core.ts";
import { sendHeartbeat } from "./heartbeat.ts";

/** HEARTBEAT with a nonce of 16 bytes. */
const heartbeatBytes = 24;

/** Sends COOKIE ECHO and starts T1-cookie (RFC 9260 section 5.1 C). */
export function echoCookie(core: AssociationCore, nowMs: number): void {
  const { cookie } = core.state;
  if (cookie === undefined) return;
  const path = pathForCookie(core, cookie);
  core.control.push({
    chunk: { type: "COOKIE_ECHO", cookie },
    route: core.routeTo(path),
    reason: "setup",
    dependsOn: core.phaseSequence,
  });
  if (!path.confirmed) {
    sendHeartbeat(core, path, nowMs);
    // It comes back with COOKIE ACK or not at all: until then nothing else may be sent.
    core.deadlines.clear(path.heartbeatTimer);
  }
  core.deadlines.set("t1-cookie", nowMs + path.rto.rtoMs);
}

/** T1-cookie expired: COOKIE ECHO again, on the next path, Max.Init.Retransmits times (section 5.1.4). */
export function repeatCookie(core: AssociationCore, nowMs: number): void {
  const { cookie } = core.state;
  if (cookie === undefined) return;
  backOff(pathForCookie(core, cookie).rto, core.parameters);
  core.errorCount += 1;
  if (core.errorCount > core.parameters.maxInitRetransmits)
    giveUp(core, "the peer does not answer COOKIE ECHO");
  else echoCookie(core, nowMs);
}

/**
 * One path after the other, the primary one first and those that are not confirmed last: there COOKIE
 * ECHO may only go together with a HEARTBEAT (sections 5.1 and 5.4).
 */
function pathForCookie(core: AssociationCore, cookie: Uint8Array): Path {
  const others = core.allPaths.filter((path) => path !== core.primaryPath);
  const bundleBytes = commonHeaderBytes + chunkLength({ type: "COOKIE_ECHO", cookie }) + heartbeatBytes;
  const paths = [
    core.primaryPath,
    ...others.filter((path) => path.confirmed),
    ...others.filter((path) => !path.confirmed && bundleBytes <= path.packetSizeBytes),
  ];
  return paths[core.errorCount % paths.length] ?? core.primaryPath;
}
