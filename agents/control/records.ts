/**
 * What an agent writes down while it runs. The desk stores these records and the verdict reads them.
 * All records travel in batches inside the control channel, oldest first.
 */

/** Microseconds since the Unix epoch, by the clock of the host that made the observation. */
export type EpochMicros = number;

export type InstanceRole = "primary" | "secondary" | "peer";

/**
 * A change of the replicated association state. The primary instance writes it when it makes the
 * change; the secondary instance writes the same one when it has applied it, from which moment it
 * counts as held.
 */
export interface UpdateRecord {
  readonly kind: "update";
  readonly at: EpochMicros;
  /**
   * Local tag of the association on the recorder's side; the event `association-up` says which ports it has.
   * Absent: in runs recorded before there was more than one.
   */
  readonly association?: number;
  /** `made`: this instance changed its state. `held`: this instance received and applied the change. */
  readonly act: "made" | "held";
  /** Replication sequence number: 1, 2, 3 ... over the life of the association, on both computers. */
  readonly sequence: number;
  /** Fencing epoch: 1 for the first primary, one more after each takeover. */
  readonly epoch: number;
  /** Name of the change, for example `tsnAssigned`, `dataReceived`, `delivered`, `cumAcked`, `opened`. */
  readonly change: string;
  /** The TSN that the change is about, where there is one. */
  readonly tsn?: number;
  /** The change as it goes over the cluster link, base64: input of the state reducer. */
  readonly bytes: string;
}

/** The primary instance learned that the secondary holds everything up to and including `sequence`. */
export interface AckedRecord {
  readonly kind: "acked";
  readonly at: EpochMicros;
  /** As in an `UpdateRecord`. */
  readonly association?: number;
  readonly sequence: number;
}

export type SendReason =
  | "setup"
  | "data"
  | "sack"
  | "t3-retransmission"
  | "fast-retransmission"
  | "forward-tsn"
  | "reconfiguration"
  | "takeover-retransmission"
  | "heartbeat"
  | "heartbeat-ack"
  | "address-change"
  | "shutdown"
  | "abort"
  | "error";

/** A packet handed to the network. `checksum` (the SCTP CRC32c) finds it again in a capture. */
export interface SentRecord {
  readonly kind: "sent";
  readonly at: EpochMicros;
  /** As in an `UpdateRecord`; 0 where the packet belongs to none, or was only passed on. */
  readonly association?: number;
  readonly local: string;
  readonly remote: string;
  readonly checksum: number;
  readonly reason: SendReason;
  /** The packet was held until the secondary had acknowledged this replication sequence; 0: it waited for nothing. */
  readonly dependsOn: number;
}

/** Who numbers the messages: `up` the outside computer, `down` the cluster, `echo` a `down` message sent back. */
export type FlowName = "up" | "down" | "echo";

/** A numbered test message, as its sender or its receiver saw it. Numbers start at 0 for each flow and stream. */
export interface MessageRecord {
  readonly kind: "message";
  readonly at: EpochMicros;
  /** As in an `UpdateRecord`. */
  readonly association?: number;
  readonly act: "sent" | "delivered";
  readonly flow: FlowName;
  readonly streamId: number;
  readonly number: number;
  readonly sizeBytes: number;
  /** The checksum inside the message matched its bytes. */
  readonly intact: boolean;
  /** On the cluster's side: the replication sequence of the update that took the message in or delivered it. */
  readonly sequence?: number;
}

export type EventName =
  | "role"
  | "association-up"
  | "association-lost"
  | "association-closed"
  | "address-confirmed"
  | "path-state"
  | "secondary-connected"
  | "secondary-lost"
  | "primary-lost"
  | "takeover-started"
  | "takeover-complete"
  | "fenced"
  | "load-started"
  | "load-stopped"
  | "stall"
  | "note"
  | "application"
  | ReplicationEventName;

/**
 * Events of replication, takeover and recovery. What is about one association names it in the same way.
 * Their `detail`:
 * `policy` {policy, placement, fencing}, at the start and at each change ·
 * `lease` {association, limitTsn, nextTsn}, when acknowledged · `sync-started` {associations} ·
 * `synchronised` {associations, bytes, tookMs} · `solo` {reason} · `claim` {epoch} · `claim-granted` {epoch} ·
 * `claim-denied` {reason} · `handover-started` {epoch} · `handover-complete` {epoch, tookMs} · `rejoined` {epoch} ·
 * `impending-failure` {reason} · `link-refused` {reason} ·
 * `recovery-step` {association, step: lease, probe, forward-tsn, resynchronise, stream-reset, restart, abort or redirect};
 * with `lease` {limitTsn}, where the lease ends that this instance held ·
 * `address-takeover` {address, step: asked, not-taken, taken or given-back}: the outside address of the member that is gone ·
 * `loss-report` {association, direction, firstTsn, lastTsn, messagesAtMost}: a range of TSNs, both ends included;
 * `inbound`: acknowledged to the peer by the earlier instance, never given to this one; `outbound`: perhaps sent by the
 * earlier instance, not acknowledged by the peer, skipped ·
 * `application` {association, and counts where it has some}, what an application did, when its association ends ·
 * `numbers-skipped` {association, flow, firstIndex, lastIndex}: message indices, both included, that the numbered application does
 * not use again; index i is number floor(i / streams) of stream i mod streams.
 */
export type ReplicationEventName =
  | "policy"
  | "lease"
  | "sync-started"
  | "synchronised"
  | "solo"
  | "claim"
  | "claim-granted"
  | "claim-denied"
  | "handover-started"
  | "handover-complete"
  | "rejoined"
  | "impending-failure"
  | "link-refused"
  | "recovery-step"
  | "address-takeover"
  | "loss-report"
  | "numbers-skipped";

export interface EventRecord {
  readonly kind: "event";
  readonly at: EpochMicros;
  readonly name: EventName;
  /** One clear sentence for a person. */
  readonly text: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

export type AgentRecord = UpdateRecord | AckedRecord | SentRecord | MessageRecord | EventRecord;

/** Numbers that one side gave out for a flow and stream: 0 to `sent` - 1 must arrive. */
export interface FlowTotal {
  /** As in an `UpdateRecord`. */
  readonly association?: number | undefined;
  readonly flow: FlowName;
  readonly streamId: number;
  readonly sent: number;
}
