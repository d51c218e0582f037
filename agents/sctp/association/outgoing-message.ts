import type { Reliability } from "../tx/send-state.ts";

/** A message from the user (RFC 6458 sections 5.3.4 and 5.3.7: `struct sctp_sndinfo`, `struct sctp_prinfo`). */
export interface OutgoingMessage {
  readonly streamId: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly payload: Uint8Array;
  /** The peer is asked not to delay its SACK (RFC 7053). */
  readonly immediate?: boolean;
  /** Without it the message is sent until it arrives. */
  readonly reliability?: Reliability;
  /** Comes back when the message cannot be sent. */
  readonly context?: number;
  /** The payload is ours from now on: no copy is made. */
  readonly transferred?: boolean;
}

export type SendAnswer = "accepted" | "queue-full" | "no-such-stream" | "bad-length" | "not-connected";
