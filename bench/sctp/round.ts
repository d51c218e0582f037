import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Measured } from "./ends/meter.ts";

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly sizeBytes: number;
  /** One message at a time goes there and back, with both ends on one core. */
  readonly pingPong: boolean;
}

export interface System {
  readonly id: string;
  readonly title: string;
}

/** One measurement of one system in one row. */
export interface Cell {
  readonly messagesPerSecond: number;
  /** Of both ends, user and system time. */
  readonly cpuMicrosPerMessage: number;
}

export interface Times {
  readonly rampMs: number;
  readonly windowMs: number;
}

const nodeEnd: string = fileURLToPath(new URL("ends/end.ts", import.meta.url));
const usrsctpSource: string = fileURLToPath(new URL("ends/usrsctp-end.c", import.meta.url));
/** To start, to connect and to print: what an end may take beside its ramp and window. */
const sparedMs = 10_000;

/** Compiles the C program into a folder of its own; `dispose` removes it. */
export async function buildUsrsctpEnd(): Promise<{ program: string; dispose: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "understudy-bench-"));
  const program = join(folder, "usrsctp-end");
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const argv = ["-O2", "-Wall", "-Wextra", "-Werror", "-o", program, usrsctpSource, "-lusrsctp", "-lpthread"];
  try {
    await promisify(execFile)("gcc", argv);
  } catch (error) {
    await dispose();
    throw new Error(`gcc cannot build ${usrsctpSource}: ${String(error)}`, { cause: error });
  }
  return { program, dispose };
}

/** A UDP port that was free a moment ago. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

interface End {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  readonly measured: Promise<Measured>;
}

function startEnd(argv: readonly string[], limitMs: number): End {
  const [command = "", ...rest] = argv;
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
  const ready = Promise.withResolvers<void>();
  const measured = Promise.withResolvers<Measured>();
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-4000)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line === "ready") ready.resolve();
    else measured.resolve(JSON.parse(line) as Measured);
  });
  const fail = (why: string): void => {
    const error = new Error(why);
    ready.reject(error);
    measured.reject(error);
  };
  const timer = setTimeout(() => fail("it took too long"), limitMs);
  child.once("error", (error) => fail(error.message));
  child.once("close", (code, signal) => {
    clearTimeout(timer);
    fail(lastLine(stderr) || `it ended with ${signal ?? code}`);
  });
  // Either may be rejected while nobody waits for it.
  ready.promise.catch(() => undefined);
  measured.promise.catch(() => undefined);
  return { child, ready: ready.promise, measured: measured.promise };
}

/** Of what a program said as it failed: the sentence, without the stack below it. */
function lastLine(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  return lines.find((line) => /^\w*Error\b|: /.test(line)) ?? lines[0] ?? "";
}

function command(
  system: System,
  usrsctpProgram: string,
  role: string,
  row: Row,
  times: Times,
  ports: readonly [own: number, peer: number],
): readonly string[] {
  const pinned = row.pingPong ? ["taskset", "-c", "0"] : [];
  const figures = [row.sizeBytes, ports[0], ports[1], times.rampMs, times.windowMs].map(String);
  if (system.id === "usrsctp") return [...pinned, usrsctpProgram, role, ...figures];
  const names = ["--size", "--own-port", "--peer-port", "--ramp-ms", "--window-ms"];
  const options = names.flatMap((name, at) => [name, figures[at] ?? ""]);
  return [...pinned, process.execPath, nodeEnd, "--system", system.id, "--role", role, ...options];
}

/** Two processes, one association, one window. Rejects with one sentence. */
export async function measureCell(
  system: System,
  usrsctpProgram: string,
  row: Row,
  times: Times,
): Promise<Cell> {
  const [waiting, connecting] = row.pingPong ? ["ponger", "pinger"] : ["receiver", "sender"];
  const [a, b] = [await freePort(), await freePort()];
  const limitMs = times.rampMs + times.windowMs + sparedMs;
  const ends: End[] = [];
  try {
    const first = startEnd(command(system, usrsctpProgram, waiting ?? "", row, times, [a, b]), limitMs);
    ends.push(first);
    await first.ready;
    const second = startEnd(command(system, usrsctpProgram, connecting ?? "", row, times, [b, a]), limitMs);
    ends.push(second);
    const [there, here] = await Promise.all([first.measured, second.measured]);
    if (there.messages === 0) throw new Error("no message arrived in the window");
    const messagesPerSecond = (there.messages / there.windowMicros) * 1e6;
    const cpuShare = there.cpuMicros / there.windowMicros + here.cpuMicros / here.windowMicros;
    return { messagesPerSecond, cpuMicrosPerMessage: (cpuShare * 1e6) / messagesPerSecond };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${system.title}, ${row.title}: ${why}`, { cause: error });
  } finally {
    await Promise.all(ends.map(({ child }) => end(child)));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}
