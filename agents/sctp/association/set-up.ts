import type { AssociationCore } from "./core.ts";
import { startHeartbeats } from "./heartbeat.ts";
import type { Route } from "./outputs.ts";
import { startMtuSearch } from "./path-mtu.ts";

/** COOKIE ACK came: the handshake is complete on our side (RFC 9260 section 5.1 E). */
export function cookieAcknowledged(core: AssociationCore, nowMs: number): void {
  if (core.state.phase !== "cookie-echoed") return;
  core.deadlines.clear("t1-cookie");
  core.errorCount = 0;
  core.enterPhase("established");
  becomeEstablished(core, nowMs);
}

export function becomeEstablished(core: AssociationCore, nowMs: number): void {
  const { extensions } = core.state.agreement;
  core.notify({ type: "association-change", state: "comm-up", reason: "", extensions });
  startHeartbeats(core, nowMs);
  for (const path of core.allPaths) startMtuSearch(core, path, nowMs);
}

/** COOKIE ACK goes back to where the COOKIE ECHO came from, if the peer is known to be there (sections 5.1 D and 5.4). */
export function addCookieAck(core: AssociationCore, from: Route): void {
  const route = core.paths.get(from.remote)?.confirmed === true ? from : core.routeTo(core.primaryPath);
  const dependsOn = core.phaseSequence;
  core.control.push({ chunk: { type: "COOKIE_ACK" }, route, reason: "setup", dependsOn });
}
