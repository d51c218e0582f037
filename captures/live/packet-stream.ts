import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createCaptureReader, type CaptureItem } from "../format/index.ts";
import type { CapturedPacket } from "./capture-options.ts";

/** What a capture program writes to stdout, read as it comes. */
export interface PacketStream {
  /** Settles when the interface has been described, which every engine does as soon as it captures. */
  readonly headerSeen: Promise<"ready">;
  /** Packets so far. */
  readonly packets: number;
  /** What was wrong in the middle of the stream; nothing is read after it. */
  readonly flaw: string | undefined;
  /** The stream broke off within a packet. */
  readonly cut: boolean;
  /** Waits until nothing has come for a while, at most `limitMs`. */
  untilQuiet(limitMs: number): Promise<void>;
}

const QUIET_MS = 100;

export function readPacketStream(
  stdout: Readable,
  onPacket: (packet: CapturedPacket) => void,
  onFlaw: () => void,
): PacketStream {
  const reader = createCaptureReader();
  const linkTypes: number[] = [];
  let packets = 0;
  let flaw: string | undefined;
  let cut = false;
  let lastOutputMs = performance.now();
  let announceReady = (): void => undefined;
  const headerSeen = new Promise<"ready">((resolve) => (announceReady = () => resolve("ready")));

  const take = (item: CaptureItem): void => {
    if (item.kind === "packet") {
      packets++;
      const { atUs, bytes, originalLength } = item;
      onPacket({ atUs, linkType: linkTypes[item.interfaceIndex] ?? 0, bytes, originalLength });
    } else if (item.kind === "interface") {
      linkTypes[item.index] = item.linkType;
      announceReady();
    } else if (item.kind === "flaw") {
      flaw = item.reason;
      onFlaw();
    }
  };
  stdout.on("data", (chunk: Buffer) => {
    lastOutputMs = performance.now();
    reader.push(chunk).forEach(take);
  });
  stdout.on("end", () => (cut = reader.end().length > 0));

  return {
    headerSeen,
    get packets() {
      return packets;
    },
    get flaw() {
      return flaw;
    },
    get cut() {
      return cut;
    },
    untilQuiet: async (limitMs) => {
      const endMs = performance.now() + limitMs;
      for (let quiet = false; !quiet && performance.now() < endMs;) {
        await after(QUIET_MS);
        // Where this process was busy, what lies in the pipe must be read before the silence counts.
        await setImmediate();
        quiet = performance.now() - lastOutputMs >= QUIET_MS;
      }
    },
  };
}

/** Holds no process open that has nothing else to do. */
export function after(delayMs: number): Promise<"late"> {
  return new Promise((resolve) => setTimeout(() => resolve("late"), delayMs).unref());
}
