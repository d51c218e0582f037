import type { Extensions } from "../base/parameters.ts";
import type { Tsn } from "../base/serial.ts";
import type { NumberedUpdate } from "./updates.ts";

/** The two ends of one packet's way. */
export interface Route {
  readonly local: string;
  readonly remote: string;
  /** UDP port of the peer where the packet is encapsulated (RFC 6951); without it the one that was configured. */
  readonly remotePort?: number | undefined;
}

/** Why a packet was sent: the part of it that matters most. */
export type PacketReason =
  | "setup"
  | "data"
  | "sack"
  | "t3-retransmission"
  | "fast-retransmission"
  | "takeover-retransmission"
  | "forward-tsn"
  | "reconfiguration"
  | "heartbeat"
  | "heartbeat-ack"
  | "address-change"
  | "shutdown"
  | "abort"
  | "error";

/** An SCTP packet for the network, complete with its CRC32c. */
export interface OutboundPacket extends Route {
  /** Local tag of its association; 0 where it belongs to none. */
  readonly association: number;
  readonly bytes: Uint8Array;
  readonly reason: PacketReason;
  /** It may leave once another computer holds this update of its association and all before it; 0: at once. */
  readonly dependsOn: number;
  /** It measures the path MTU: it must not be fragmented on its way (RFC 8899). */
  readonly probe?: boolean;
}

/** A user message in order of its stream, or a part of one (RFC 6458 section 6.1.7). */
export interface Delivery {
  readonly association: number;
  readonly streamId: number;
  /** SSN, or MID in an association with I-DATA; 0 for an unordered message of DATA chunks. */
  readonly ssn: number;
  readonly ppid: number;
  readonly unordered: boolean;
  readonly payload: Uint8Array;
  /** TSN of the first byte of `payload`. */
  readonly tsn: Tsn;
  /** Cumulative TSN when it was delivered. */
  readonly cumulativeTsn: Tsn;
  /** Both set: a whole message. */
  readonly beginning: boolean;
  readonly ending: boolean;
  /** Number of the `delivered` update: who must not see the message twice waits until that is held elsewhere. */
  readonly sequence: number;
}

/** How an association goes on from a state that is older than what its peer saw: the cheapest way first. */
export type RecoveryStep =
  /** TSNs that another instance may have used are given up. */
  | "lease"
  /** The peer is asked for a SACK before anything new is sent. */
  | "probe"
  /** Holes that nobody can fill are skipped (RFC 3758). */
  | "forward-tsn"
  /** Our cumulative TSN moves to where the peer is. */
  | "resynchronise"
  /** All TSNs and SSNs begin again (RFC 6525 section 4.3). */
  | "stream-reset"
  /** The association begins again (RFC 9260 section 5.2). */
  | "restart"
  | "abort"
  /** The peer is told where to send to (RFC 5061). */
  | "redirect";

