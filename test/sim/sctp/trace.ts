import type { Datagram } from "../network.ts";
import { readPacket, summary } from "./checker/packet-reader.ts";
import type { Side } from "./knobs.ts";
import type { Fate } from "./network.ts";

/** Told what happens in a run, in order. */
export interface Trace {
  sending(atMs: number, side: Side, datagram: Datagram, reason: string): void;
  /** What became of the packet of the last `sending`. */
  fate(fate: Fate): void;
  note(atMs: number, text: () => string): void;
}

export const noTrace: Trace = {
  sending: () => undefined,
  fate: () => undefined,
  note: () => undefined,
};

/** One fixed-width line a packet or event. */
export function lineTrace(write: (line: string) => void): Trace {
  let waiting: string | undefined;
  const flush = (fate: string): void => {
    if (waiting !== undefined) write(waiting.replace("FATE", fate.padEnd(10)));
    waiting = undefined;
  };
  return {
    sending: (atMs, side, { from, to, bytes }, reason) => {
      flush("?");
      const way = `${from.padEnd(13)} > ${to.padEnd(13)}`;
      waiting = `${atMs.toFixed(3).padStart(12)} ${side} ${way} ${String(bytes.length).padStart(5)} FATE ${reason.padEnd(18)} ${contents(bytes)}`;
    },
    fate: flush,
    note: (atMs, text) => {
      flush("?");
      write(`${atMs.toFixed(3).padStart(12)} * ${text()}`);
    },
  };
}

function contents(bytes: Uint8Array): string {
  try {
    return summary(readPacket(bytes));
  } catch (error) {
    return String(error);
  }
}
