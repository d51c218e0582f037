import type { Tsn } from "../base/serial.ts";

/** A change of our own addresses that the peer is asked for (RFC 5061 sections 4.2.1, 4.2.2 and 4.2.4). */
export interface AddressRequest {
  readonly kind: "add" | "delete" | "set-primary";
  readonly address: string;
}

/** An answer that was given, as it was sent: the peer may ask again. */
export interface AsconfAnswer {
  readonly serial: number;
  readonly chunk: Uint8Array;
}

/**
 * Dynamic address reconfiguration (RFC 5061). Part of the replicated association state; a small value that
 * is replaced whole.
 */
export interface AsconfState {
  /** Sequence number of our next ASCONF. */
  readonly nextSerial: number;
  /** Sequence number of the peer's ASCONF that was processed last. */
  readonly peerSerial: number;
  /** Our ASCONF that is not acknowledged: one at a time (section 5.1.1, C1). */
  readonly inFlight:
    | {
        readonly serial: number;
        /** An address of ours that the peer knows: it finds the association by it. */
        readonly lookup: string;
        readonly requests: readonly AddressRequest[];
      }
    | undefined;
  /** What waits until then. */
  readonly wanted: readonly AddressRequest[];
  /** The last answers to the peer, oldest first. */
  readonly answers: readonly AsconfAnswer[];
  /** What the peer said that it does not understand: it is not asked again (section 5.3, F3). */
  readonly notUnderstood: readonly AddressRequest["kind"][];
}

/** Sequence numbers begin with the initial TSNs (section 5.1, A2). */
export const createAsconfState = (localInitialTsn: Tsn, peerInitialTsn: Tsn): AsconfState => ({
  nextSerial: localInitialTsn,
  peerSerial: (peerInitialTsn - 1) >>> 0,
  inFlight: undefined,
  wanted: [],
  answers: [],
  notUnderstood: [],
});

/** Whether the peer was asked to add or delete this address of ours and has not answered. */
export const isUnsettled = (asconf: AsconfState, local: string): boolean =>
  openRequests(asconf).some(({ kind, address }) => kind !== "set-primary" && address === local);

/** Requests that the peer has not answered, those that wait included. */
export const openRequests = ({ inFlight, wanted }: AsconfState): readonly AddressRequest[] => [
  ...(inFlight?.requests ?? []),
  ...wanted,
];
