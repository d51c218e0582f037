import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import type { Lab } from "../../../main/lab/hosts.ts";
import { createVirtualLab, type VirtualLabRequest } from "../../../main/lab/virtual/index.ts";
import { whyNoNamespaces } from "../../../main/lab/virtual/netns-lab.ts";

/** Why the tests with real namespaces and a real sshd cannot run here; undefined where they can. */
export const noNamespaces: string | undefined = whyNoNamespaces();

/** A state folder of its own, removed when the test is over. */
export function newStateDir(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "understudy-test-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Owner {
  /** Of its lab. */
  readonly id: string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

/** A desk of its own: makes a lab, starts a program in it, and waits to be killed, at the latest when the test is over. */
export async function startOwner(
  stateDir: string,
  kind: "netns" | "loopback" | "auto",
  env: NodeJS.ProcessEnv = process.env,
): Promise<Owner> {
  const program = resolve(import.meta.dirname, "lab-owner.ts");
  const child = spawn(process.execPath, [program, stateDir, kind], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  onTestFinished(() => kill("SIGKILL"));
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk));
  const failed = once(child, "close").then(() => {
    throw new Error(complaint);
  });
  // Only of interest while the first line is awaited.
  failed.catch(() => {});
  const [id] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), failed]);
  return { id: String(id), kill };
}

export async function withLab(
  request: Omit<VirtualLabRequest, "log" | "stateDir">,
  body: (lab: Lab, stateDir: string) => Promise<void>,
): Promise<void> {
  const state = newStateDir();
  try {
    const lab = await createVirtualLab({ ...request, stateDir: state.path, log: () => {} });
    try {
      await body(lab, state.path);
    } finally {
      await lab.dispose();
    }
  } finally {
    state.remove();
  }
}

/** True while the process is there and not just waiting to be collected by its parent. */
export function isRunning(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return false;
  try {
    const stat = readFileSync(path, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
  } catch {
    return false;
  }
}

/** Running programs whose command line has `text` in it, with their process number in front. */
export function commandsWith(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && isRunning(Number(name)))
    .flatMap((pid) => {
      try {
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`];
      } catch {
        return [];
      }
    })
    .filter((command) => command.includes(text));
}

/** What of a lab is still on this machine: namespaces, interfaces, processes, its folder. */
export function remainsOf(id: string, stateDir: string): string[] {
  const namespaces = execFileSync("ip", ["netns", "list"], { encoding: "utf8" }).split("\n");
  const links = execFileSync("ip", ["-o", "link"], { encoding: "utf8" }).split("\n");
  const folder = join(stateDir, "labs", id);
  const remains = [
    ...namespaces.filter((line) => line.startsWith(`us${id}-`)),
    ...links.filter((line) => line.includes(`us${id}m0`)),
    ...commandsWith(`us${id}-`),
    ...commandsWith(`/labs/${id}`),
    ...(existsSync(folder) ? [folder] : []),
  ];
  return [...new Set(remains)];
}

/** Waits for something that another process does; a bound for failing, not a margin for passing. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
