import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Sample } from "./messages.ts";

/** Timer resolution of the stall measurement: what is shorter is not seen. */
const resolutionMs = 1;

const micros = (nanoseconds: number): number => Math.max(nanoseconds / 1000 - resolutionMs * 1000, 0);

/** Counters of this process; made before its first connection. */
export class Counters {
  readonly #connections: Socket[] = [];
  readonly #stalls = monitorEventLoopDelay({ resolution: resolutionMs });

  constructor() {
    // The sockets below TLS know what really went over the wire.
    for (const channel of ["net.client.socket", "net.server.socket"])
      subscribe(channel, (message) => this.#connections.push((message as { socket: Socket }).socket));
    this.#stalls.enable();
  }

  sample(beside: Pick<Sample, "messages" | "packets" | "answerMicros">): Sample {
    const { user, system } = process.cpuUsage();
    const stalls = this.#stalls;
    const stallMicros = {
      p50: micros(stalls.percentile(50)),
      p99: micros(stalls.percentile(99)),
      most: micros(stalls.max),
    };
    stalls.reset();
    let linkBytes = 0;
    for (const { bytesRead, bytesWritten } of this.#connections) linkBytes += bytesRead + bytesWritten;
    const atMicros = performance.now() * 1000;
    return { ...beside, atMicros, cpuMicros: user + system, linkBytes, stallMicros };
  }
}

export const nothingCounted: Pick<Sample, "messages" | "packets" | "answerMicros"> = {
  messages: 0,
  packets: 0,
  answerMicros: [],
};
