import type { DeskMessage } from "../../../agents/control/index.ts";

/** Transport addresses and sizes of one measurement, for all of its processes. */
export const addresses = { a: "127.0.0.1", b: "127.0.0.2", peer: "127.0.0.3" } as const;
export const clusterPort = 5000;
export const peerPort = 5001;

/** `out`: the cluster sends; `in`: the outside computer sends; `answer`: one message at a time until it is acknowledged. */
export type Direction = "out" | "in" | "answer";

/** What the bench says to a process. */
export type Order =
  /** To a member or keeper: what a desk would say. */
  | { readonly order: "handle"; readonly message: DeskMessage }
  /** To the outside computer. */
  | { readonly order: "connect"; readonly udpPort: number }
  | { readonly order: "send"; readonly direction: Direction; readonly sizeBytes: number }
  /** Everything counted until now. */
  | { readonly order: "sample" }
  /** To the many outside computers: to connect, to look out for a new primary, and to say how they fared. */
  | { readonly order: "invite"; readonly udpPort: number; readonly guests: number }
  | { readonly order: "watch" }
  | { readonly order: "count" };

/** Counters of a process since its start. */
export interface Sample {
  readonly atMicros: number;
  /** User and system time of the whole process. */
  readonly cpuMicros: number;
  /** Of the outside computer: messages that came, or that were sent and acknowledged. */
  readonly messages: number;
  /** Of the outside computer: packets both ways. */
  readonly packets: number;
  /** Of a member: bytes on its connections to other computers of the cluster, both ways, TLS included. */
  readonly linkBytes: number;
  /** The event loop's longest stalls since the last sample, in microseconds: median, 99th percentile, all. */
  readonly stallMicros: { readonly p50: number; readonly p99: number; readonly most: number };
  /** Of the outside computer: times from sending to the acknowledgement since the last sample. */
  readonly answerMicros: readonly number[];
}

/** What a process says. */
export type Report =
  | { readonly report: "started" }
  | { readonly report: "ready" }
  | { readonly report: "associated" }
  | { readonly report: "watching" }
  /** The primary's holder has everything. */
  | { readonly report: "synchronised" }
  | { readonly report: "sample"; readonly sample: Sample }
  /** This member has taken over; what it took from the start of the takeover, in milliseconds. */
  | { readonly report: "took-over"; readonly tookMs: number }
  /** This primary stops sending, because nobody answers its beats in time. */
  | { readonly report: "paused" }
  /**
   * Of the many outside computers: when the first packet of the new primary came to each, in microseconds of
   * the machine's monotonic clock, how many live on, and how many have no more than a message unacknowledged.
   */
  | {
      readonly report: "counted";
      readonly served: readonly number[];
      readonly up: number;
      readonly drained: number;
    }
  | { readonly report: "problem"; readonly text: string };
