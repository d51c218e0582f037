import type { NumberedUpdate } from "./updates.ts";

/** Why a packet was sent: the part of it that matters most. */
export type PacketReason =
  | "setup"
  | "data"
  | "sack"
  | "t3-retransmission"
  | "fast-retransmission"
  | "takeover-retransmission"
  | "heartbeat"
  | "heartbeat-ack"
  | "shutdown"
  | "abort"
  | "error";

/** An SCTP packet for the network, complete with its CRC32c. */
export interface OutboundPacket {
  readonly local: string;
  readonly remote: string;
  readonly bytes: Uint8Array;
  readonly reason: PacketReason;
  /** It may leave once another computer holds this update of its association and all before it; 0: at once. */
  readonly dependsOn: number;
}

/** A user message, whole and in order of its stream. */
export interface Delivery {
  readonly streamId: number;
  readonly ssn: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly payload: Uint8Array;
  /** Number of the `delivered` update: who must not see the message twice waits until that is held elsewhere. */
  readonly sequence: number;
}

/** What the user of an association is told, in the words of RFC 6458 section 6.1. */
export type Notification =
  | {
      readonly type: "association-change";
      readonly state: "comm-up" | "comm-lost" | "restart" | "shutdown-complete" | "cant-start";
      /** One sentence, empty where there is nothing to explain. */
      readonly reason: string;
    }
  | {
      readonly type: "peer-address-change";
      readonly address: string;
      readonly state: "confirmed" | "available" | "potentially-failed" | "unreachable" | "made-primary";
    }
  | { readonly type: "shutdown-event" }
  | { readonly type: "sender-dry" }
  | { readonly type: "remote-error"; readonly causes: readonly string[] };

/** Everything that an association wants done since it was last asked, in the order in which it came up. */
export interface AssociationOutputs {
  readonly updates: NumberedUpdate[];
  readonly packets: OutboundPacket[];
  readonly deliveries: Delivery[];
  readonly notifications: Notification[];
}

export const emptyOutputs = (): AssociationOutputs => ({
  updates: [],
  packets: [],
  deliveries: [],
  notifications: [],
});
