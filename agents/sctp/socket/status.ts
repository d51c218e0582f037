import type { AbandonedMessages } from "../association/abandoned-messages.ts";
import type { AssociationStatistics, PathStatistics } from "../association/statistics.ts";
import { commonHeaderBytes } from "../wire/index.ts";
import type { Answer } from "./errno.ts";
import { answer, refuse } from "./errno.ts";
import type { AssociationId } from "./messages.ts";
import type { Socket, SocketAssociation } from "./socket.ts";
import { onlyAssociation } from "./socket.ts";

/** The states of RFC 6458 section 8.2.1. */
export type SocketState =
  | "SCTP_CLOSED"
  | "SCTP_BOUND"
  | "SCTP_LISTEN"
  | "SCTP_COOKIE_WAIT"
  | "SCTP_COOKIE_ECHOED"
  | "SCTP_ESTABLISHED"
  | "SCTP_SHUTDOWN_PENDING"
  | "SCTP_SHUTDOWN_SENT"
  | "SCTP_SHUTDOWN_RECEIVED"
  | "SCTP_SHUTDOWN_ACK_SENT";

/** SCTP_STATUS, `struct sctp_status`, with all paths in the place of the primary one. */
export interface SocketStatus {
  readonly state: SocketState;
  readonly association: AssociationId | undefined;
  /** The peer's receive window less what is in flight. */
  readonly peerWindowBytes: number;
  /** DATA chunks sent and not acknowledged. */
  readonly unacknowledgedChunks: number;
  /** DATA chunks received that cannot be delivered yet. */
  readonly pendingChunks: number;
  /** Streams that the peer uses, and that we may use. */
  readonly inboundStreams: number;
  readonly outboundStreams: number;
  /** Longest message that is not fragmented. */
  readonly fragmentationPointBytes: number;
  readonly primaryAddress: string | undefined;
  readonly paths: readonly PathStatistics[];
  /** SCTP_PR_STREAM_STATUS and SCTP_PR_ASSOC_STATUS (RFC 7496 sections 4.3 and 4.4). */
  readonly abandonedMessages: readonly AbandonedMessages[];
}

const dataHeaderBytes = 16;

const stateNames: Readonly<Record<AssociationStatistics["phase"], SocketState>> = {
  "cookie-echoed": "SCTP_COOKIE_ECHOED",
  established: "SCTP_ESTABLISHED",
  "shutdown-pending": "SCTP_SHUTDOWN_PENDING",
  "shutdown-sent": "SCTP_SHUTDOWN_SENT",
  "shutdown-received": "SCTP_SHUTDOWN_RECEIVED",
  "shutdown-ack-sent": "SCTP_SHUTDOWN_ACK_SENT",
  closed: "SCTP_CLOSED",
};

/** Of the association of a one-to-one socket, or of one of a one-to-many socket (`EINVAL`: it has no such). */
export function status(socket: Socket, id: AssociationId | undefined): Answer<SocketStatus> {
  const association = id === undefined ? onlyAssociation(socket) : socket.associations.get(id);
  if (id !== undefined && association === undefined) return refuse("EINVAL");
  return answer(association === undefined ? withoutAssociation(socket) : statusOf(socket, association));
}

function withoutAssociation(socket: Socket): SocketStatus {
  const { parameters } = socket;
  const bound = socket.port !== undefined && socket.ended === undefined;
  return {
    state: socket.backlog > 0 ? "SCTP_LISTEN" : bound ? "SCTP_BOUND" : "SCTP_CLOSED",
    association: undefined,
    peerWindowBytes: 0,
    unacknowledgedChunks: 0,
    pendingChunks: 0,
    inboundStreams: parameters.maxInboundStreams,
    outboundStreams: parameters.outboundStreams,
    fragmentationPointBytes: (parameters.packetSizeBytes - commonHeaderBytes - dataHeaderBytes) & ~3,
    primaryAddress: undefined,
    paths: [],
    abandonedMessages: [],
  };
}

function statusOf(socket: Socket, { id, handle, port, peer }: SocketAssociation): SocketStatus {
  const found = port.endpoint.statistics(handle);
  if (found === undefined) {
    const [primaryAddress] = peer.addresses;
    return { ...withoutAssociation(socket), state: "SCTP_COOKIE_WAIT", association: id, primaryAddress };
  }
  return {
    state: stateNames[found.phase],
    association: id,
    peerWindowBytes: found.peerWindowBytes,
    unacknowledgedChunks: found.unacknowledgedChunks,
    pendingChunks: port.endpoint.state(handle)?.receive.buffered.size ?? 0,
    inboundStreams: found.inboundStreams,
    outboundStreams: found.outboundStreams,
    fragmentationPointBytes: found.fragmentationPointBytes,
    primaryAddress: found.primaryAddress,
    paths: found.paths,
    abandonedMessages: found.abandonedMessages,
  };
}
