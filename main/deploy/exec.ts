import type { ClientChannel } from "ssh2";
import { HostError, type HostFault } from "./host-error.ts";

export interface ExecOptions {
  readonly asRoot?: boolean;
  /** Written to the program's stdin, which is then closed. */
  readonly stdin?: string;
  /** Default 30 s. */
  readonly timeoutMs?: number;
  /** For stdout and stderr together; default 1 MiB. */
  readonly maxOutputBytes?: number;
}

export interface ExecResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Something that runs short programs on one host. */
export interface RemoteShell {
  /** The host's name in the lab. */
  readonly name: string;
  /** For messages: `host a (root@198.18.4.11)`. */
  readonly where: string;
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  script(script: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
}

export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * Calls back when the program has ended and its output is read; with undefined when the channel broke.
 * The `exit` event is no use: for a quick program it may come before anybody could listen.
 */
export function onChannelEnd(channel: ClientChannel, callback: (end: ProgramEnd | undefined) => void): void {
  channel.on("close", (code?: number | null, signal?: string) => {
    if (typeof code === "number") callback({ code, signal: null });
    else if (signal) callback({ code: null, signal: `SIG${signal.replace(/^SIG/, "")}` });
    else callback(undefined);
  });
}

export interface ExecContext {
  readonly name: string;
  readonly where: string;
  readonly program: string;
  /** The word after which the program's shell says its process number on stderr. */
  readonly mark: string;
  lostError(): HostError;
  /** Ends a process on the host by SIGKILL. */
  kill(pid: string): void;
}

/** Collects what a channel's program prints until it ends. */
export function collectExec(
  channel: ClientChannel,
  options: ExecOptions,
  context: ExecContext,
): Promise<ExecResult> {
  const { timeoutMs = 30_000, maxOutputBytes = 1024 * 1024 } = options;
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let size = 0;
    const pidLine = new RegExp(`${context.mark} (\\d+)\\n`);
    const fail = (fault: HostFault, text: string): void => {
      clearTimeout(timer);
      reject(new HostError(fault, context.name, text));
      // A program that neither reads nor writes would not learn that its channel is gone.
      const pid = pidLine.exec(Buffer.concat(stderr).toString("latin1"))?.[1];
      if (pid !== undefined) context.kill(pid);
      channel.close();
    };
    const what = `${context.program} on ${context.where}`;
    const timer = setTimeout(() => {
      fail("timeout", `${what} did not end within ${timeoutMs / 1000} s: look there for what it waits for.`);
    }, timeoutMs);
    const keep = (into: Buffer[]) => (chunk: Buffer) => {
      const before = size;
      size += chunk.length;
      if (size <= maxOutputBytes) into.push(chunk);
      else if (before <= maxOutputBytes) fail("remote", `${what} printed more than ${maxOutputBytes} bytes.`);
    };
    channel.on("data", keep(stdout));
    channel.stderr.on("data", keep(stderr));
    onChannelEnd(channel, (ended) => {
      clearTimeout(timer);
      if (!ended) return reject(context.lostError());
      const told = Buffer.concat(stderr).toString().replace(pidLine, "");
      resolve({ ...ended, stdout: Buffer.concat(stdout).toString(), stderr: told });
    });
    channel.end(options.stdin ?? "");
  });
}
