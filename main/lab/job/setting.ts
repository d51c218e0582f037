import type { TimerSetting } from "../../../agents/control/index.ts";
import { rfc9260Parameters, telecomParameters } from "../../../agents/sctp/index.ts";

export type PeerKind = "agent" | "usrsctp";
/** SCTP in UDP (RFC 6951), or as IP protocol 132. */
export type TransportChoice = "udp" | "raw";
export type TimerChoice = "telecom" | "rfc9260";

/** What a run of the main job is to do. */
export interface JobSetting {
  readonly peer: PeerKind;
  readonly timers: TimerChoice;
  readonly transport: TransportChoice;
  /** Messages a second, each way. */
  readonly ratePerSecond: number;
  readonly sizeBytes: number;
  readonly streams: number;
  /** How long the load runs before the fault, and after it. */
  readonly beforeFaultMs: number;
  readonly afterFaultMs: number;
  readonly sctpPort: number;
  readonly peerSctpPort: number;
  readonly clusterLinkPort: number;
}

export const defaultSetting: JobSetting = {
  peer: "agent",
  timers: "telecom",
  transport: "udp",
  ratePerSecond: 500,
  sizeBytes: 200,
  streams: 4,
  beforeFaultMs: 4000,
  afterFaultMs: 4000,
  sctpPort: 7000,
  peerSctpPort: 7001,
  clusterLinkPort: 9898,
};

/** Beats of the cluster link; the lease is shorter than the takeover delay, so two instances never send at once. */
export const clusterTiming: {
  readonly beatIntervalMs: number;
  readonly leaseMs: number;
  readonly takeoverAfterMs: number;
} = {
  beatIntervalMs: 25,
  leaseMs: 300,
  takeoverAfterMs: 600,
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
