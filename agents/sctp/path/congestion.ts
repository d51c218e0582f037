/**
 * Congestion control of one path (RFC 9260 section 7.2). All sizes are bytes of chunks with their headers
 * and padding; PMDCS is the largest DATA chunk, header included, that the path takes.
 */
export interface CongestionState {
  windowBytes: number;
  slowStartThresholdBytes: number;
  partialBytesAcked: number;
  /** After T3-rtx: no second packet until something is acknowledged (section 7.2.3). */
  onePacketOnly: boolean;
}

/** Section 7.2.1; the IPv6 header is larger by 20 bytes, hence the smaller number. */
const initialWindowBytes = (pmdcsBytes: number, ipv6: boolean): number =>
  Math.min(4 * pmdcsBytes, Math.max(2 * pmdcsBytes, ipv6 ? 4344 : 4404));

/** "Arbitrarily high" (section 7.2.1): more than any window that a peer can advertise. */
const highestThresholdBytes = 0xffff_ffff;

export function createCongestion(pmdcsBytes: number, ipv6: boolean): CongestionState {
  return {
    windowBytes: initialWindowBytes(pmdcsBytes, ipv6),
    slowStartThresholdBytes: highestThresholdBytes,
    partialBytesAcked: 0,
    onePacketOnly: false,
  };
}

export interface AckedOnPath {
  readonly ackedBytes: number;
  /** Bytes in flight on the path when the SACK came. */
  readonly flightBeforeBytes: number;
  readonly flightIsEmpty: boolean;
  /** The association is in Fast Recovery (section 7.2.4). */
  readonly recovering: boolean;
  readonly pmdcsBytes: number;
}

/** Sections 7.2.1 and 7.2.2: the window grows only while it is in full use. */
export function grow(state: CongestionState, acked: AckedOnPath): void {
  state.onePacketOnly = false;
  const windowUsed = acked.flightBeforeBytes >= state.windowBytes;
  if (state.windowBytes <= state.slowStartThresholdBytes) {
    if (windowUsed && !acked.recovering) {
      state.windowBytes += Math.min(acked.ackedBytes, acked.pmdcsBytes);
    }
  } else {
    state.partialBytesAcked += acked.ackedBytes;
    if (state.partialBytesAcked >= state.windowBytes) {
      if (windowUsed) {
        state.partialBytesAcked -= state.windowBytes;
        state.windowBytes += acked.pmdcsBytes;
      } else state.partialBytesAcked = state.windowBytes;
    }
  }
  if (acked.flightIsEmpty) state.partialBytesAcked = 0;
}

const halved = (state: CongestionState, pmdcsBytes: number): number =>
  Math.max(Math.floor(state.windowBytes / 2), 4 * pmdcsBytes);

/** Section 7.2.3, after loss was seen by missing reports. */
export function halve(state: CongestionState, pmdcsBytes: number): void {
  state.slowStartThresholdBytes = halved(state, pmdcsBytes);
  state.windowBytes = state.slowStartThresholdBytes;
  state.partialBytesAcked = 0;
}

/** Section 7.2.3, after T3-rtx expired. */
export function collapse(state: CongestionState, pmdcsBytes: number): void {
  state.slowStartThresholdBytes = halved(state, pmdcsBytes);
  state.windowBytes = pmdcsBytes;
  state.partialBytesAcked = 0;
  state.onePacketOnly = true;
}

/**
 * Section 7.2.1: while nothing is sent the window shrinks once an RTO, never below four chunks; before
 * the first time the threshold remembers it.
 */
export function decayAfterIdle(state: CongestionState, pmdcsBytes: number, idleRtos: number): void {
  const floorBytes = 4 * pmdcsBytes;
  if (idleRtos < 1 || state.windowBytes <= floorBytes) return;
  state.slowStartThresholdBytes = state.windowBytes;
  for (let rto = 0; rto < idleRtos && state.windowBytes > floorBytes; rto++) {
    state.windowBytes = halved(state, pmdcsBytes);
  }
}

/** ECN-Echo: as after a loss that missing reports showed (RFC 4960 appendix A), without a recovery. */
export function reduceOnce(state: CongestionState, pmdcsBytes: number): void {
  state.slowStartThresholdBytes = halved(state, pmdcsBytes);
  state.windowBytes = Math.min(state.windowBytes, state.slowStartThresholdBytes);
  state.partialBytesAcked = 0;
}