/** What the user of an association is told, in the words of RFC 6458 section 6.1. */
export type Notification =
  | {
      readonly type: "association-change";
      readonly state: "comm-up" | "comm-lost" | "restart" | "shutdown-complete" | "cant-start";
      /** One sentence, empty where there is nothing to explain. */
      readonly reason: string;
      /** Why it was lost or cannot start. */
      readonly cause?: "timeout" | "aborted-by-peer" | "aborted-by-us";
      /** Handle of the association that takes its place, with `restart`. */
      readonly successor?: number;
      /** What both sides support, with `comm-up` and `restart` (`sac_info`; RFC 8260 section 4.2). */
      readonly extensions?: Extensions;
    }
  | {
      readonly type: "peer-address-change";
      readonly address: string;
      readonly state:
        | "confirmed"
        | "available"
        | "potentially-failed"
        | "unreachable"
        | "made-primary"
        | "added"
        | "removed";
    }
  | { readonly type: "shutdown-event" }
  /** The rest of a message does not come of which parts were delivered (RFC 6458 section 6.1.7). */
  | {
      readonly type: "partial-delivery-aborted";
      readonly streamId: number;
      readonly ssn: number;
      readonly unordered: boolean;
    }
  | { readonly type: "sender-dry" }
  /** RFC 6525 section 6.1.1; none listed: all streams. */
  | {
      readonly type: "stream-reset";
      readonly direction: "incoming" | "outgoing";
      readonly streams: readonly number[];
      readonly outcome: "performed" | "denied" | "failed";
    }
  /** RFC 6525 section 6.1.2: the next TSNs of both sides. */
  | {
      readonly type: "association-reset";
      readonly localTsn: Tsn;
      readonly remoteTsn: Tsn;
      readonly outcome: "performed" | "denied" | "failed";
    }
  /** RFC 6525 section 6.1.3. */
  | {
      readonly type: "stream-change";
      readonly inboundStreams: number;
      readonly outboundStreams: number;
      readonly outcome: "performed" | "denied" | "failed";
    }
  /** After `send` answered `queue-full`: half of the send buffer is free again. */
  | { readonly type: "send-possible" }
  /** What the peer said in INIT or INIT ACK about its adaptation layer (RFC 6458 section 6.1.6). */
  | { readonly type: "adaptation-indication"; readonly indication: number }
  /** The peer's answer to a change of our own addresses (RFC 5061). */
  | {
      readonly type: "local-address-change";
      readonly address: string;
      readonly change: "add" | "delete" | "set-primary";
      readonly accepted: boolean;
    }
  /**
   * RFC 6458 section 6.1.8: the peer uses another key; it does not authenticate though we would; or a key
   * is not needed any more and can be deleted.
   */
  | {
      readonly type: "authentication";
      readonly event: "new-key" | "no-authentication" | "key-freed";
      readonly keyId: number;
    }
  | { readonly type: "remote-error"; readonly causes: readonly string[] }
  /** A step of going on from an older state; `text` is one sentence. */
  | {
      readonly type: "recovery-step";
      readonly step: RecoveryStep;
      readonly text: string;
      /** With `lease`: where it ends, which is the first TSN that the other instance could not use. */
      readonly limitTsn?: Tsn;
    }
  /**
   * What may have been lost because the state was older: a run of TSNs, both included. Inbound: acknowledged
   * to the peer and not received here. Outbound: perhaps sent, not acknowledged, and given up.
   */
  | {
      readonly type: "loss-report";
      readonly direction: "inbound" | "outbound";
      readonly firstTsn: Tsn;
      readonly lastTsn: Tsn;
      readonly messagesAtMost: number;
    }
  /** A message, or the fragment of one, that the peer may never have got (RFC 6458 section 6.1.11). */
  | {
      readonly type: "send-failed";
      readonly streamId: number;
      readonly ppid: number;
      readonly context: number;
      readonly payload: Uint8Array;
      /** It was sent at least once. */
      readonly sent: boolean;
      /** TSN of what was sent. */
      readonly tsn?: Tsn;
      readonly reason: "expired" | "retransmission-limit" | "priority" | "association-lost" | "takeover";
    };

/** What is to be done, in order. */
export interface EndpointOutputs {
  readonly updates: (NumberedUpdate & { readonly association: number })[];
  readonly packets: OutboundPacket[];
  readonly deliveries: Delivery[];
  readonly notifications: { readonly association: number; readonly notification: Notification }[];
}

const emptyOutputs = (): EndpointOutputs => ({ updates: [], packets: [], deliveries: [], notifications: [] });

/** Nearly every second answer: nobody can add to it. */
const nothing: EndpointOutputs = emptyOutputs();
for (const list of Object.values(nothing)) Object.freeze(list);

/** Where all associations of an endpoint put what they want done. */
export class Outputs {
  #outputs: EndpointOutputs = emptyOutputs();

  get updates(): EndpointOutputs["updates"] {
    return this.#outputs.updates;
  }

  get packets(): EndpointOutputs["packets"] {
    return this.#outputs.packets;
  }

  get deliveries(): EndpointOutputs["deliveries"] {
    return this.#outputs.deliveries;
  }

  get notifications(): EndpointOutputs["notifications"] {
    return this.#outputs.notifications;
  }

  get isEmpty(): boolean {
    const { updates, packets, deliveries, notifications } = this.#outputs;
    return updates.length + packets.length + deliveries.length + notifications.length === 0;
  }

  take(): EndpointOutputs {
    if (this.isEmpty) return nothing;
    const outputs = this.#outputs;
    this.#outputs = emptyOutputs();
    return outputs;
  }
}
