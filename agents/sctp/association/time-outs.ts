import { collapse } from "../path/congestion.ts";
import type { Path } from "../path/path.ts";
import { countError, pathForNewData, pmdcsBytes } from "../path/path.ts";
import { backOff } from "../path/rto.ts";
import { giveUp } from "./abort.ts";
import type { AssociationCore } from "./core.ts";
import { suspectBlackHole } from "./path-mtu.ts";
import { forwardTsnPath, peerLacksForwardTsn } from "./partial-reliability.ts";

/**
 * Counts an error on a path and on the association (RFC 9260 sections 8.1 and 8.2, RFC 7829 section 3.2).
 *
 * @param from our address from which what went unanswered had left, where it is known
 */
export function countPathError(core: AssociationCore, path: Path, nowMs: number, from?: string): void {
  if (path.confirmed) core.errorCount += 1;
  core.changeSource(path, from);
  countOnPath(core, path, nowMs);
}

/** A HEARTBEAT from this address of ours went unanswered: on a path that carries no data that says nothing about the association. */
export function heartbeatUnanswered(core: AssociationCore, path: Path, from: string, nowMs: number): void {
  core.changeSource(path, from);
  if (path.confirmed && path === pathForNewData(core.allPaths, core.primaryPath)) core.errorCount += 1;
  countOnPath(core, path, nowMs);
}

function countOnPath(core: AssociationCore, path: Path, nowMs: number): void {
  backOff(path.rto, core.parameters);
  const changed = countError(path);
  if (core.errorCount > core.parameters.associationMaxRetrans) {
    giveUp(core, `no answer from the peer on any path after ${core.errorCount} tries`);
    return;
  }
  switchPrimary(core, path);
  if (!changed || path.reachability === "active") return;
  const state = path.reachability === "inactive" ? "unreachable" : "potentially-failed";
  core.notify({ type: "peer-address-change", address: path.address, state });
  // RFC 7829 section 3.2, rule 4: a potentially failed path is probed at once.
  const { heartbeatEnabled } = path.settings;
  if (path.reachability === "potentially-failed" && heartbeatEnabled && path.heartbeat === undefined) {
    core.deadlines.set(path.heartbeatTimer, nowMs);
  }
}

/** RFC 7829 section 5: after so many errors in a row the path that took over stays the primary one. */
function switchPrimary(core: AssociationCore, path: Path): void {
  if (path !== core.primaryPath || path.errorCount <= core.parameters.primarySwitchoverMaxRetrans) return;
  const { address, reachability } = pathForNewData(core.allPaths, path);
  if (address === path.address || reachability !== "active") return;
  core.change({ kind: "primaryChanged", address });
  core.notify({ type: "peer-address-change", address, state: "made-primary" });
}

/**
 * T3-rtx expired on a path (section 6.3.3): its chunks are to be sent again, if possible on another path,
 * and one packet of them at once.
 */
export function retransmissionDue(core: AssociationCore, path: Path, nowMs: number): void {
  // Without data in flight it ran for a FORWARD TSN, which by now may have to go another way.
  const repeats = path.flightBytes === 0 ? peerLacksForwardTsn(core) : forwardTsnPath(core) === path;
  if (path.flightBytes === 0 && !repeats) return;
  // The loss of a window probe says nothing about the network; and no loss against a closed window says
  // anything about a peer that goes on answering (section 6.1, rule A).
  const probing = core.windowClosed && core.windowProbes > 0;
  if (!probing) {
    collapse(path.congestion, pmdcsBytes(path));
    core.fastRecoveryExit = undefined;
  }
  // What has waited longest is what timed out.
  let from: string | undefined;
  for (let place = 0; place < core.flight.size; place++) {
    const transmission = core.flight.at(place)!;
    if (transmission.path !== path) continue;
    if (transmission.inFlight) from ??= transmission.sentFrom;
    if (transmission.inFlight) core.flight.markForRetransmission(transmission, "t3");
    else if (transmission.chunk.abandoned) transmission.fastRetransmitted = true;
  }
  if (repeats) core.forwardTsnDue = true;
  core.grantBurst(1);
  suspectBlackHole(core, path, nowMs);
  if (core.windowClosed) backOff(path.rto, core.parameters);
  else countPathError(core, path, nowMs, from);
  core.windowClosed = false;
}
