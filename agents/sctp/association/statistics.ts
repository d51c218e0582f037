import type { PathReachability } from "../path/path.ts";
import type { AbandonedMessages } from "./abandoned-messages.ts";
import type { AssociationCore } from "./core.ts";
import type { AssociationPhase } from "./state.ts";
import { fragmentationPointBytes, peerWindowBytes } from "./transmit.ts";

export interface PathStatistics {
  readonly address: string;
  readonly confirmed: boolean;
  readonly reachability: PathReachability;
  readonly smoothedRttMs: number | undefined;
  readonly rtoMs: number;
  readonly windowBytes: number;
  readonly slowStartThresholdBytes: number;
  /** Bytes of DATA chunks in flight, headers and padding included, as the congestion window counts them. */
  readonly flightBytes: number;
  readonly packetSizeBytes: number;
  readonly errorCount: number;
}

/** RFC 6458 section 8.2.1, `struct sctp_status`, and more. */
export interface AssociationStatistics {
  readonly phase: AssociationPhase;
  readonly peerWindowBytes: number;
  /** Chunks sent and not acknowledged cumulatively. */
  readonly unacknowledgedChunks: number;
  readonly pendingMessages: number;
  readonly pendingBytes: number;
  readonly inboundStreams: number;
  readonly outboundStreams: number;
  readonly fragmentationPointBytes: number;
  readonly primaryAddress: string;
  /** What was given up so far, by stream and policy (RFC 7496 sections 4.3 and 4.4). */
  readonly abandonedMessages: readonly AbandonedMessages[];
  readonly paths: readonly PathStatistics[];
}

export function associationStatistics(core: AssociationCore): AssociationStatistics {
  const { agreement, phase, send, primaryAddress } = core.state;
  return {
    phase,
    peerWindowBytes: peerWindowBytes(core),
    unacknowledgedChunks: send.outstanding.length,
    pendingMessages: send.queuedMessages,
    pendingBytes: send.queuedBytes,
    inboundStreams: agreement.inboundStreams,
    outboundStreams: agreement.outboundStreams,
    fragmentationPointBytes: fragmentationPointBytes(core),
    primaryAddress,
    abandonedMessages: core.abandonedMessages.snapshot(),
    paths: core.allPaths.map((path) => ({
      address: path.address,
      confirmed: path.confirmed,
      reachability: path.reachability,
      smoothedRttMs: path.rto.smoothedRttMs,
      rtoMs: path.rto.rtoMs,
      windowBytes: path.congestion.windowBytes,
      slowStartThresholdBytes: path.congestion.slowStartThresholdBytes,
      flightBytes: path.flightBytes,
      packetSizeBytes: path.packetSizeBytes,
      errorCount: path.errorCount,
    })),
  };
}
