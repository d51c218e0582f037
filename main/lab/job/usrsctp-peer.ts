import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
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

const run = promisify(execFile);
const source: string = join(import.meta.dirname, "../../../agents/usrsctp-peer/peer.c");
const startMs = 10_000;
const buildMs = 60_000;
const stderrKeptBytes = 4000;

const total = z.object({
  flow: z.enum(["up", "down", "echo"]),
  streamId: z.int().min(0),
  sent: z.int().min(0),
});
const line = z.discriminatedUnion("type", [
  z.object({ type: z.literal("hello"), version: z.literal(1), peer: z.string().max(200) }),
  z.object({ type: z.literal("records"), records: z.array(z.looseObject({ kind: z.string() })) }),
  z.object({ type: z.literal("totals"), totals: z.array(total), counts: z.record(z.string(), z.int()) }),
  z.object({ type: z.literal("error"), message: z.string().max(4000) }),
]);

/** Compiles the program on this machine. Rejects with one sentence when the compiler or the library is missing. */
async function build(signal: AbortSignal): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "understudy-usrsctp-"));
  const output = join(folder, "usrsctp-peer");
  try {
    const options = ["-O2", "-Wall", "-Wextra", "-Werror", "-o", output];
    await run("gcc", [...options, source, "-lusrsctp", "-lpthread"], { signal, timeout: buildMs });
    return new Uint8Array(await readFile(output));
  } catch (error) {
    signal.throwIfAborted();
    const said =
      error instanceof Error && "stderr" in error ? String(error.stderr).trim().split("\n")[0] : "";
    throw new LabError(
      `The usrsctp peer cannot be built (${said || String(error)}): install gcc and libusrsctp-dev, then try again.`,
      { cause: error },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** An outside computer that nobody here wrote: Debian's libusrsctp, driven by a small C program. */
export class UsrsctpPeer implements OutsideComputer {
  description: string = "usrsctp";
  readonly #process: RemoteProcess;
  readonly #setting: JobSetting;
  readonly #host: SshHost;
  #totals: readonly FlowTotal[] = [];
  #drained: boolean = false;
  #counts: Readonly<Record<string, number>> = {};
  #hello: (() => void) | undefined;
  #failed: LabError | undefined;
  #expectedEnd: boolean = false;

  private constructor(host: SshHost, process: RemoteProcess, setting: JobSetting, handlers: SessionHandlers) {
    this.#host = host;
    this.#process = process;
    this.#setting = setting;
    let stderr = "";
    process.stderr.on("data", (bytes: Buffer) => {
      stderr = (stderr + bytes.toString()).slice(-stderrKeptBytes);
    });
    readLines(process.stdout, maxLineBytes, (text) => this.#received(text, handlers));
    const ended = (how: string): void => {
      if (this.#failed !== undefined) return;
      const words = stderr.trim().split("\n").slice(-3).join(" | ") || "it said nothing";
      this.#failed = new LabError(
        `The usrsctp peer on ${host.where} is gone: ${how} (${words}); look there for what ends it, and whether libusrsctp is installed.`,
      );
      this.#hello?.();
      if (!this.#expectedEnd) handlers.onProblem(this.#failed.message);
    };
    process.stdout.on("error", (error) => ended(error.message));
    process.exited.then(
      ({ code, signal }) => ended(signal === null ? `exit code ${code}` : `ended by ${signal}`),
      (error: unknown) => ended(String(error)),
    );
  }

  static async start(
    host: SshHost,
    place: {
      readonly workdir: string;
      readonly ownAddress: string;
      readonly clusterAddress: string;
      readonly udpPort: number;
    },
    setting: JobSetting,
    handlers: SessionHandlers,
    signal: AbortSignal,
  ): Promise<UsrsctpPeer> {
    const program = await build(signal);
    const hash = createHash("sha256").update(program).digest("hex").slice(0, 16);
    const path = `${place.workdir}/usrsctp-peer-${hash}`;
    await host.upload(program, path, 0o755);
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
    const argv = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const peer = new UsrsctpPeer(host, await host.spawn([path, ...argv]), setting, handlers);
    try {
      await peer.#greeting();
      return peer;
    } catch (error) {
      await peer.quit();
      throw error;
    }
  }

  #greeting(): Promise<void> {
    return new Promise((resolve, reject) => {
      const where = this.#host.where;
      const timer = setTimeout(
        () =>
          reject(
            new LabError(
              `The usrsctp peer on ${where} says nothing for ${startMs / 1000} s: look at the load there.`,
            ),
          ),
        startMs,
      );
      this.#hello = () => {
        clearTimeout(timer);
        if (this.#failed === undefined) resolve();
        else reject(this.#failed);
      };
    });
  }

  #received(text: string, handlers: SessionHandlers): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      handlers.onProblem(`the usrsctp peer printed something that is no JSON: ${text.slice(0, 100)}`);
      return;
    }
    const parsed = line.safeParse(value);
    if (!parsed.success) {
      handlers.onProblem(`the usrsctp peer said something unreadable: ${text.slice(0, 100)}`);
      return;
    }
    const message = parsed.data;
    if (message.type === "hello") {
      this.description = message.peer;
      this.#hello?.();
    } else if (message.type === "records") {
      handlers.onRecords(message.records as unknown as readonly AgentRecord[]);
    } else if (message.type === "totals") {
      this.#totals = message.totals;
      this.#counts = message.counts;
      this.#drained = true;
    } else handlers.onProblem(`${this.#host.where}: ${message.message}`);
  }

  #say(command: string): Promise<void> {
    if (this.#failed !== undefined) return Promise.reject(this.#failed);
    this.#process.stdin.write(`${command}\n`);
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
    return [`the usrsctp peer counted for itself: ${counts.join(", ")}`];
  }

  shutdown(): Promise<void> {
    return this.#say("shutdown");
  }

  async quit(): Promise<void> {
    this.#expectedEnd = true;
    if (this.#failed !== undefined) return;
    this.#process.stdin.end("quit\n");
    await endProcess(this.#process);
  }
}
