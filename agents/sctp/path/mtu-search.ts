/**
 * Search for the largest packet that a path takes, by probes that the peer acknowledges (RFC 8899
 * section 5, applied to SCTP in its section 6.2). Sizes are those of SCTP packets, common header included.
 */
export interface MtuSearch {
  /** Size known not to arrive; the search stays below it. */
  ceilingBytes: number;
  /** The probe that is out. */
  probe: { readonly nonce: Uint8Array; readonly sizeBytes: number } | undefined;
  /** Probes of this size that were lost in a row. */
  lost: number;
  /** T3-rtx expirations in a row: large packets may have stopped arriving (section 4.3, black hole). */
  timeouts: number;
}

/** MAX_PROBES of RFC 8899 section 5.1.2. */
export const maxProbes = 3;
/** PMTU_RAISE_TIMER of RFC 8899 section 5.1.1. */
export const raiseIntervalMs = 600_000;
/** BASE_PLPMTU of RFC 8899 section 5.1.2, less IPv6 and UDP headers: what every path takes. */
export const basePacketBytes: number = 1200 - 48;
/** Below this distance a better size is not worth a probe. */
const resolutionBytes = 8;
/** Packet sizes that links of today leave to SCTP, over IPv4 and IPv6, with and without UDP. */
const likelyBytes = [1232, 1240, 1252, 1372, 1392, 1440, 1452, 1460, 1472, 1480, 4324, 8952, 8972];

export const createMtuSearch = (largestBytes: number): MtuSearch => ({
  ceilingBytes: largestBytes + 1,
  probe: undefined,
  lost: 0,
  timeouts: 0,
});

/**
 * The size to probe next, where `knownBytes` arrive; undefined where the search has ended. Sizes of real
 * links first, then halves of what is left.
 */
export function nextProbeBytes(search: MtuSearch, knownBytes: number): number | undefined {
  const { ceilingBytes } = search;
  const likely = likelyBytes.find((size) => size > knownBytes && size < ceilingBytes);
  if (likely !== undefined) return likely;
  if (ceilingBytes - knownBytes <= resolutionBytes) return undefined;
  return (knownBytes + Math.ceil((ceilingBytes - knownBytes) / 2)) & ~3;
}

/** A probe went unanswered; true when its size is given up. */
export function probeLost(search: MtuSearch): boolean {
  search.lost += 1;
  const { probe } = search;
  if (search.lost < maxProbes || probe === undefined) return false;
  search.ceilingBytes = probe.sizeBytes;
  search.probe = undefined;
  search.lost = 0;
  return true;
}
