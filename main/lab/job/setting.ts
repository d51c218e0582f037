import type { DeskMessage, FencingMode, TimerSetting } from "../../../agents/control/index.ts";
import { rfc9260Parameters, telecomParameters } from "../../../agents/sctp/index.ts";
import type { Scheduling } from "../../deploy/index.ts";
import type { RunMeta } from "../../store/index.ts";
import type { BeatTiming } from "./beats.ts";
import { defaultBeats } from "./beats.ts";
import type { FaultChoice } from "../faults/index.ts";
import { describeFault } from "../faults/index.ts";

/** `kernel`: Linux's own SCTP, in a virtual machine of the embedded lab. `cluster`: two agents of ours, one endpoint. */
export type PeerKind = "agent" | "usrsctp" | "kernel" | "cluster";
/** SCTP in UDP (RFC 6951), or as IP protocol 132. */
export type TransportChoice = "udp" | "raw";
export type TimerChoice = "telecom" | "rfc9260";

/** What the third computer of the cluster runs: an agent of ours, or a Redis server. */
export type KeeperKind = "agent" | "redis";

export interface KillPlan {
  readonly count: number;
  readonly seed: number;
}

/** What a run of the main job is to do. */
export interface JobSetting {
  readonly peer: PeerKind;
  readonly timers: TimerChoice;
  readonly transport: TransportChoice;
  /** Of the agents, and of a peer that is a program of its own. */
  readonly scheduling: Scheduling;
  /** Policy and placement in their text form, for example `interval:50ms` or `shared`. */
  readonly policy: string;
  /** Another policy to go over to under the load, half way to the fault. */
  readonly switchTo?: string | undefined;
  /** Who holds the association state beside the primary, as the policy says: the standby, or the store. */
  readonly placement: "standby" | "store";
  readonly fencing: FencingMode;
  /** A member that took over has the outside address of the one that is gone, too. */
  readonly addressTakeover: boolean;
  readonly beats: BeatTiming;
  /** Absent: the cluster has no third computer. */
  readonly keeper?: KeeperKind | undefined;
  /** How the outside end replicates where it is a cluster; it has no third computer. */
  readonly peerPolicy: string;
  readonly peerFencing: FencingMode;
  readonly fault: FaultChoice;
  /** On the cluster: the name of a built-in application, or the path of a module on the desk. */
  readonly application: string;
  /** For the fault that is a series of kills: how many, and the seed of their instants. */
  readonly kills: KillPlan;
  /** Between the outside computer and the cluster, each from a port of its own, from `peerSctpPort` on. */
  readonly associations: number;
  /** Messages a second, each way, on each association. */
  readonly ratePerSecond: number;
  readonly sizeBytes: number;
  readonly streams: number;
  /** How long the load runs before the fault, and after it. */
  readonly beforeFaultMs: number;
  readonly afterFaultMs: number;
  readonly sctpPort: number;
  readonly peerSctpPort: number;
  readonly clusterLinkPort: number;
  readonly keeperPort: number;
}

export const defaultSetting: JobSetting = {
  peer: "agent",
  timers: "telecom",
  transport: "udp",
  scheduling: "real-time",
  policy: "every-update",
  placement: "standby",
  fencing: "prefer-availability",
  addressTakeover: false,
  beats: defaultBeats,
  peerPolicy: "every-update",
  peerFencing: "prefer-availability",
  fault: { name: "crash", end: "cluster", peerAfterMs: 0 },
  application: "numbered",
  associations: 1,
  kills: { count: 10, seed: 1 },
  ratePerSecond: 500,
  sizeBytes: 200,
  streams: 4,
  beforeFaultMs: 4000,
  afterFaultMs: 4000,
  sctpPort: 7000,
  peerSctpPort: 7001,
  clusterLinkPort: 9898,
  keeperPort: 9897,
};

export function timerSetting(choice: TimerChoice): TimerSetting {
  const chosen = choice === "telecom" ? telecomParameters : rfc9260Parameters;
  const {
    rtoInitialMs,
    rtoMinMs,
    rtoMaxMs,
    heartbeatIntervalMs,
    sackDelayMs,
    pathMaxRetrans,
    potentiallyFailedMaxRetrans,
  } = chosen;
  return {
    rtoInitialMs,
    rtoMinMs,
    rtoMaxMs,
    heartbeatIntervalMs,
    sackDelayMs,
    pathMaxRetrans,
    potentiallyFailedMaxRetrans,
  };
}

export function runTitle({ policy, fault, peer, associations }: JobSetting): string {
  const several = associations > 1 ? `, ${associations} associations` : "";
  return `${policy}, ${describeFault(fault)} under load, peer ${peer}${several}`;
}

/** What is asked of either side when the load begins. */
export function loadMessage(setting: JobSetting): Extract<DeskMessage, { type: "load" }> {
  const { ratePerSecond, sizeBytes, streams, associations } = setting;
  return { type: "load", ratePerSecond, sizeBytes, streams, associations };
}

/** What the run's record keeps of its setting. */
export function runMeta(setting: JobSetting): RunMeta {
  const { beatIntervalMs, takeoverAfterMs } = setting.beats;
  const { peer, policy, switchTo, placement, fencing, keeper, fault, timers } = setting;
  const { application, associations, ratePerSecond, sizeBytes, streams, scheduling, kills } = setting;
  const { peerPolicy, peerFencing } = setting;
  return {
    peer,
    policy,
    placement,
    fencing,
    fault: describeFault(fault),
    timers,
    scheduling,
    beatIntervalMs,
    takeoverAfterMs,
    application,
    associations,
    ratePerSecond,
    sizeBytes,
    streams,
    ...(switchTo !== undefined && { switchTo }),
    ...(keeper !== undefined && { keeper }),
    ...(setting.addressTakeover && { addressTakeover: true }),
    ...(fault.name === "kills" && { kills: kills.count, killSeed: kills.seed }),
    ...(peer === "cluster" && { peerPolicy, peerFencing }),
  };
}
