import type {
  EpochMicros,
  EventRecord,
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
  /** `a`, `b`, `peer`. */
  readonly name: string;
  readonly role: "primary" | "secondary" | "peer";
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
}
