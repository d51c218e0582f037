import type { Tsn } from "../base/serial.ts";
import { tsnLessOrEqual } from "../base/serial.ts";

/** Congestion control of one path (RFC 9260 section 7.2); all sizes in bytes. */
export interface CongestionState {
  windowBytes: number;
  slowStartThresholdBytes: number;
  partialBytesAcked: number;
  /** Fast recovery lasts until this TSN is acknowledged (section 7.2.4). */
  fastRecoveryExit: Tsn | undefined;
}

const initialWindowBytes = (mtuBytes: number): number => Math.min(4 * mtuBytes, Math.max(2 * mtuBytes, 4404));

export function createCongestion(mtuBytes: number, peerWindowBytes: number): CongestionState {
  return {
    windowBytes: initialWindowBytes(mtuBytes),
    slowStartThresholdBytes: peerWindowBytes,
    partialBytesAcked: 0,
    fastRecoveryExit: undefined,
  };
}

export interface AckedOnPath {
  readonly ackedBytes: number;
  readonly cumulativeMoved: boolean;
  /** The window was in full use when the SACK came. */
  readonly windowUsed: boolean;
  readonly flightIsEmpty: boolean;
  readonly mtuBytes: number;
}

/** Sections 7.2.1 and 7.2.2: the window grows only when it was used and the cumulative TSN moved. */
export function grow(state: CongestionState, acked: AckedOnPath): void {
  if (state.windowBytes <= state.slowStartThresholdBytes) {
    if (acked.cumulativeMoved && acked.windowUsed && state.fastRecoveryExit === undefined) {
      state.windowBytes += Math.min(acked.ackedBytes, acked.mtuBytes);
    }
    return;
  }
  if (acked.cumulativeMoved) state.partialBytesAcked += acked.ackedBytes;
  if (state.partialBytesAcked >= state.windowBytes && acked.windowUsed) {
    state.partialBytesAcked -= state.windowBytes;
    state.windowBytes += acked.mtuBytes;
  }
  if (acked.flightIsEmpty) state.partialBytesAcked = 0;
}

/** Section 7.2.3, after loss was seen by missing reports; once for a recovery. */
export function enterFastRecovery(state: CongestionState, mtuBytes: number, highestOutstanding: Tsn): void {
  if (state.fastRecoveryExit !== undefined) return;
  state.slowStartThresholdBytes = Math.max(Math.floor(state.windowBytes / 2), 4 * mtuBytes);
  state.windowBytes = state.slowStartThresholdBytes;
  state.partialBytesAcked = 0;
  state.fastRecoveryExit = highestOutstanding;
}

export function leaveFastRecovery(state: CongestionState, cumulativeAck: Tsn): void {
  if (state.fastRecoveryExit !== undefined && tsnLessOrEqual(state.fastRecoveryExit, cumulativeAck)) {
    state.fastRecoveryExit = undefined;
  }
}

/** Section 7.2.3, after T3-rtx expired. */
export function collapse(state: CongestionState, mtuBytes: number): void {
  state.slowStartThresholdBytes = Math.max(Math.floor(state.windowBytes / 2), 4 * mtuBytes);
  state.windowBytes = mtuBytes;
  state.partialBytesAcked = 0;
  state.fastRecoveryExit = undefined;
}

/** Section 7.2.1: a path that carried nothing for an RTO starts again from at most the initial window. */
export function decayAfterIdle(state: CongestionState, mtuBytes: number): void {
  state.windowBytes = Math.min(state.windowBytes, initialWindowBytes(mtuBytes));
}
