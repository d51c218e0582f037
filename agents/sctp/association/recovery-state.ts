import type { Tsn } from "../base/serial.ts";

/** A TSN of the peer that came more than once, and nothing lower in between. */
export interface RepeatedTsn {
  readonly tsn: Tsn;
  readonly firstAtMs: number;
  readonly count: number;
}

/** How an instance that began with an older state finds out what the peer has. Not replicated: it begins anew. */
export interface Recovery {
  readonly startedAtMs: number;
  /** The first of the TSNs that were given up because another instance may have used them; undefined: all that are. */
  readonly firstUnknownTsn: Tsn | undefined;
  /** While the peer is asked for a SACK: how often, for which TSN and where to. Nothing new is sent meanwhile. */
  readonly probe:
    | {
        readonly tsn: Tsn;
        readonly tries: number;
        readonly sentTo: string;
        /** It is to be sent (again). */
        readonly due: boolean;
      }
    | undefined;
  /** Our next TSN when a reset of all numbers was asked for; until that is answered nothing is sent. */
  readonly resetFromTsn: Tsn | undefined;
  /** The lowest TSN above the cumulative one that came since. */
  readonly lowestTsn: Tsn | undefined;
  readonly repeated: readonly RepeatedTsn[];
}
