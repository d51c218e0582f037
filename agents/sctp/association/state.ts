import type { Extensions } from "../base/parameters.ts";
import type { Tsn } from "../base/serial.ts";
import type { ReconfigurationState } from "./reconfiguration-state.ts";
import { createReconfigurationState } from "./reconfiguration-state.ts";
import type { AsconfState } from "./asconf-state.ts";
import { createAsconfState } from "./asconf-state.ts";
import type { AgreedAuthentication } from "./authentication.ts";
import type { ReceiveState } from "../rx/receive-state.ts";
import { cloneReceiveState, createReceiveState } from "../rx/receive-state.ts";
import type { SendState } from "../tx/send-state.ts";
import { cloneSendState, createSendState } from "../tx/send-state.ts";

/** States of RFC 9260 section 4 in which both sides' tags are known. */
export type AssociationPhase =
  | "cookie-echoed"
  | "established"
  | "shutdown-pending"
  | "shutdown-sent"
  | "shutdown-received"
  | "shutdown-ack-sent"
  | "closed";

/** What both sides agreed on in INIT and INIT ACK. */
export interface Agreement {
  readonly localPort: number;
  readonly peerPort: number;
  readonly localTag: number;
  readonly peerTag: number;
  readonly localInitialTsn: Tsn;
  readonly peerInitialTsn: Tsn;
  readonly localAddresses: readonly string[];
  readonly peerAddresses: readonly string[];
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  /** The window that the peer advertised in its INIT or INIT ACK. */
  readonly peerWindowBytes: number;
  /** Chunk types beyond RFC 9260 that the peer announced (RFC 5061 section 4.2.7). */
  readonly peerExtensions: readonly number[];
  /** Extensions that both sides offered. */
  readonly extensions: Extensions;
  /** What both sides said about authentication, where that was agreed on (RFC 4895 section 6.1). */
  readonly authentication?: AgreedAuthentication | undefined;
}

/**
 * The association state that a second computer needs to go on with the association: the TCB of
 * RFC 9260 section 14 without what may start afresh (round-trip times, congestion windows, timers,
 * error counts). It changes through `applyUpdate` and in no other way.
 */
export interface AssociationState {
  /** What both sides agreed on; the numbers of streams can change (RFC 6525). */
  agreement: Agreement;
  /** Number of the last update applied; the state itself is number 1. */
  sequence: number;
  phase: AssociationPhase;
  /** The cookie to echo, in `cookie-echoed`. */
  readonly cookie: Uint8Array | undefined;
  readonly send: SendState;
  readonly receive: ReceiveState;
  readonly confirmedAddresses: Set<string>;
  /** UDP ports from which the peer's addresses last sent (RFC 6951 section 5.4). */
  readonly encapsulationPorts: Map<string, number>;
  primaryAddress: string;
  reconfiguration: ReconfigurationState;
  /** Changes of addresses while the association lives (RFC 5061). */
  asconf: AsconfState;
  /** Identifier of the shared key with which we authenticate; the keys themselves are not replicated. */
  activeKeyId: number;
  /** State of the user of the association, opaque here; it moves with the association. */
  userState: Uint8Array;
}

export function createAssociationState(
  agreement: Agreement,
  start: { readonly phase: AssociationPhase; readonly peerAddress: string; readonly cookie?: Uint8Array },
): AssociationState {
  return {
    agreement,
    sequence: 0,
    phase: start.phase,
    cookie: start.cookie,
    send: createSendState(agreement.localInitialTsn, agreement.extensions.interleaving),
    receive: createReceiveState(agreement.peerInitialTsn, agreement.extensions.interleaving),
    confirmedAddresses: new Set([start.peerAddress]),
    encapsulationPorts: new Map(),
    primaryAddress: start.peerAddress,
    reconfiguration: createReconfigurationState(agreement.localInitialTsn, agreement.peerInitialTsn),
    asconf: createAsconfState(agreement.localInitialTsn, agreement.peerInitialTsn),
    activeKeyId: 0,
    userState: new Uint8Array(0),
  };
}

/** An independent copy; payloads and the agreement are shared, since nobody changes them. */
export function cloneAssociationState(state: AssociationState): AssociationState {
  return {
    ...state,
    send: cloneSendState(state.send),
    receive: cloneReceiveState(state.receive),
    confirmedAddresses: new Set(state.confirmedAddresses),
    encapsulationPorts: new Map(state.encapsulationPorts),
  };
}
