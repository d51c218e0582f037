import type { ProtocolParameters } from "../base/parameters.ts";

/** Clock granularity G of RFC 9260 section 6.3.1. */
const clockGranularityMs = 1;

export interface RtoState {
  rtoMs: number;
  smoothedRttMs: number | undefined;
  rttVariationMs: number;
}

export function createRto(parameters: ProtocolParameters): RtoState {
  return { rtoMs: parameters.rtoInitialMs, smoothedRttMs: undefined, rttVariationMs: 0 };
}

export const clampRto = (rtoMs: number, parameters: ProtocolParameters): number =>
  Math.min(Math.max(rtoMs, parameters.rtoMinMs), parameters.rtoMaxMs);

/** The RTO that the measurements ask for, before its bounds; undefined before the first one. */
export const measuredRto = (rto: RtoState): number | undefined =>
  rto.smoothedRttMs === undefined ? undefined : rto.smoothedRttMs + 4 * rto.rttVariationMs;

/** Takes a new measurement in (RFC 9260 section 6.3.1, rules C2 and C3, alpha 1/8 and beta 1/4). */
export function measureRtt(rto: RtoState, rttMs: number, parameters: ProtocolParameters): void {
  if (rto.smoothedRttMs === undefined) {
    rto.smoothedRttMs = rttMs;
    rto.rttVariationMs = rttMs / 2;
  } else {
    rto.rttVariationMs = 0.75 * rto.rttVariationMs + 0.25 * Math.abs(rto.smoothedRttMs - rttMs);
    rto.smoothedRttMs = 0.875 * rto.smoothedRttMs + 0.125 * rttMs;
  }
  // Rule G1.
  if (rto.rttVariationMs === 0) rto.rttVariationMs = clockGranularityMs;
  rto.rtoMs = clampRto(measuredRto(rto) ?? rto.rtoMs, parameters);
}

/** Doubles the RTO after a time-out (RFC 9260 section 6.3.3, rule E2). */
export function backOff(rto: RtoState, parameters: ProtocolParameters): void {
  // Rule G1.
  if (rto.rttVariationMs === 0) rto.rttVariationMs = clockGranularityMs;
  rto.rtoMs = clampRto(rto.rtoMs * 2, parameters);
}
