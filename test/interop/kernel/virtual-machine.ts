import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildInitramfs, machineArguments } from "../../../main/lab/kernel-peer/index.ts";
import type { KernelImage } from "../../../main/lab/kernel-peer/index.ts";

/** The two networks between our side and the kernel, each with an address of either version at both ends. */
export const networks = [
  { ours: "192.0.2.1", kernels: "192.0.2.2", ours6: "fd00:0:0:1::1", kernels6: "fd00:0:0:1::2" },
  { ours: "198.51.100.1", kernels: "198.51.100.2", ours6: "fd00:0:0:2::1", kernels6: "fd00:0:0:2::2" },
] as const;

const guestFile = (name: string): string => fileURLToPath(new URL(`guest/${name}`, import.meta.url));
const bootTimeoutMs = 60_000;

/** Shell lines for process 1 of the guest. */
function guestAddresses(): string {
  const lines = ["/sbin/ip link set lo up"];
  for (const [at, { kernels, kernels6 }] of networks.entries()) {
    // Linux 6.1 drops nearly all segments when it cuts SCTP inside UDP (GSO) at the device: no GSO, no such loss.
    lines.push(`/sbin/ip link set eth${at} gso_max_size 1500`, `/sbin/ip link set eth${at} up`);
    lines.push(`/sbin/ip address add ${kernels}/24 dev eth${at}`);
    lines.push(`/sbin/ip address add ${kernels6}/64 dev eth${at} nodad`);
  }
  for (const at of networks.keys()) {
    lines.push(`until [ "$(cat /sys/class/net/eth${at}/operstate)" != down ]; do sleep 0.05; done`);
  }
  return `${lines.join("\n")}\n`;
}

/** Commands of ip for our side, whose interfaces are the taps themselves. */
function ourAddresses(): string {
  const lines = ["link set lo up"];
  for (const [at, { ours, ours6 }] of networks.entries()) {
    lines.push(`tuntap add tap${at} mode tap`, `link set tap${at} up`, `address add ${ours}/24 dev tap${at}`);
    lines.push(`address add ${ours6}/64 dev tap${at} nodad`);
  }
  return `${lines.join("\n")}\n`;
}

/**
 * A virtual machine and a network namespace in which its taps and our side live. The namespace has no name: it
 * is gone with the processes in it, and these go with this process, however it ends (the keeper of the
 * namespace reads a pipe of ours, the kernel ends the virtual machine with its parent).
 */
export class VirtualMachine {
  readonly #folder: string;
  readonly #keeper: ChildProcess;
  #machine: ChildProcess | undefined;
  #buffered: string = "";
  #onLine: (line: string) => void = () => undefined;

  private constructor(folder: string, keeper: ChildProcess) {
    this.#folder = folder;
    this.#keeper = keeper;
  }

  /** Boots; resolves when the program in the guest has said its first line. */
  static async boot(image: KernelImage, onLine: (line: string) => void): Promise<VirtualMachine> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-kernel-"));
    const keeper = spawn("unshare", ["--net", "sh", "-c", "echo; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const machine = new VirtualMachine(folder, keeper);
    try {
      await once(keeper.stdout, "data");
      execFileSync("nsenter", [...machine.#enter(), "ip", "-batch", "-"], {
        input: ourAddresses(),
        stdio: ["pipe", "pipe", "pipe"],
      });
      await machine.#start(image, onLine);
    } catch (error) {
      await machine.dispose();
      throw error;
    }
    return machine;
  }

  #enter(): readonly string[] {
    return [`--net=/proc/${this.#keeper.pid}/ns/net`];
  }

  /** A command line that runs another one on our side of the networks. */
  inside(command: string, ...argv: readonly string[]): readonly [string, string[]] {
    return ["nsenter", [...this.#enter(), command, ...argv]];
  }

  async #start(image: KernelImage, onLine: (line: string) => void): Promise<void> {
    const initramfs = buildInitramfs(this.#folder, image, {
      init: guestFile("init"),
      source: guestFile("peer.c"),
      includes: [],
      addressScript: guestAddresses(),
    });
    const cards = [...networks.keys()].map((at) => ({ tap: `tap${at}`, mac: `52:54:00:00:00:0${at + 1}` }));
    const consoleFile = this.#console;
    const argv = machineArguments({ image, initramfs, words: [], cards, consoleFile });
    argv.push("-serial", "stdio");
    const machine = spawn(...this.inside("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", ...argv), {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#machine = machine;
    let complaints = "";
    machine.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
    // It may be gone when the last word is said to it.
    machine.stdin.on("error", () => undefined);
    machine.stdout.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`${why}: ${complaints}${this.consoleText().slice(-1500)}`));
      const timer = setTimeout(() => fail("the virtual machine is not ready after a minute"), bootTimeoutMs);
      machine.once("error", reject);
      machine.once("exit", () => {
        clearTimeout(timer);
        fail("the virtual machine has ended");
      });
      this.#onLine = (line) => {
        clearTimeout(timer);
        this.#onLine = onLine;
        onLine(line);
        resolve();
      };
    });
  }

  #take(text: string): void {
    const lines = `${this.#buffered}${text}`.split("\n");
    this.#buffered = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") this.#onLine(line);
  }

  /** Whether an address answers at least one of three ICMP echo requests of our side. */
  answersEcho(address: string): Promise<boolean> {
    const [command, argv] = this.inside("busybox", "ping", "-c", "3", "-W", "3", address);
    return new Promise((resolve, reject) => {
      execFile(command, argv, (error) => {
        // 1 is what ping says when nothing came back.
        if (error === null || error.code === 1) resolve(error === null);
        else reject(error);
      });
    });
  }

  get #console(): string {
    return join(this.#folder, "console.txt");
  }

  /** What the guest's kernel wrote on its console. */
  consoleText(): string {
    return existsSync(this.#console) ? readFileSync(this.#console, "latin1") : "";
  }

  get processId(): number | undefined {
    return this.#machine?.pid;
  }

  command(line: string): void {
    this.#machine?.stdin?.write(`${line}\n`);
  }

  async dispose(): Promise<void> {
    for (const child of [this.#machine, this.#keeper]) {
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
