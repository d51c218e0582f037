import type { Tsn } from "../base/serial.ts";
import { tsnDistance } from "../base/serial.ts";

/** A request of RFC 6525; streams: none listed means all of them. */
export type ReconfigurationRequest =
  | {
      readonly kind: "outgoing-reset";
      readonly streams: readonly number[];
      /** The peer's incoming request that this one answers, else the one before its next. */
      readonly responseSequence: number;
      readonly lastTsn: Tsn;
    }
  | { readonly kind: "incoming-reset"; readonly streams: readonly number[] }
  | { readonly kind: "ssn-tsn-reset" }
  | { readonly kind: "add-outgoing"; readonly count: number }
  | { readonly kind: "add-incoming"; readonly count: number };

/** What the user or the peer wants and what could not be sent yet. */
export type WantedReconfiguration =
  | { readonly kind: "outgoing-reset"; readonly streams: readonly number[]; readonly answers?: number }
  | Exclude<ReconfigurationRequest, { readonly kind: "outgoing-reset" }>;

/** Results of RFC 6525 section 4.4, table 3. */
export const reconfigurationResult = {
  nothingToDo: 0,
  performed: 1,
  denied: 2,
  wrongSsn: 3,
  alreadyInProgress: 4,
  badSequenceNumber: 5,
  inProgress: 6,
} as const;

export interface ReconfigurationAnswer {
  readonly responseSequence: number;
  readonly result: number;
  readonly nextTsns?: { readonly sender: Tsn; readonly receiver: Tsn };
}

/**
 * Re-configuration of streams (RFC 6525). Part of the replicated association state; a small value that is
 * replaced whole.
 */
export interface ReconfigurationState {
  /** Re-configuration request sequence number of our next request. */
  readonly nextRequest: number;
  /** The one that the peer has to use next. */
  readonly peerNextRequest: number;
  /** Our request that has no answer yet: one at a time (section 5.1.1). */
  readonly inFlight: { readonly sequence: number; readonly request: ReconfigurationRequest } | undefined;
  readonly wanted: readonly WantedReconfiguration[];
  /** Answers to the last requests of the peer, to be given again to repeated ones. */
  readonly answered: readonly ReconfigurationAnswer[];
  /** The peer's reset that waits until everything up to `lastTsn` has come (section 5.2.2, E2). */
  readonly deferred:
    | { readonly sequence: number; readonly lastTsn: Tsn; readonly streams: readonly number[] }
    | undefined;
}

/** Nothing that is under way is so far ahead. */
const farTsns = 0x4000_0000;

/**
 * Whether a TSN that seems to lie ahead of `base` is one of another numbering: from before an SSN/TSN reset,
 * or from after one of which we do not know yet. Both are 2^31 away (section 5.2.4, G1).
 */
export const isOfOtherNumbering = (
  { streamReconfiguration }: { readonly streamReconfiguration: boolean },
  base: Tsn,
  tsn: Tsn,
): boolean => streamReconfiguration && tsnDistance(base, tsn) > farTsns;

/** Sequence numbers begin with the initial TSNs (section 4.1). */
export const createReconfigurationState = (
  localInitialTsn: Tsn,
  peerInitialTsn: Tsn,
): ReconfigurationState => ({
  nextRequest: localInitialTsn,
  peerNextRequest: peerInitialTsn,
  inFlight: undefined,
  wanted: [],
  answered: [],
  deferred: undefined,
});
