import { CaptureError } from "./capture-error.ts";
import type { CaptureOptions } from "./capture-options.ts";
import { keepTail } from "./collect-output.ts";
import { countAnswers, engineArgv, parseCounts, type EngineCounts } from "./engines.ts";
import { after, readPacketStream, type PacketStream } from "./packet-stream.ts";

/** One running dumpcap, tcpdump or cap child, from its start to its end. */

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of what it printed for people. */
  readonly stderr: string;
  readonly counts: EngineCounts;
  readonly packets: number;
  readonly flaw: PacketStream["flaw"];
  readonly cut: boolean;
}

export interface CaptureProgram {
  readonly ended: Promise<ProgramEnd>;
  readonly output: PacketStream;
  /** Asks tcpdump what it has counted so far; undefined when it does not answer in time. */
  askCounts(timeoutMs: number): Promise<EngineCounts | undefined>;
  /** Asks the program to end in an orderly way. */
  finish(): void;
  kill(): Promise<void>;
}

export type ProgramOptions = Pick<
  CaptureOptions,
  "runner" | "interfaceName" | "filter" | "engine" | "onPacket"
>;

/**
 * Replaces itself by the program, leaving a watcher behind that reads signal names from stdin. When
 * stdin reaches its end, in order or because the way to the host broke, it ends the program: a
 * capture program whose stdout is gone would notice only at the next packet. The engine cap aborts
 * by design of its binding, so core dumps are switched off.
 */
const WATCHED = `
ulimit -c 0
exec 3<&0
(
  trap "" HUP INT TERM
  while read -r order <&3; do kill -s "$order" $$; done
  kill -s INT $$
  tries=0
  while kill -s 0 $$ && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL $$
) </dev/null >/dev/null 2>&1 &
exec 3<&- </dev/null
exec "$@"
`;

const STDERR_CHARACTERS = 16 * 1024;
const START_TIMEOUT_MS = 20_000;

/**
 * Starts the engine and waits for the header of its output. All three write it after the interface is
 * open and the filter in force, so packets are being captured from then on; tcpdump still has to set
 * up its signals then, so it is waited for until it says that it listens.
 * Throws CaptureError when the engine ends, or stays silent for 20 s, before that.
 */
export async function startProgram(options: ProgramOptions): Promise<CaptureProgram> {
  const { runner, engine, interfaceName, filter } = options;
  const argv = engineArgv(engine, interfaceName, filter);
  const child = await runner.spawn(["sh", "-c", WATCHED, "sh", ...argv]);
  // The program may be gone when an order is written; its exit says so.
  child.stdin.on("error", () => undefined);
  const stderr = keepTail(child.stderr, STDERR_CHARACTERS);

  const output = readPacketStream(child.stdout, options.onPacket, () => child.stdin.end());
  const ended = child.exited.then(({ code, signal }): ProgramEnd => {
    child.stdin.end();
    const counts = parseCounts(engine, stderr.text());
    const { packets, cut, flaw } = output;
    return { code, signal, stderr: stderr.text(), counts, packets, cut, flaw };
  });
  ended.catch(() => undefined);

  // tcpdump can be asked for its counts (and is not ended by the question) only once it says that it listens.
  const listening = engine === "tcpdump" ? saidListening(stderr) : Promise.resolve();
  const ready = Promise.all([output.headerSeen, listening]).then(() => "ready" as const);
  const outcome = await Promise.race([ready, ended, after(START_TIMEOUT_MS)]);
  if (outcome !== "ready") {
    if (outcome === "late") await child.kill("SIGKILL");
    throw new CaptureError(startFailure(options, outcome));
  }
  return {
    ended,
    output,
    askCounts: async (timeoutMs) => {
      const before = countAnswers(stderr.text());
      const answer = new Promise<"answered">((resolve) =>
        stderr.onText(() => countAnswers(stderr.text()) > before && resolve("answered")),
      );
      child.stdin.write("USR1\n");
      const first = await Promise.race([answer, ended, after(timeoutMs)]);
      return first === "answered" ? parseCounts(engine, stderr.text()) : undefined;
    },
    finish: () => child.stdin.end(),
    kill: () => child.kill("SIGKILL"),
  };
}

function saidListening(stderr: ReturnType<typeof keepTail>): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (stderr.text().includes("listening on")) resolve();
    };
    stderr.onText(look);
    look();
  });
}

function startFailure(options: ProgramOptions, outcome: ProgramEnd | "late"): string {
  const { runner, engine, interfaceName } = options;
  const what = `${engine} could not begin to capture on ${interfaceName} (${runner.where})`;
  if (outcome === "late") return `${what}: it said nothing for ${START_TIMEOUT_MS / 1000} s.`;
  if (outcome.code === 127)
    return `${what}: ${engine} is not installed there; install it or choose another engine.`;
  if (outcome.flaw !== undefined) return `${what}: its output is damaged: ${outcome.flaw}.`;
  const words = lastWords(outcome);
  if (/permission|not permitted/i.test(words))
    return `${what}, it needs root or the capability cap_net_raw: ${words}`;
  return `${what}: ${words}`;
}

/** What a program said before it ended, in one line. */
export function lastWords(end: ProgramEnd): string {
  if (end.signal === "SIGABRT")
    return "the process of cap was aborted, as happens when the interface goes down.";
  const noise = /^(Capturing on|File:|Running as user|tcpdump: (listening|verbose)|\s*$)/;
  const lines = end.stderr.split("\n").filter((line) => !noise.test(line));
  const said = lines.slice(0, 4).join(" ").slice(0, 500);
  return said !== "" ? said : `it ended with ${end.signal === null ? `exit code ${end.code}` : end.signal}`;
}
