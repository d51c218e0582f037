import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { timerSetting } from "../../main/lab/job/setting.ts";
import type { Direction, Sample } from "./ends/messages.ts";
import type { ProcessName } from "./cluster.ts";
import { BenchCluster } from "./cluster.ts";

/** What is measured: a direction, a size of messages, a policy in its text form, or no replication at all. */
export interface Case {
  readonly direction: Direction;
  readonly sizeBytes: number;
  readonly policy: string;
}

export interface Times {
  readonly rampMs: number;
  readonly windowMs: number;
  /** Where the primary's CPU profile goes, if it is wanted. */
  readonly profileFolder?: string | undefined;
}

/** One measurement. CPU by process, in microseconds a message. */
export interface Measured {
  readonly messagesPerSecond: number;
  readonly cpuMicros: {
    readonly a: number;
    readonly b: number;
    readonly keeper: number;
    readonly peer: number;
  };
  /** Bytes between the computers of the cluster, both ways, for a message. */
  readonly linkBytes: number;
  /** SCTP packets both ways, for a message. */
  readonly packets: number;
  /** The longest stall of the primary's event loop. */
  readonly stallMicros: number;
  readonly answerMicros: readonly number[];
}

/** More than any stack here takes: the application always has something to send. */
const boundlessRate = 1e7;

/** Starts the processes, measures one window, ends them. Rejects with one sentence. */
export async function measure(what: Case, times: Times): Promise<Measured> {
  const { policy } = what;
  const timers = timerSetting("rfc9260");
  const cluster = new BenchCluster({ policy, timers, profileFolder: times.profileFolder });
  try {
    const peer = await cluster.startOutside("peer");
    await cluster.start();
    peer.tell({ order: "connect", udpPort: await cluster.udpPort });
    await peer.next("associated");
    const { processes } = cluster;
    if (what.direction === "out") {
      const load = { ratePerSecond: boundlessRate, sizeBytes: what.sizeBytes, streams: 1 };
      cluster.a.tell({ order: "handle", message: { type: "load", ...load } });
    }
    peer.tell({ order: "send", direction: what.direction, sizeBytes: what.sizeBytes });
    await sleep(times.rampMs);
    const before = await sampleAll(processes);
    await sleep(times.windowMs);
    return compare(before, await sampleAll(processes));
  } finally {
    await cluster.end();
  }
}

type Samples = Readonly<Partial<Record<ProcessName, Sample>>>;

async function sampleAll(processes: BenchCluster["processes"]): Promise<Samples> {
  const sampled = [...processes].map(async ([name, each]) => [name, await each.sample()] as const);
  return Object.fromEntries(await Promise.all(sampled));
}

function compare(before: Samples, after: Samples): Measured {
  const delta = (name: ProcessName, key: "atMicros" | "cpuMicros" | "messages" | "packets" | "linkBytes") =>
    (after[name]?.[key] ?? 0) - (before[name]?.[key] ?? 0);
  const messagesPerSecond = (delta("peer", "messages") / delta("peer", "atMicros")) * 1e6;
  if (!(messagesPerSecond > 0)) throw new Error("no message arrived in the window");
  /** The windows of the processes differ by what the samples take. */
  const perMessage = (name: ProcessName, key: "cpuMicros" | "packets" | "linkBytes"): number =>
    after[name] === undefined ? 0 : delta(name, key) / ((delta(name, "atMicros") * messagesPerSecond) / 1e6);
  return {
    messagesPerSecond,
    cpuMicros: {
      a: perMessage("a", "cpuMicros"),
      b: perMessage("b", "cpuMicros"),
      keeper: perMessage("keeper", "cpuMicros"),
      peer: perMessage("peer", "cpuMicros"),
    },
    linkBytes: perMessage("a", "linkBytes"),
    packets: perMessage("peer", "packets"),
    stallMicros: after.a?.stallMicros.most ?? 0,
    answerMicros: after.peer?.answerMicros ?? [],
  };
}

/** Times of bare round trips between two processes over TLS with a shared secret, in microseconds. */
export async function roundTrips(rounds: number): Promise<readonly number[]> {
  const program = fileURLToPath(new URL("ends/round-trip.ts", import.meta.url));
  const echo = spawn(process.execPath, [program, "--echo"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [port] = (await once(createInterface({ input: echo.stdout }), "line")) as [string];
    const argv = [program, "--port", port, "--rounds", String(rounds)];
    const { stdout } = await promisify(execFile)(process.execPath, argv, {
      maxBuffer: 2 ** 24,
      timeout: 60_000,
    });
    return JSON.parse(stdout) as number[];
  } finally {
    echo.kill();
  }
}
