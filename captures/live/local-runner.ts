import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Socket } from "node:net";
import type { ProcessRunner, StreamedProcess } from "./process-runner.ts";

const SBIN = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * Replaces itself by the program, leaving a watcher behind in the program's process group. When file
 * descriptor 3 reaches its end, because the program was reaped or because this process died in
 * whatever way, the watcher ends what is left of the group. While the watcher lives, the group's
 * number cannot be given to other processes.
 *
 * A parent-death signal would not do: the kernel forgets it when a program changes its user, as
 * tcpdump does.
 */
const WATCHED = `
(
  trap "" HUP INT TERM
  read -r _ <&3
  kill -s TERM -- -$$
  tries=0
  while kill -s 0 $$ && [ $tries -lt 30 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -s KILL -- -$$
) </dev/null >/dev/null 2>&1 &
exec 3<&-
exec "$@"
`;

/** Runs programs on this machine. None of them outlives this process. */
export function localRunner(): ProcessRunner {
  const where = "this machine";
  return { where, sharesFiles: true, spawn: (argv) => spawnWatched(where, argv, []) };
}

/** Runs programs on this machine inside a named network namespace; needs root. None of them outlives this process. */
export function netnsRunner(namespace: string): ProcessRunner {
  const where = `network namespace ${namespace}`;
  return {
    where,
    sharesFiles: true,
    spawn: async (argv) => {
      const exists = await access(join("/run/netns", namespace)).then(
        () => true,
        () => false,
      );
      if (!exists)
        throw new Error(`There is no ${where} on this machine: make it first with \`ip netns add\`.`);
      return spawnWatched(where, argv, ["ip", "netns", "exec", namespace]);
    },
  };
}

async function spawnWatched(
  where: string,
  argv: readonly string[],
  prefix: readonly string[],
): Promise<StreamedProcess> {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""),
    ...SBIN,
  ];
  for (const program of [prefix[0], argv[0]]) {
    if (program !== undefined && !(await isProgram(program, folders))) {
      throw new Error(`${program} is not installed on ${where}: install it, or put its folder into PATH.`);
    }
  }
  const child = spawn("/bin/sh", ["-c", WATCHED, "sh", ...prefix, ...argv], {
    detached: true,
    env: { ...process.env, PATH: folders.join(delimiter) },
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  // The fourth pipe is a socket in Node's hands; nothing is ever written to it.
  const lifeline = child.stdio[3] as Socket;
  lifeline.on("error", () => lifeline.destroy());
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once("exit", () => lifeline.destroy());
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) =>
      reject(new Error(`${argv[0] ?? ""} could not be started on ${where}: ${cause.message}.`, { cause })),
    );
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    kill: (signal) => {
      child.kill(signal);
      return Promise.resolve();
    },
  };
}

async function isProgram(name: string, folders: readonly string[]): Promise<boolean> {
  const candidates = name.includes("/") ? [name] : folders.map((folder) => join(folder, name));
  for (const candidate of candidates) {
    try {
      await access(candidate, constants.X_OK);
      return true;
    } catch {
      continue;
    }
  }
  return false;
}
