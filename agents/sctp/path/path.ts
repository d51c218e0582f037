import type { ProtocolParameters } from "../base/parameters.ts";
import type { Tsn } from "../base/serial.ts";
import { commonHeaderBytes } from "../wire/index.ts";
import type { CongestionState } from "./congestion.ts";
import { createCongestion } from "./congestion.ts";
import type { MtuSearch } from "./mtu-search.ts";
import { createMtuSearch } from "./mtu-search.ts";
import type { RtoState } from "./rto.ts";
import { createRto } from "./rto.ts";

/** RFC 9260 section 8.2 and RFC 7829 section 3. */
export type PathReachability = "active" | "potentially-failed" | "inactive";

export interface OutstandingHeartbeat {
  readonly nonce: Uint8Array;
  readonly sentAtMs: number;
  /** Our address from which it left. */
  readonly from: string;
}

/** What a user can set for one path (RFC 6458 section 8.1.12, `struct sctp_paddrparams`). */
export interface PathSettings {
  readonly heartbeatEnabled: boolean;
  readonly heartbeatIntervalMs: number;
  readonly pathMaxRetrans: number;
  /** PFMR of RFC 7829. */
  readonly potentiallyFailedMaxRetrans: number;
  readonly pathMtuDiscovery: boolean;
}

export interface SackedOnPath {
  bytes: number;
  flightBeforeBytes: number;
  /** Lowest TSN in flight on the path, and whether it is acknowledged now. */
  earliest: Tsn | undefined;
  earliestAcked: boolean;
}

/** Everything about one destination transport address. Not replicated, but for `confirmed` and the UDP port. */
export interface Path {
  readonly address: string;
  /** Names of the path's timers among the deadlines of its association. */
  readonly t3Timer: `t3 ${string}`;
  readonly heartbeatTimer: `heartbeat ${string}`;
  readonly mtuTimer: `mtu ${string}`;
  settings: PathSettings;
  /** Our address to which the peer last sent from there: the one that is known to work both ways. */
  heardAt: string | undefined;
  /** RFC 6951 section 5.4: UDP port from which the peer last sent; undefined: not encapsulated, or not known. */
  remotePort: number | undefined;
  /** RFC 9260 section 5.4: before that, nothing but HEARTBEAT and set-up chunks goes there. */
  confirmed: boolean;
  reachability: PathReachability;
  errorCount: number;
  /** Largest SCTP packet, common header included. */
  packetSizeBytes: number;
  readonly mtu: MtuSearch;
  readonly rto: RtoState;
  readonly congestion: CongestionState;
  /** How it was from an address of ours where T3 expired, while nothing was sent from another one or acknowledged since. */
  timedOut: { readonly local: string; readonly congestion: CongestionState } | undefined;
  /** Bytes of chunks in flight, headers and padding included. */
  flightBytes: number;
  heartbeat: OutstandingHeartbeat | undefined;
  lastSentAtMs: number;
  lastDataSentAtMs: number;
  /** The chunk that measures the round trip, one at a time (section 6.3.1, rule C4). */
  timedTsn: Tsn | undefined;
  /** While a SACK is processed: what it newly acknowledges here, and what was in flight before it. */
  readonly sacked: SackedOnPath;
}

/** PMDCS of RFC 9260 section 1.6: the largest DATA chunk, header included, in a packet of the path. */
export const pmdcsBytes = (path: Path): number => (path.packetSizeBytes - commonHeaderBytes) & ~3;

const isIpv6 = (address: string): boolean => address.includes(":");

export function createPath(address: string, confirmed: boolean, parameters: ProtocolParameters): Path {
  const { packetSizeBytes } = parameters;
  return {
    address,
    t3Timer: `t3 ${address}`,
    heartbeatTimer: `heartbeat ${address}`,
    mtuTimer: `mtu ${address}`,
    settings: settingsFrom(parameters),
    heardAt: undefined,
    remotePort: undefined,
    confirmed,
    reachability: "active",
    errorCount: 0,
    packetSizeBytes,
    mtu: createMtuSearch(parameters.largestPacketBytes),
    rto: createRto(parameters),
    congestion: createCongestion((packetSizeBytes - commonHeaderBytes) & ~3, isIpv6(address)),
    timedOut: undefined,
    flightBytes: 0,
    heartbeat: undefined,
    lastSentAtMs: 0,
    lastDataSentAtMs: 0,
    timedTsn: undefined,
    sacked: { bytes: 0, flightBeforeBytes: 0, earliest: undefined, earliestAcked: false },
  };
}

const settingsFrom = (parameters: ProtocolParameters): PathSettings => ({
  heartbeatEnabled: parameters.heartbeatEnabled,
  heartbeatIntervalMs: parameters.heartbeatIntervalMs,
  pathMaxRetrans: parameters.pathMaxRetrans,
  potentiallyFailedMaxRetrans: parameters.potentiallyFailedMaxRetrans,
  pathMtuDiscovery: parameters.pathMtuDiscovery,
});

export function clonePath(path: Path): Path {
  const { rto, congestion, sacked, mtu } = path;
  return { ...path, rto: { ...rto }, congestion: { ...congestion }, sacked: { ...sacked }, mtu: { ...mtu } };
}

/**
 * Packets to the path are to leave from `local`, no longer from `before`: the network under the path may be another
 * one now (section 7.2.5.2). Where that is taken back before it affected a packet, T3 goes on counting (section 7.2.3).
 */
export function changeRoute(path: Path, before: string, local: string): void {
  if (before === local) return;
  const { timedOut, congestion } = path;
  if (timedOut?.local === local) {
    Object.assign(congestion, timedOut.congestion);
    path.timedOut = undefined;
    return;
  }
  if (congestion.onePacketOnly) path.timedOut ??= { local: before, congestion: { ...congestion } };
  Object.assign(congestion, createCongestion(pmdcsBytes(path), isIpv6(path.address)));
}

/** Counts an error; true when the reachability changed (RFC 9260 section 8.2, RFC 7829 section 3.2). */
export function countError(path: Path): boolean {
  const before = path.reachability;
  // Section 8.3: the counter of an inactive path stops.
  if (before === "inactive") return false;
  path.errorCount += 1;
  if (path.errorCount > path.settings.pathMaxRetrans) path.reachability = "inactive";
  else if (path.errorCount > path.settings.potentiallyFailedMaxRetrans && before === "active") {
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

/**
 * Where a retransmission goes: another path than the one that failed, if there is one (section 6.4.1).
 * Equals come one after the other, so that a path that works is found among many that do not.
 */
export function pathForRetransmission(paths: readonly Path[], failed: Path): Path {
  const next = paths.indexOf(failed) + 1;
  const others = [...paths.slice(next), ...paths.slice(0, next)].filter(
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
