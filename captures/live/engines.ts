import { fileURLToPath } from "node:url";
import type { CaptureInfo } from "../verdict/history.ts";

/** The three programs that can take a capture: how each is called, and what its last words mean. */

export type EngineName = CaptureInfo["engine"];

/** Holds a second of full load while the machine is busy with something else. */
const RING_MEBIBYTES = 32;

export const CAP_CHILD: string = fileURLToPath(new URL("./cap-child.ts", import.meta.url));

/** Each of them writes pcap or pcapng to stdout and ends well at SIGINT. */
export function engineArgv(engine: EngineName, interfaceName: string, filter: string): string[] {
  switch (engine) {
    case "dumpcap": {
      const condition = filter === "" ? [] : ["-f", filter];
      return ["dumpcap", "-q", "-i", interfaceName, "-B", `${RING_MEBIBYTES}`, ...condition, "-w", "-"];
    }
    case "tcpdump": {
      // No --immediate-mode: its ring has a 64 KiB slot for each packet, however small, and overflows
      // after a thousand of them. Without it a packet may reach us a second after it was stamped.
      const options = ["-U", "-B", `${RING_MEBIBYTES * 1024}`, "--time-stamp-precision=nano", "-w", "-"];
      return ["tcpdump", "-i", interfaceName, ...options, "--", ...(filter === "" ? [] : [filter])];
    }
    case "cap":
      return [process.execPath, CAP_CHILD, interfaceName, filter, `${RING_MEBIBYTES * 1024 * 1024}`];
  }
}

export const stampQuality = (engine: EngineName): CaptureInfo["stampQuality"] =>
  engine === "cap" ? "arrival" : "kernel";

/** What a program says of its own work; absent where it did not say. */
export interface EngineCounts {
  /** Packets that it took from the kernel. */
  readonly captured?: number;
  /** Packets that passed the filter, whether taken or not. */
  readonly received?: number;
  readonly dropped?: number;
}

/**
 * Reads the last counts in what a program printed to stderr: tcpdump at the end and at SIGUSR1,
 * dumpcap at the end. Drops are those of the kernel, of the program and of the network card together.
 */
export function parseCounts(engine: EngineName, stderr: string): EngineCounts {
  if (engine === "cap") return {};
  if (engine === "tcpdump") {
    const captured = lastNumber(stderr, /(\d+) packets? captured/g);
    const received = lastNumber(stderr, /(\d+) packets? received by filter/g);
    const byKernel = lastNumber(stderr, /(\d+) packets? dropped by kernel/g);
    const byInterface = lastNumber(stderr, /(\d+) packets? dropped by interface/g) ?? 0;
    return compact(captured, received, byKernel === undefined ? undefined : byKernel + byInterface);
  }
  const captured = lastNumber(stderr, /Packets captured: (\d+)/g);
  const total = lastNumber(stderr, /Packets received\/dropped on interface '.*': \d+\/(\d+) /g);
  const byInterface = lastNumber(stderr, /ps_ifdrop:(\d+)\)/g) ?? 0;
  return compact(captured, undefined, total === undefined ? undefined : total + byInterface);
}

/** How often tcpdump has told its counts; it writes an answer in pieces, of which this is the last. */
export const countAnswers = (stderr: string): number => stderr.split("dropped by kernel").length - 1;

function lastNumber(text: string, pattern: RegExp): number | undefined {
  const found = [...text.matchAll(pattern)].at(-1)?.[1];
  return found === undefined ? undefined : Number(found);
}

function compact(
  captured: number | undefined,
  received: number | undefined,
  dropped: number | undefined,
): EngineCounts {
  return {
    ...(captured === undefined ? {} : { captured }),
    ...(received === undefined ? {} : { received }),
    ...(dropped === undefined ? {} : { dropped }),
  };
}
