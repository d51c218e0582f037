import { readPacket, summary } from "../sctp/checker/packet-reader.ts";
import type { HistoryEvent } from "./checker/history.ts";
import { processText } from "./checker/history.ts";
import { readNumbered } from "./checker/test-message.ts";

/** Told what happens in a run, in order: one line each. */
export interface Trace {
  event(event: HistoryEvent): void;
  note(atMs: number, text: () => string): void;
}

export const noTrace: Trace = { event: () => undefined, note: () => undefined };

export function lineTrace(write: (line: string) => void): Trace {
  const line = (atMs: number, text: string): void => write(`${atMs.toFixed(3).padStart(12)} ${text}`);
  return {
    event: (event) => line(event.atMs, eventText(event)),
    note: (atMs, text) => line(atMs, text()),
  };
}

function contents(bytes: Uint8Array): string {
  try {
    return summary(readPacket(bytes));
  } catch (error) {
    return String(error);
  }
}

function eventText(event: HistoryEvent): string {
  const { kind, atMs: _, ...rest } = event;
  switch (event.kind) {
    case "cluster-sends":
      return `${processText(event)} e${event.epoch} ${event.from} > ${event.to} ${contents(event.bytes)}`;
    case "cluster-drops":
      return `too late to leave: ${contents(event.bytes)}`;
    case "peer-sends":
      return `peer ${contents(event.bytes)}`;
    case "released":
      return `${processText(event)} e${event.epoch} releases ${event.reason}, depends on ${event.dependsOn}`;
    case "acknowledged":
      return `${processText(event)} e${event.epoch} reads that ${processText(event.holder)} holds ${event.sequence}`;
    case "cluster-delivers": {
      const message = readNumbered(event.payload);
      const text = message === undefined ? "?" : `${message.flow} ${message.number} s${message.streamId}`;
      return `${processText(event)} e${event.epoch} delivers ${text}, update ${event.sequence}`;
    }
    case "peer-delivers":
      return `peer delivers ${event.flow} ${event.number} s${event.streamId}`;
    case "peer-event":
      return `peer ${event.name}: ${event.text}`;
    default:
      return `${kind} ${JSON.stringify(rest)}`;
  }
}
