import { join } from "node:path";
import * as z from "zod";
import type { AgentRecord, FlowTotal } from "../../../agents/control/records.ts";
import { maxLineBytes } from "../../../agents/control/index.ts";
import type { RemoteProcess, SshHost } from "../../deploy/index.ts";
import { LabError } from "../hosts.ts";
import type { SessionHandlers } from "./agent-session.ts";
import { endProcess } from "./end-process.ts";
import { readLines } from "./lines.ts";
import type { OutsideComputer } from "./outside-computer.ts";
import type { JobSetting } from "./setting.ts";
import { timerSetting } from "./setting.ts";

/** The program, which drives libusrsctp, or the kernel's SCTP where another header stands for the library's. */
export const peerSource: string = join(import.meta.dirname, "../../../agents/usrsctp-peer/peer.c");
const stderrKeptBytes = 4000;
const clockProbes = 32;
const clockMs = 10_000;

const total = z.object({
  flow: z.enum(["up", "down", "echo"]),
  streamId: z.int().min(0),
  sent: z.int().min(0),
});
const line = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), version: z.literal(1), peer: z.string().max(200) }),
  z.object({
    type: z.literal("records"),
    records: z.array(z.looseObject({ kind: z.string(), at: z.number() })),
  }),
  z.object({ type: z.literal("totals"), totals: z.array(total), counts: z.record(z.string(), z.int()) }),
  z.object({ type: z.literal("clock"), id: z.int(), atUs: z.number() }),
  z.object({ type: z.literal("error"), message: z.string().max(4000) }),
]);

/** Where an outside computer sits, and whom it calls. */
export interface PeerPlace {
  readonly ownAddress: string;
  readonly clusterAddress: string;
  readonly udpPort: number;
}

