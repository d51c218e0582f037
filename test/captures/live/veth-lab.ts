import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { netnsRunner } from "../../../captures/live/index.ts";

/** Two namespaces with a veth cable between them, and a sender of known UDP packets. */

const run = promisify(execFile);
const ip = async (...args: string[]): Promise<string> => (await run("ip", args)).stdout;

const PREFIX = "ustlive-";
const SENDER = fileURLToPath(new URL("./send-udp-child.ts", import.meta.url));

export const PORT = 5000;
export const INTERFACE = "out0";
const NEAR = "192.0.2.1";
const FAR = "192.0.2.2";
const FAR_MAC = "02:00:00:00:00:02";

/** Why the lab cannot be built here; undefined: it can. */
export async function labObstacle(): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0)
    return "network namespaces need Linux and root";
  await removeAbandoned();
  const probe = `${PREFIX}${process.pid}-probe`;
  try {
    await ip("netns", "add", probe);
    await ip("netns", "del", probe);
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made here: ${String(error)}`;
  }
}

/** A test that was killed may have left namespaces behind; their names tell whose they were. */
async function removeAbandoned(): Promise<void> {
  for (const line of (await ip("netns", "list")).split("\n")) {
    const name = line.split(" ")[0] ?? "";
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined) continue;
    const alive = await readFile(`/proc/${owner}/stat`).then(
      () => true,
      () => false,
    );
    if (!alive) await ip("netns", "del", name);
  }
}

export interface VethLab {
  readonly namespace: string;
  /** Sends packets numbered from `first`; resolves when the kernel has taken them all. */
  send(first: number, count: number, address?: string): Promise<void>;
  link(state: "up" | "down"): Promise<void>;
  /** Processes inside the namespace. */
  processes(): Promise<number[]>;
  remove(): Promise<void>;
}

/** Afterwards a packet that is sent is on the wire at once: it waits neither for the carrier nor for ARP. */
async function becomeReady(namespace: string): Promise<void> {
  while (!(await ip("-n", namespace, "link", "show", INTERFACE)).includes("state UP")) await pause(20);
  await ip("-n", namespace, "neigh", "replace", FAR, "lladdr", FAR_MAC, "nud", "permanent", "dev", INTERFACE);
}

export async function buildVethLab(): Promise<VethLab> {
  const near = `${PREFIX}${process.pid}-near`;
  const far = `${PREFIX}${process.pid}-far`;
  const remove = async (): Promise<void> => {
    for (const name of [near, far]) await ip("netns", "del", name).catch(() => undefined);
  };
  try {
    for (const name of [near, far]) await ip("netns", "add", name);
    await ip("-n", near, "link", "add", INTERFACE, "type", "veth", "peer", "name", INTERFACE, "netns", far);
    await ip("-n", far, "link", "set", INTERFACE, "address", FAR_MAC);
    for (const [name, address] of [
      [near, NEAR],
      [far, FAR],
    ] as const) {
      await ip("-n", name, "addr", "add", `${address}/24`, "dev", INTERFACE);
      await ip("-n", name, "link", "set", "lo", "up");
      await ip("-n", name, "link", "set", INTERFACE, "up");
    }
    await becomeReady(near);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    namespace: near,
    remove,
    link: async (state) => {
      await ip("-n", near, "link", "set", INTERFACE, state);
      if (state === "up") await becomeReady(near);
    },
    processes: async () => (await ip("netns", "pids", near)).split("\n").filter(Boolean).map(Number),
    send: async (first, count, address = FAR) => {
      const sender = await netnsRunner(near).spawn([
        process.execPath,
        SENDER,
        address,
        `${PORT}`,
        `${first}`,
        `${count}`,
      ]);
      let said = "";
      sender.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
      sender.stdout.resume();
      const { code } = await sender.exited;
      if (code !== 0) throw new Error(`the sender failed: ${said}`);
    },
  };
}
