import type { ChunkSummary, DecodeNode } from "../../captures/dissect/summary.ts";
import type { CaptureInfo, HistoryHost, RunTerms } from "../../captures/verdict/history.ts";
import type { VerdictReport } from "../../captures/verdict/report.ts";

/**
 * The contract between the desk and its interface: one typed request and answer for each name, the
 * same over Electron's MessagePort and over the browser's WebSocket. All instants are microseconds
 * since the Unix epoch.
 */

export interface RunSummary {
  readonly id: string;
  readonly title: string;
  readonly startedUs: number;
  readonly durationUs: number;
  readonly peer: string;
  readonly outcome: "pass" | "fail" | "unknown" | "not-judged" | "cut-off" | "damaged";
  /** One sentence: the headline of the verdict, or what is wrong with the run file. */
  readonly headline: string;
}

/** An instant worth a line across the whole chart. */
export interface Mark {
  readonly atUs: number;
  readonly kind:
    | "association-up"
    | "address-confirmed"
    | "fault"
    | "detected"
    | "first-packet"
    | "restored"
    | "closed"
    | "takeover"
    | "handover"
    | "recovery"
    | "loss"
    | "solo"
    | "claim"
    | "synchronised"
    | "fenced"
    | "announced"
    | "policy"
    | "other";
  readonly host: string;
  readonly text: string;
}

/** A member serving the association under one epoch. */
export interface Service {
  readonly host: string;
  readonly epoch: number;
  readonly fromUs: number;
  /** When the next one began, or when this one was struck by a fault that ended or froze it. */
  readonly toUs: number;
  readonly began: "start" | "takeover" | "handover";
}

/** A time in which an instance, or a host's way to the outside, was gone. */
export interface Outage {
  readonly host: string;
  readonly what: "instance" | "address";
  readonly fromUs: number;
  /** Absent: to the end of the run. */
  readonly toUs?: number;
}

/** TSNs below `limitTsn` might be used from then on: the holder had acknowledged the lease. */
export interface LeaseHeld {
  readonly atUs: number;
  readonly host: string;
  readonly nextTsn?: number;
  readonly limitTsn: number;
}

/** When updates go to who holds the state, from an instant on. */
export interface PolicyInForce {
  readonly atUs: number;
  readonly policy: string;
  readonly placement?: string;
  readonly fencing?: string;
}

export interface RunOverview {
  readonly run: RunSummary;
  /** What the run was to show; empty where its recorder did not write it down. */
  readonly terms: RunTerms;
  /** By time; who served, and under which epoch. */
  readonly services: readonly Service[];
  /** The same of the outside end, where that is a cluster, too. */
  readonly outsideServices: readonly Service[];
  readonly outages: readonly Outage[];
  readonly leases: readonly LeaseHeld[];
  readonly policies: readonly PolicyInForce[];
  readonly hosts: readonly HistoryHost[];
  /** The outside computer's SCTP ports, one for each association; empty where they were not written down. */
  readonly associations: readonly number[];
  readonly captures: readonly CaptureInfo[];
  readonly fromUs: number;
  readonly toUs: number;
  readonly marks: readonly Mark[];
  readonly counts: Readonly<Record<"packets" | "transmissions" | "updates" | "messages", number>>;
  /** Where the run lies on the desk's disk, for a person to copy. */
  readonly files: { readonly folder: string; readonly sqlite: string; readonly pcapng: string };
}

/** Lanes of the ladder, left to right; the keeper's and the second outside computer's only where there is one. */
export type Lane = "peer2" | "peer" | "a-address" | "a" | "keeper" | "b" | "b-address";

/** One packet on its way: the observations of one packet at its two ends, joined. */
export interface Transmission {
  readonly id: number;
  /** Observation at the sending end (or the only one there is). */
  readonly packetId: number;
  readonly from: Lane;
  readonly to: Lane;
  readonly sentUs: number;
  /** Undefined: never seen at the other end. */
  readonly receivedUs?: number;
  readonly label: string;
  /** The chunk that says most about the packet: DATA before SACK before the rest. */
  readonly kind: "data" | "sack" | "heartbeat" | "setup" | "shutdown" | "abort" | "other";
  /** Id of the transmission that carried the same TSN first, when this one repeats it. */
  readonly repeats?: number;
}

