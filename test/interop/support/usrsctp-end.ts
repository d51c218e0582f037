import { execFileSync, spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Message, Order } from "./contents.ts";
import { Waiter } from "./waiter.ts";

/** `auth-data`: it takes DATA only authenticated; `auth-key`: key 1 is `sharedKey`, and active. */
export type UsrsctpExtension =
  | "pr"
  | "auth"
  | "auth-data"
  | "auth-key"
  | "asconf"
  | "reconfig"
  | "interleaving"
  | "ecn";

/** Why there can be no usrsctp on this machine; undefined where there can. */
export function whyNoUsrsctpEnd(): string | undefined {
  if (!existsSync("/usr/include/usrsctp.h")) return "libusrsctp-dev is not installed";
  try {
    execFileSync("gcc", ["--version"], { stdio: "ignore" });
  } catch {
    return "gcc is not installed";
  }
  return undefined;
}

export interface UsrsctpProgram {
  readonly path: string;
  dispose(): void;
}

export function buildUsrsctpEnd(): UsrsctpProgram {
  const folder = mkdtempSync(join(tmpdir(), "understudy-interop-"));
  const path = join(folder, "usrsctp-end");
  const source = fileURLToPath(new URL("usrsctp-end.c", import.meta.url));
  const argv = ["-O2", "-Wall", "-Wextra", "-Werror", "-o", path, source, "-lusrsctp", "-lpthread"];
  execFileSync("gcc", argv, { stdio: "pipe" });
  return { path, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}

export const sharedKey: Uint8Array = new TextEncoder().encode("understudy");

interface Event {
  readonly name: string;
  /** What both sides have, with `comm-up` and `restart`. */
  readonly features: readonly string[];
}

type Line = ({ readonly type: "message" } & Message) | ({ readonly type: "event" } & Event);

/** Values of struct sctp_prinfo. */
const policies = { none: 0, timed: 1, "limited-retransmissions": 3 } as const;

/** A process with libusrsctp in it, at a UDP port, which sends to another one. */
export class UsrsctpEnd extends Waiter {
  readonly messages: Message[] = [];
  readonly events: Event[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;

  constructor(
    program: UsrsctpProgram,
    ports: { readonly udp: number; readonly peerUdp: number; readonly sctp: number },
    extensions: readonly UsrsctpExtension[] = [],
  ) {
    super();
    const argv = [ports.udp, ports.peerUdp, ports.sctp].map(String);
    this.#child = spawn(program.path, [...argv, ...extensions], { stdio: ["pipe", "pipe", "pipe"] });
    let stderr = "";
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    this.#child.stdin.on("error", () => undefined);
    createInterface({ input: this.#child.stdout }).on("line", (text) => {
      const { type, ...line } = JSON.parse(text) as Line;
      if (type === "message") this.messages.push(line as Message);
      else this.events.push(line as Event);
      this.changed();
    });
    this.#child.once("close", () => this.failed(new Error(`usrsctp ended: ${stderr}`)));
  }

  has(name: string): boolean {
    return this.events.some((event) => event.name === name);
  }

  happened(name: string): Promise<void> {
    return this.until(
      () => this.has(name),
      () => `usrsctp says ${name}; it said ${this.events.map((event) => event.name).join(", ")}`,
    );
  }

  received(count: number): Promise<void> {
    return this.until(
      () => this.messages.length >= count,
      () => `usrsctp has ${count} messages; it has ${this.messages.length}`,
    );
  }

  command(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  send(orders: readonly Order[], policy: keyof typeof policies = "none", value: number = 0): void {
    for (const { number, lengthBytes, stream, unordered } of orders) {
      this.command(
        `send ${number} ${lengthBytes} ${stream} ${Number(unordered)} ${policies[policy]} ${value}`,
      );
    }
  }

  /** The association gets no word of it. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }
}
