import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { AgentRecord, EventRecord, FlowTotal, MessageRecord } from "../../agents/control/records.ts";

/** Why the peer cannot be tried on this machine; undefined where it can. */
export function whyNoUsrsctp(): string | undefined {
  if (process.platform !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (!existsSync("/usr/include/usrsctp.h")) return "libusrsctp-dev is not installed";
  for (const [command, argument] of [
    ["gcc", "--version"],
    ["ip", "-V"],
  ] as const) {
    try {
      execFileSync(command, [argument], { stdio: "ignore" });
    } catch {
      return `${command} is not installed`;
    }
  }
  return undefined;
}

/** Compiles the peer with the command that stands in its source; flags may be added. */
export function buildPeer(folder: string, name: string, ...flags: readonly string[]): string {
  const source = fileURLToPath(new URL("../../agents/usrsctp-peer/peer.c", import.meta.url));
  const program = join(folder, name);
  const argv = [
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    ...flags,
    "-o",
    program,
    source,
    "-lusrsctp",
    "-lpthread",
  ];
  execFileSync("gcc", argv, { stdio: "pipe" });
  return program;
}

/** Two network namespaces joined by a cable, and a folder; all gone after dispose(). */
export interface Bench {
  readonly folder: string;
  readonly namespaces: readonly [string, string];
  dispose(): void;
}

export const ADDRESSES = ["192.0.2.1", "192.0.2.2"] as const;

export function makeBench(): Bench {
  const prefix = `us6-${process.pid}`;
  const namespaces = [`${prefix}-x`, `${prefix}-y`] as const;
  const ip = (...argv: readonly string[]): void => void execFileSync("ip", [...argv], { stdio: "pipe" });
  const folder = mkdtempSync(join(tmpdir(), "understudy-usrsctp-"));
  const dispose = (): void => {
    for (const namespace of namespaces) {
      if (existsSync(`/run/netns/${namespace}`)) ip("netns", "delete", namespace);
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const namespace of namespaces) ip("netns", "add", namespace);
    ip(
      "-n",
      namespaces[0],
      "link",
      "add",
      "cable",
      "type",
      "veth",
      "peer",
      "name",
      "cable",
      "netns",
      namespaces[1],
    );
    for (const [at, namespace] of namespaces.entries()) {
      ip("-n", namespace, "address", "add", `${ADDRESSES[at]}/24`, "dev", "cable");
      for (const device of ["cable", "lo"]) ip("-n", namespace, "link", "set", device, "up");
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return { folder, namespaces, dispose };
}

type Line =
  | { readonly type: "hello"; readonly version: number; readonly peer: string }
  | { readonly type: "records"; readonly records: readonly AgentRecord[] }
  | {
      readonly type: "totals";
      readonly totals: readonly FlowTotal[];
      readonly counts: Readonly<Record<"lost" | "duplicated" | "reordered" | "damaged", number>>;
    }
  | { readonly type: "error"; readonly message: string };

/** A running peer and everything it has said so far. */
export interface Peer {
  readonly lines: readonly Line[];
  command(line: string): void;
  messages(act: MessageRecord["act"], flow: MessageRecord["flow"]): readonly MessageRecord[];
  event(name: EventRecord["name"]): EventRecord | undefined;
  /** Resolves when `holds` does; rejects when the program ends before. */
  until(holds: (peer: Peer) => boolean): Promise<void>;
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string }>;
  kill(): void;
}

export function startPeer(program: string, argv: readonly string[], namespace?: string): Peer {
  const [command, ...rest] = [
    ...(namespace === undefined ? [] : ["ip", "netns", "exec", namespace]),
    program,
  ];
  const child = spawn(command, [...rest, ...argv], { stdio: ["pipe", "pipe", "pipe"] });
  const lines: Line[] = [];
  const records: AgentRecord[] = [];
  const waiting = new Set<() => void>();
  let stderr = "";
  let isOver = false;
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // The program may be gone when a test says its last word to it.
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    if (line.type === "records") records.push(...line.records);
    for (const look of waiting) look();
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      isOver = true;
      resolve({ code, stderr });
      for (const look of waiting) look();
    });
  });
  const peer: Peer = {
    lines,
    ended,
    command: (line) => void child.stdin.write(`${line}\n`),
    kill: () => void child.kill("SIGKILL"),
    messages: (act, flow) =>
      records.filter(
        (record): record is MessageRecord =>
          record.kind === "message" && record.act === act && record.flow === flow,
      ),
    event: (name) =>
      records.find((record): record is EventRecord => record.kind === "event" && record.name === name),
    until: (holds) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const isDone = holds(peer);
          if (!isDone && !isOver) return;
          waiting.delete(look);
          if (isDone) resolve();
          else reject(new Error(`the peer ended first: ${stderr}${JSON.stringify(lines.slice(-3))}`));
        };
        waiting.add(look);
        look();
      }),
  };
  return peer;
}
