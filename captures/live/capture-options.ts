import type { CaptureInfo } from "../verdict/history.ts";
import type { EngineName } from "./engines.ts";
import type { ProcessRunner } from "./process-runner.ts";

export interface CapturedPacket {
  /** Microseconds since the Unix epoch, by the clock of the host that captured. */
  readonly atUs: number;
  /** LINKTYPE_ number of the tcpdump group's list. */
  readonly linkType: number;
  readonly bytes: Uint8Array;
  /** Bytes on the wire; more than `bytes` holds where the capture cut the packet. */
  readonly originalLength: number;
}

export interface CaptureOptions {
  readonly runner: ProcessRunner;
  /** Name of the host in the run's record: `a`, `b`, `peer`. */
  readonly host: string;
  readonly interfaceName: string;
  /** libpcap filter expression; empty: everything. */
  readonly filter: string;
  readonly engine: EngineName;
  /** In the order of capture. With dumpcap up to half a second, with tcpdump up to two after the stamp. */
  onPacket(packet: CapturedPacket): void;
  /** A sentence for a person: a gap, an early end, drops. */
  onNote(text: string): void;
}

export interface RunningCapture {
  /** As far as it is known now: `complete` only after an ordered end. */
  readonly info: CaptureInfo;
  /** Takes in what was captured before the call, ends the capture, and answers the same each time. */
  stop(): Promise<CaptureInfo>;
}