/** A batch of updates on its way from the instance that serves to the holder and back. */
export interface Replication {
  /** Absent in runs that were recorded before there was more than one way: from A to B. */
  readonly from?: Lane;
  readonly to?: Lane;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly madeUs: number;
  /** When the holder had it. */
  readonly heldUs?: number;
  /** When the primary knew. */
  readonly ackedUs?: number;
  readonly label: string;
}

/** How far the holder was behind in a slice of time. */
export interface LagSlice {
  readonly fromUs: number;
  readonly toUs: number;
  /** Age of the oldest update that was not held, at its worst. */
  readonly lagUs: number;
  /** The batch was never held: what it holds is lost when its maker ends. */
  readonly lost: boolean;
}

/** Where a window holds more than `limit` items, counts per bucket are sent instead of the items. */
export interface LadderWindow {
  readonly fromUs: number;
  readonly toUs: number;
  readonly exact: boolean;
  readonly transmissions: readonly Transmission[];
  readonly replications: readonly Replication[];
  /** Per lane pair: counts in equal slices of the window; empty when `exact`. */
  readonly density: readonly { readonly from: Lane; readonly to: Lane; readonly counts: readonly number[] }[];
  /** By time; slices without lag are left out. */
  readonly lag: readonly LagSlice[];
  readonly total: number;
}

export interface PacketRow {
  readonly id: number;
  readonly atUs: number;
  readonly host: string;
  readonly interfaceName: string;
  readonly source: string;
  readonly destination: string;
  readonly lengthBytes: number;
  readonly verificationTag: number;
  readonly checksumGood: boolean;
  readonly chunks: readonly ChunkSummary[];
  /** One line, for example "DATA tsn=17 sid=2 ssn=4 (200 B) | SACK cum=9". */
  readonly info: string;
}

export interface PacketDetail {
  readonly row: PacketRow;
  readonly tree: readonly DecodeNode[];
  readonly bytesHex: string;
  /** The agent's own record of handing this packet to the network, where it has one. */
  readonly sentBecause?: { readonly reason: string; readonly dependsOn: number; readonly heldUs?: number };
}

export type Severity = "same" | "harmless" | "costs-retransmission" | "breaks-association";

/** One field of the association state at an instant: on A, on B, and as the packets showed it to the peer. */
export interface StateRow {
  readonly field: string;
  /** What the field means, for a tooltip. */
  readonly meaning: string;
  readonly a: string | null;
  readonly b: string | null;
  readonly wire: string | null;
  readonly severity: Severity;
}

export interface StateAt {
  readonly atUs: number;
  readonly aSequence: number;
  readonly bSequence: number;
  readonly aRole: string;
  readonly bRole: string;
  readonly rows: readonly StateRow[];
}

export interface Requests {
  "runs.list": { args: Record<string, never>; answer: readonly RunSummary[] };
  "run.open": { args: { runId: string }; answer: RunOverview };
  "run.ladder": {
    args: { runId: string; fromUs: number; toUs: number; limit: number };
    answer: LadderWindow;
  };
  /** Rows `offset` to `offset + limit - 1` in time order; `filter` is free text over the info line, hosts, addresses and SCTP ports. */
  "run.packets": {
    args: { runId: string; offset: number; limit: number; filter: string };
    answer: { readonly total: number; readonly rows: readonly PacketRow[] };
  };
  "run.packet": { args: { runId: string; packetId: number }; answer: PacketDetail };
  /** Position of the first packet at or after an instant in the filtered list, for jumping the table there. */
  "run.packetIndexAt": {
    args: { runId: string; atUs: number; filter: string };
    answer: { readonly index: number };
  };
  /** `association`: as in the overview; absent: the first one. */
  "run.state": {
    args: { runId: string; atUs: number; association?: number | undefined };
    answer: StateAt;
  };
  "run.verdict": { args: { runId: string }; answer: VerdictReport };
}

export type RequestName = keyof Requests;
export type Args<K extends RequestName> = Requests[K]["args"];
export type Answer<K extends RequestName> = Requests[K]["answer"];

/** What the desk answers when a request cannot be met: one sentence for a person. */
export interface RequestFailure {
  readonly message: string;
}

/** The renderer's view of the desk, whatever lies between them. */
export interface DeskLink {
  send<K extends RequestName>(name: K, args: Args<K>): Promise<Answer<K>>;
}
