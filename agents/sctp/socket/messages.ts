import type { Notification } from "../association/outputs.ts";
import type { Tsn } from "../base/serial.ts";
import type { Reliability } from "../tx/send-state.ts";

/** Names an association at a one-to-many socket (`sctp_assoc_t`): 1, 2, 3 ..., never used twice. */
export type AssociationId = number;

/** Where a message of a one-to-many socket goes: an association, or a peer to which one is set up if need be. */
export type Destination = AssociationId | { readonly addresses: readonly string[]; readonly port: number };

/** RFC 6458 sections 5.3.4 and 5.3.7, `struct sctp_sndinfo` and `struct sctp_prinfo`; absent: 0, false, reliable. */
export interface SendInfo {
  readonly streamId?: number;
  readonly ppid?: number;
  /** Comes back with `send-failed`. */
  readonly context?: number;
  /** SCTP_UNORDERED. */
  readonly unordered?: boolean;
  /** SCTP_ABORT: the association ends at once, and the message is the reason that the peer is told. */
  readonly abort?: boolean;
  /** SCTP_EOF: the association ends gracefully after this message, which may be empty. */
  readonly eof?: boolean;
  /** SCTP_SACK_IMMEDIATELY (RFC 7053). */
  readonly immediate?: boolean;
  readonly reliability?: Reliability;
  /** Needed at a one-to-many socket, and for implicit set-up at both kinds (section 7.5). */
  readonly to?: Destination;
}

/** RFC 6458 section 5.3.5, `struct sctp_rcvinfo`. */
export interface ReceiveInfo {
  readonly streamId: number;
  /** SSN, or the lower 16 bits of the message identifier (RFC 8260 section 4.1). */
  readonly ssn: number;
  readonly unordered: boolean;
  readonly ppid: number;
  /** TSN of the first byte. */
  readonly tsn: Tsn;
  /** Cumulative TSN when it was delivered. */
  readonly cumulativeTsn: Tsn;
  /** What SCTP_CONTEXT was set to. */
  readonly context: number;
}

/** What a user can subscribe to (SCTP_EVENT, RFC 6458 section 6.2.2). */
export type EventName = Exclude<Notification["type"], "send-possible">;

/** RFC 6458 section 6.1: a notification as it is read from a socket, among the messages. */
export type SocketNotification =
  | Extract<Notification, { type: EventName }>
  /** So many are unread that some were dropped (section 6.1.10). */
  | { readonly type: "notifications-stopped" };

/** What one call of `receive` takes from a socket. */
export type Received =
  | {
      readonly kind: "data";
      readonly association: AssociationId;
      readonly bytes: Uint8Array;
      /** MSG_EOR: the message ends here. */
      readonly endOfRecord: boolean;
      readonly info: ReceiveInfo;
    }
  | {
      readonly kind: "notification";
      readonly association: AssociationId;
      readonly notification: SocketNotification;
    }
  /** The association ended in order, and everything was read: `read` answers 0. */
  | { readonly kind: "end" };
