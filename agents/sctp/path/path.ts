import type { ProtocolParameters } from "../base/parameters.ts";
import type { CongestionState } from "./congestion.ts";
import { createCongestion } from "./congestion.ts";
import type { RtoState } from "./rto.ts";
import { createRto } from "./rto.ts";

/** RFC 9260 section 8.2 and RFC 7829 section 3. */
export type PathReachability = "active" | "potentially-failed" | "inactive";

export interface OutstandingHeartbeat {
  readonly nonce: Uint8Array;
  readonly sentAtMs: number;
}

/** Everything about one destination transport address. Not replicated, but for `confirmed`. */
export interface Path {
  readonly address: string;
  /** Our address to which the peer last sent from there: the one that is known to work both ways. */
  heardAt: string | undefined;
  /** RFC 9260 section 5.4: before that, nothing but HEARTBEAT and set-up chunks goes there. */
  confirmed: boolean;
  reachability: PathReachability;
  errorCount: number;
  readonly rto: RtoState;
  readonly congestion: CongestionState;
  heartbeat: OutstandingHeartbeat | undefined;
  lastSentAtMs: number;
  lastDataSentAtMs: number;
  /** An RTT measurement is under way on a DATA chunk: one per round trip (section 6.3.1, rule C4). */
  timing: boolean;
}

export function createPath(
  address: string,
  confirmed: boolean,
  peerWindowBytes: number,
  parameters: ProtocolParameters,
): Path {
  return {
    address,
    heardAt: undefined,
    confirmed,
    reachability: "active",
    errorCount: 0,
    rto: createRto(parameters),
    congestion: createCongestion(parameters.packetSizeBytes, peerWindowBytes),
    heartbeat: undefined,
    lastSentAtMs: 0,
    lastDataSentAtMs: 0,
    timing: false,
  };
}

export function clonePath(path: Path): Path {
  return { ...path, rto: { ...path.rto }, congestion: { ...path.congestion } };
}

/** Counts an error; true when the reachability changed (RFC 9260 section 8.2, RFC 7829 section 3.2). */
export function countError(path: Path, parameters: ProtocolParameters): boolean {
  const before = path.reachability;
  // Section 8.3: the counter of an inactive path stops.
  if (before === "inactive") return false;
  path.errorCount += 1;
  if (path.errorCount > parameters.pathMaxRetrans) path.reachability = "inactive";
  else if (path.errorCount > parameters.potentiallyFailedMaxRetrans && before === "active") {
    path.reachability = "potentially-failed";
  }
  return path.reachability !== before;
}

/** The peer answered on this path; true when the reachability changed. */
export function clearErrors(path: Path): boolean {
  path.errorCount = 0;
  const changed = path.reachability !== "active";
  path.reachability = "active";
  return changed;
}

const rank: Readonly<Record<PathReachability, number>> = { active: 0, "potentially-failed": 1, inactive: 2 };

/**
 * Where new data goes: the primary path while it is active, else the confirmed path that is least
 * impaired (RFC 9260 section 6.4.1, RFC 7829 section 3.2 rule 5).
 */
export function pathForNewData(paths: readonly Path[], primary: Path): Path {
  if (primary.confirmed && primary.reachability === "active") return primary;
  return leastImpaired(paths, primary);
}

/** Where a retransmission goes: another path than the one that failed, if there is one (section 6.4.1). */
export function pathForRetransmission(paths: readonly Path[], failed: Path): Path {
  const others = paths.filter(
    (path) => path !== failed && path.confirmed && path.reachability !== "inactive",
  );
  return others.length === 0 ? leastImpaired(paths, failed) : leastImpaired(others, others[0] ?? failed);
}

function leastImpaired(paths: readonly Path[], preferred: Path): Path {
  let best = preferred;
  for (const path of paths) {
    if (!path.confirmed) continue;
    const better =
      !best.confirmed ||
      rank[path.reachability] < rank[best.reachability] ||
      (rank[path.reachability] === rank[best.reachability] &&
        best.reachability !== "active" &&
        path.errorCount < best.errorCount);
    if (better) best = path;
  }
  return best;
}
