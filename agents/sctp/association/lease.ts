import type { Tsn } from "../base/serial.ts";
import { tsnAdd } from "../base/serial.ts";
import type { StreamNumbers } from "../tx/passed-tsns.ts";
import type { AssociationState } from "./state.ts";

/** What comes next on one outbound stream: SSN or message identifiers (RFC 9260 section 6.5, RFC 8260 section 2.1). */
export type StreamLease = StreamNumbers;

/**
 * TSNs that the instance which runs an association may use although nobody else knows what they carry.
 * Who goes on with an older state begins at `limitTsn`, and no TSN carries two payloads.
 */
export interface TsnLease {
  /** The peer had acknowledged up to here when the lease was written. */
  readonly ackedTsn: Tsn;
  /** The first TSN that was not used then. */
  readonly nextTsn: Tsn;
  /** The first TSN that may not be used under this lease. */
  readonly limitTsn: Tsn;
  /** Every outbound stream that was used by then. */
  readonly streams: readonly StreamLease[];
}

/** A lease of the next `blockTsns` TSNs, as the state is now. */
export function writeLease({ send }: AssociationState, blockTsns: number): TsnLease {
  return {
    ackedTsn: send.cumulativeAck,
    nextTsn: send.nextTsn,
    limitTsn: tsnAdd(send.nextTsn, blockTsns),
    streams: [...send.streams].map(([streamId, { nextSsn, nextUnorderedMid }]) => ({
      streamId,
      nextSsn,
      nextUnorderedMid,
    })),
  };
}
