import type {
  EpochMicros,
  EventRecord,
  FlowName,
  FlowTotal,
  MessageRecord,
  SentRecord,
  UpdateRecord,
  AckedRecord,
} from "../../agents/control/records.ts";
import type { SctpSummary } from "../dissect/summary.ts";

/**
 * The recorded history of a run, as the checkers see it: nothing but what was written down. Any part
 * may be missing (a foreign capture has only packets); then a checker that needs it answers `unknown`.
 */

export interface HistoryHost {
  /** `a`, `b`, `peer`; `peer2` where the outside end is a cluster, too; `keeper` where there is a third computer. */
  readonly name: string;
  /** What it was when the run began; a `keeper` is the cluster's store or witness. */
  readonly role: "primary" | "secondary" | "peer" | "peer-secondary" | "keeper";
  /** Empty for a keeper: it does not sit on the outside network. */
  readonly outsideAddress: string;
  /** How far this host's clock may be from the desk's, either way, in microseconds; 0 where they share one clock. */
  readonly clockErrorMicros: number;
}

/** Which program took a capture, and how far its stamps and its completeness can be trusted. */
export interface CaptureInfo {
  readonly host: string;
  readonly interfaceName: string;
  readonly engine: "cap" | "dumpcap" | "tcpdump";
  /** `kernel`: stamped when the kernel saw the packet. `arrival`: stamped when our process got it. */
  readonly stampQuality: "kernel" | "arrival";
  readonly packets: number;
  /** Packets that the kernel or the interface dropped; undefined where the engine cannot tell. */
  readonly drops?: number;
  /** The capture ran to its ordered end. */
  readonly complete: boolean;
}

/** What the run was to show, in the text forms of the command line; absent: not written down. */
export interface RunTerms {
  /** `every-update`, `interval:50ms`, `event:'updates>=20'`, `impending-failure:once`, `shared` ... */
  readonly policy?: string;
  readonly placement?: string;
  readonly fencing?: string;
  /** A member that took over had the outside address of the one that was gone, too. */
  readonly addressTakeover?: true;
  readonly fault?: string;
  /** What ran on the cluster: the name of a built-in application, or the path of a module. */
  readonly application?: string;
  /** Of the outside end, where that is a cluster. */
  readonly peerPolicy?: string;
  readonly peerFencing?: string;
}

/** A captured DATA chunk that begins a numbered test message. */
export interface MessageHead {
  /** The outside computer's SCTP port, which tells associations apart. */
  readonly port?: number;
  readonly tsn: number;
  readonly flow: FlowName;
  readonly streamId: number;
  readonly number: number;
}

export interface ObservedPacket {
  /** Row in the run store. */
  readonly id: number;
  readonly at: EpochMicros;
  /** The host on whose outside interface it was seen. */
  readonly host: string;
  readonly interfaceName: string;
  /** As seen from `host`: leaving it, arriving at it, or neither end is there. */
  readonly direction: "out" | "in" | "other";
  readonly sctp: SctpSummary;
}

export type HostUpdate = UpdateRecord & { readonly host: string };
export type HostAcked = AckedRecord & { readonly host: string };
export type HostSent = SentRecord & { readonly host: string };
export type HostMessage = MessageRecord & { readonly host: string };
export type HostEvent = EventRecord & { readonly host: string };

/** Something that was done to the lab on purpose. */
export interface FaultMark {
  readonly at: EpochMicros;
  readonly host: string;
  /** For example `kill`, `link-cut`, `heal`. */
  readonly fault: string;
  readonly text: string;
}

export type { FlowTotal };

export interface History {
  readonly hosts: readonly HistoryHost[];
  readonly captures: readonly CaptureInfo[];
  /** By time, oldest first; so are all lists below. */
  readonly packets: readonly ObservedPacket[];
  readonly updates: readonly HostUpdate[];
  readonly acked: readonly HostAcked[];
  readonly sent: readonly HostSent[];
  readonly messages: readonly HostMessage[];
  readonly events: readonly HostEvent[];
  readonly faults: readonly FaultMark[];
  readonly totals: readonly FlowTotal[];
  readonly terms?: RunTerms;
  /** By TSN and flow, each once. Read only where a loss was reported, because it takes the packets' bytes. */
  readonly messageHeads?: readonly MessageHead[];
}
