import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Order, Report, Sample } from "./ends/messages.ts";

/** For a process to start, to connect, to synchronise. */
const answerMs = 15_000;

/** One process of a measurement, which says what it does and does what it is told. */
export class BenchProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #reports: Report[] = [];
  readonly #waiting: Set<() => void> = new Set<() => void>();
  #problem: string | undefined;

  private constructor(name: string, program: string, nodeOptions: readonly string[]) {
    this.#name = name;
    const path = fileURLToPath(new URL(`ends/${program}.ts`, import.meta.url));
    this.#child = fork(path, { execArgv: [...nodeOptions], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let stderr = "";
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-4000);
    });
    this.#child.on("message", (report: Report) => {
      if (report.report === "problem") this.#problem ??= report.text;
      else this.#reports.push(report);
      this.#wake();
    });
    this.#child.once("exit", (code, signal) => {
      const words = stderr.split("\n").find((line) => /Error\b/.test(line)) ?? "";
      this.#problem ??= `it ended with ${signal ?? code} ${words}`;
      this.#wake();
    });
  }

  static async start(
    name: string,
    program: string,
    nodeOptions: readonly string[] = [],
  ): Promise<BenchProcess> {
    const started = new BenchProcess(name, program, nodeOptions);
    await started.next("started");
    return started;
  }

  #wake(): void {
    for (const call of this.#waiting) call();
  }

  tell(order: Order): void {
    this.#child.send(order);
  }

  /** The next report of a kind. Rejects with one sentence when the process has a problem or says nothing. */
  async next<Kind extends Report["report"]>(
    kind: Kind,
    withinMs: number = answerMs,
  ): Promise<Extract<Report, { report: Kind }>> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const at = this.#reports.findIndex(({ report }) => report === kind);
      if (at >= 0) return this.#reports.splice(at, 1)[0] as Extract<Report, { report: Kind }>;
      if (this.#problem !== undefined) throw new Error(`${this.#name}: ${this.#problem}`);
      if (performance.now() > deadline) throw new Error(`${this.#name} does not say "${kind}" in time`);
      await this.#news(deadline - performance.now());
    }
  }

  /** How often it has said this since the last time. */
  take(kind: Report["report"]): number {
    const left = this.#reports.filter(({ report }) => report !== kind);
    const taken = this.#reports.length - left.length;
    this.#reports.splice(0, this.#reports.length, ...left);
    return taken;
  }

  #news(forMs: number): Promise<void> {
    return new Promise((resolve) => {
      const call = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(call);
        resolve();
      };
      const timer = setTimeout(call, forMs);
      this.#waiting.add(call);
    });
  }

  async sample(): Promise<Sample> {
    this.tell({ order: "sample" });
    const { sample } = await this.next("sample");
    return sample;
  }

  /** Kills it as a crash does; answers the instant, in microseconds of the machine's monotonic clock. */
  kill(): number {
    const atMicros = Number(process.hrtime.bigint() / 1000n);
    this.#child.kill("SIGKILL");
    return atMicros;
  }

  /** Ends it: on its own, so that a profile is written, or else by force. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    await exited;
    clearTimeout(timer);
  }
}
