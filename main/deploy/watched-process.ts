import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import type { Readable } from "node:stream";
import type { ClientChannel } from "ssh2";
import type { StreamedProcess } from "../../captures/live/process-runner.ts";
import { onChannelEnd } from "./exec.ts";
import { HostError } from "./host-error.ts";
import type { Warden } from "./warden.ts";

/** A program that runs on the host under the warden's eyes. */
export interface RemoteProcess extends StreamedProcess {
  /** Its process number on the host. */
  readonly pid: number;
}

/** Log-in scripts may print before our program does; more than this is not a greeting. */
const greetingLimit = 64 * 1024;

/** A word that no program prints by chance before its own first line. */
export function newMark(): string {
  return `understudy-${randomBytes(8).toString("hex")}`;
}

type Start = { readonly pid: number } | { readonly missing: true } | { readonly refused: string };

/** Reads stderr up to the marked line, and hands the rest to `rest`. */
function readStart(stderr: Readable, mark: string, rest: PassThrough): Promise<Start> {
  return new Promise((resolve) => {
    let head = Buffer.alloc(0);
    const finish = (start: Start, remainder: Buffer): void => {
      stderr.off("data", onData).off("end", onEnd);
      if (remainder.length > 0) rest.write(remainder);
      if (stderr.readableEnded) rest.end();
      else stderr.pipe(rest);
      resolve(start);
    };
    const onEnd = (): void => finish({ refused: head.toString().trim() }, head);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const found = new RegExp(`${mark} (missing|\\d+)\\n`).exec(head.toString("latin1"));
      if (!found && head.length > greetingLimit)
        finish({ refused: "it prints without an end" }, Buffer.alloc(0));
      if (!found) return;
      const remainder = Buffer.concat([
        head.subarray(0, found.index),
        head.subarray(found.index + found[0].length),
      ]);
      finish(found[1] === "missing" ? { missing: true } : { pid: Number(found[1]) }, remainder);
    };
    stderr.on("data", onData).once("end", onEnd);
  });
}

/** What a started program needs from its connection. */
export interface ProcessContext {
  readonly name: string;
  /** For messages: `host a (root@198.18.4.11)`. */
  readonly where: string;
  readonly program: string;
  readonly mark: string;
  readonly warden: Warden;
  /** Why the connection is gone, or that this one channel broke. */
  lostError(): HostError;
}

function exitOf(channel: ClientChannel, context: ProcessContext): StreamedProcess["exited"] {
  return new Promise((resolve, reject) => {
    onChannelEnd(channel, (ended) => (ended ? resolve(ended) : reject(context.lostError())));
  });
}

/** Takes a channel that runs `runWatchedProgram` through its start. */
export async function watchedProcess(
  channel: ClientChannel,
  context: ProcessContext,
): Promise<RemoteProcess> {
  const { name, where, program, warden } = context;
  const stderr = new PassThrough();
  const exited = exitOf(channel, context);
  // Whoever waits for `exited` sees the rejection; a caller that never does must not bring the desk down.
  exited.catch(() => {});
  const start = await readStart(channel.stderr, context.mark, stderr);
  if (!("pid" in start)) {
    channel.close();
    if ("missing" in start) {
      throw new HostError(
        "no-program",
        name,
        `There is no program ${program} on ${where}: install it there.`,
      );
    }
    const reason = start.refused === "" ? "it said nothing" : start.refused;
    throw new HostError("remote", name, `${program} could not be started on ${where}: ${reason}.`);
  }
  const { pid } = start;
  await warden.watch(pid);
  channel.write("go\n");
  void exited.then(
    () => warden.forget(pid),
    () => {},
  );
  return {
    pid,
    stdin: channel,
    stdout: channel,
    stderr,
    exited,
    async kill(signal) {
      const answer = await warden.kill(
        pid,
        signal === "SIGTERM" ? "TERM" : signal === "SIGINT" ? "INT" : "KILL",
      );
      if (answer !== "refused") return;
      throw new HostError(
        "forbidden",
        name,
        `${program} (process ${pid}) on ${where} belongs to another user and cannot be ended: log in as that user or allow sudo without a password.`,
      );
    },
  };
}