/** The program's options. */
export function peerArguments(place: PeerPlace, setting: JobSetting): string[] {
  const timers = timerSetting(setting.timers);
  const options: Readonly<Record<string, string | number>> = {
    local: place.ownAddress,
    "udp-port": place.udpPort,
    "sctp-port": setting.peerSctpPort,
    remote: place.clusterAddress,
    "remote-port": setting.sctpPort,
    "rto-min": timers.rtoMinMs,
    "rto-initial": timers.rtoInitialMs,
    "rto-max": timers.rtoMaxMs,
    "hb-interval": timers.heartbeatIntervalMs,
    "path-max-retrans": timers.pathMaxRetrans,
    "pf-threshold": timers.potentiallyFailedMaxRetrans,
    streams: Math.max(setting.streams, 16),
  };
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

/** A program that was just started, and how it is called in sentences. */
export interface StartedProgram {
  readonly host: SshHost;
  readonly process: RemoteProcess;
  /** For example `usrsctp peer`. */
  readonly name: string;
  /** What to do when it ends too early; follows "look there for what ends it, and". */
  readonly advice: string;
  /** How long it may take until it greets. */
  readonly startMs: number;
}

/** An outside computer that nobody here wrote: another SCTP stack, driven by a small C program. */
export class PeerProgram implements OutsideComputer {
  description: string;
  readonly #started: StartedProgram;
  readonly #setting: JobSetting;
  #totals: readonly FlowTotal[] = [];
  #drained: boolean = false;
  #counts: Readonly<Record<string, number>> = {};
  readonly #hello: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  #told: PromiseWithResolvers<number> | undefined;
  /** What its clock is ahead of its host's. */
  #aheadMicros: number = 0;
  #failed: LabError | undefined;
  #expectedEnd: boolean = false;

  private constructor(started: StartedProgram, setting: JobSetting, handlers: SessionHandlers) {
    const { host, process, name, advice } = started;
    this.#started = started;
    this.#setting = setting;
    this.description = name;
    this.#hello.promise.catch(() => undefined);
    let stderr = "";
    process.stderr.on("data", (bytes: Buffer) => {
      stderr = (stderr + bytes.toString()).slice(-stderrKeptBytes);
    });
    readLines(process.stdout, maxLineBytes, (text) => this.#received(text, handlers));
    const ended = (how: string): void => {
      if (this.#failed !== undefined) return;
      const words = stderr.trim().split("\n").slice(-3).join(" | ") || "it said nothing";
      this.#failed = new LabError(
        `The ${name} on ${host.where} is gone: ${how} (${words}); look there for what ends it, and ${advice}.`,
      );
      this.#hello.reject(this.#failed);
      this.#told?.reject(this.#failed);
      if (!this.#expectedEnd) handlers.onProblem(this.#failed.message);
    };
    process.stdout.on("error", (error) => ended(error.message));
    process.exited.then(
      ({ code, signal }) => ended(signal === null ? `exit code ${code}` : `ended by ${signal}`),
      (error: unknown) => ended(String(error)),
    );
  }

  /** Takes a program that was just started through its greeting. Rejects with one sentence when it dies at once. */
  static async greeted(
    started: StartedProgram,
    setting: JobSetting,
    handlers: SessionHandlers,
  ): Promise<PeerProgram> {
    const peer = new PeerProgram(started, setting, handlers);
    try {
      await peer.#within(started.startMs, "says nothing", peer.#hello.promise);
      return peer;
    } catch (error) {
      await peer.quit();
      throw error;
    }
  }

  async #within<T>(limitMs: number, what: string, answer: Promise<T>): Promise<T> {
    const { name, host } = this.#started;
    const late = Promise.withResolvers<never>();
    const text = `The ${name} on ${host.where} ${what} for ${limitMs / 1000} s: look at the load there.`;
    const timer = setTimeout(() => late.reject(new LabError(text)), limitMs);
    try {
      return await Promise.race([answer, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * For a program with a clock of its own: finds how that stands to its host's, which is the desk's too, and
   * brings its records onto it from now on. Answers the bound of the error, in microseconds.
   */
  async alignClock(): Promise<number> {
    let best = { aheadMicros: 0, errorMicros: Number.POSITIVE_INFINITY };
    for (let id = 0; id < clockProbes; id++) {
      const told = Promise.withResolvers<number>();
      this.#told = told;
      const before = performance.timeOrigin + performance.now();
      await this.#say(`clock ${id}`);
      const atUs = await this.#within(clockMs, "does not tell its time", told.promise);
      const after = performance.timeOrigin + performance.now();
      const errorMicros = Math.ceil(((after - before) * 1000) / 2);
      if (errorMicros >= best.errorMicros) continue;
      best = { aheadMicros: Math.round(atUs - ((before + after) * 1000) / 2), errorMicros };
    }
    this.#aheadMicros = best.aheadMicros;
    return best.errorMicros;
  }

  #received(text: string, handlers: SessionHandlers): void {
    const { name, host } = this.#started;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      handlers.onProblem(`the ${name} printed something that is no JSON: ${text.slice(0, 100)}`);
      return;
    }
    const parsed = line.safeParse(value);
    if (!parsed.success) {
      handlers.onProblem(`the ${name} said something unreadable: ${text.slice(0, 100)}`);
      return;
    }
    const message = parsed.data;
    if (message.type === "hello") {
      this.description = message.peer;
      this.#hello.resolve();
    } else if (message.type === "records") {
      const records = message.records.map((each) => ({ ...each, at: each.at - this.#aheadMicros }));
      handlers.onRecords(records as unknown as readonly AgentRecord[]);
    } else if (message.type === "totals") {
      this.#totals = message.totals;
      this.#counts = message.counts;
      this.#drained = true;
    } else if (message.type === "clock") this.#told?.resolve(message.atUs);
    else handlers.onProblem(`${host.where}: ${message.message}`);
  }

  #say(command: string): Promise<void> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    this.#started.process.stdin.write(`${command}\n`);
    return Promise.resolve();
  }

  connect(): Promise<void> {
    return this.#say("connect");
  }

  startLoad(): Promise<void> {
    const { ratePerSecond, sizeBytes, streams } = this.#setting;
    return this.#say(`load ${ratePerSecond} ${sizeBytes} ${streams}`);
  }

  stopLoad(): Promise<void> {
    return this.#say("stop");
  }

  status(): Promise<{ readonly totals: readonly FlowTotal[]; readonly drained: boolean }> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    return Promise.resolve({ totals: this.#totals, drained: this.#drained });
  }

  /** What the peer counted for itself of the messages that it received. */
  get remarks(): readonly string[] {
    const counts = Object.entries(this.#counts).map(([name, count]) => `${count} ${name}`);
    return [`the ${this.#started.name} counted for itself: ${counts.join(", ")}`];
  }

  shutdown(): Promise<void> {
    return this.#say("shutdown");
  }

  async quit(): Promise<void> {
    this.#expectedEnd = true;
    if (this.#failed !== undefined) return;
    this.#started.process.stdin.end("quit\n");
    await endProcess(this.#started.process);
  }
}
