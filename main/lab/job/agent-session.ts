import { randomInt } from "node:crypto";
import type {
  AgentMessage,
  AgentStatus,
  Configure,
  ConfigureKeeper,
  DeskMessage,
} from "../../../agents/control/index.ts";
import {
  controlVersion,
  maxLineBytes,
  parseAgentMessage,
  presenceIntervalMs,
} from "../../../agents/control/index.ts";
import type { AgentRecord } from "../../../agents/control/records.ts";
import type { RemoteProcess, SshHost } from "../../deploy/index.ts";
import { LabError } from "../hosts.ts";
import { endProcess } from "./end-process.ts";
import { readLines } from "./lines.ts";

/** How long an agent may take to answer the desk. */
const answerMs = 15_000;
const stderrKeptBytes = 4000;

type Waiter = {
  readonly wants: (message: AgentMessage) => boolean;
  readonly resolve: (message: AgentMessage) => void;
  readonly reject: (error: Error) => void;
};

export interface SessionHandlers {
  readonly onRecords: (records: readonly AgentRecord[]) => void;
  /** The agent reports trouble that nobody waits for; one sentence. */
  readonly onProblem: (text: string) => void;
}

/** The desk's talk with one agent, over the standard input and output of the remote program. */
export class AgentSession {
  readonly #host: SshHost;
  readonly #process: RemoteProcess;
  readonly #handlers: SessionHandlers;
  readonly #waiters: Set<Waiter> = new Set<Waiter>();
  #stderr: string = "";
  #ended: string | undefined;
  #expectedEnd: boolean = false;
  #quitting: Promise<void> | undefined;
  readonly #presence: NodeJS.Timeout;

  private constructor(host: SshHost, process: RemoteProcess, handlers: SessionHandlers) {
    this.#host = host;
    this.#process = process;
    this.#handlers = handlers;
    // An agent that hears nothing for long takes the desk for dead and ends, even when nobody closed its channel.
    this.#presence = setInterval(() => this.send({ type: "present" }), presenceIntervalMs).unref();
    process.stderr.on("data", (bytes: Buffer) => {
      this.#stderr = (this.#stderr + bytes.toString()).slice(-stderrKeptBytes);
    });
    readLines(process.stdout, maxLineBytes, (line) => this.#received(line));
    process.stdout.on("error", (error) => this.#end(error.message));
    process.exited.then(
      ({ code, signal }) =>
        this.#end(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`),
      (error: unknown) => this.#end(error instanceof Error ? error.message : String(error)),
    );
  }

  /** Starts the agent and waits for its greeting. Rejects with one sentence when it dies at the start. */
  static async start(
    host: SshHost,
    argv: readonly string[],
    handlers: SessionHandlers,
  ): Promise<AgentSession> {
    const session = new AgentSession(host, await host.spawn(argv), handlers);
    try {
      const hello = await session.#expect((message) => message.type === "hello", "start");
      if (hello.type !== "hello") throw new Error("broken rule: a greeting was waited for");
      session.clockErrorMicros = hello.clockErrorMicros;
      if (hello.version === controlVersion) return session;
      throw new LabError(
        `The agent on ${host.where} speaks version ${hello.version} of the control messages, this desk ${controlVersion}: build and deploy it anew.`,
      );
    } catch (error) {
      await session.quit();
      throw error;
    }
  }

  /** How far the agent's stamps may be from its host's wall clock; known once it has greeted. */
  clockErrorMicros: number = 0;

  get pid(): number {
    return this.#process.pid;
  }

  get isAlive(): boolean {
    return this.#ended === undefined;
  }

  /** Settles when the agent has ended, however. */
  get exited(): Promise<void> {
    return this.#process.exited.then(
      () => undefined,
      () => undefined,
    );
  }

  #received(line: string): void {
    const parsed = parseAgentMessage(line);
    if (!parsed.ok) {
      this.#handlers.onProblem(
        `the agent on ${this.#host.where} said something unreadable (${parsed.reason})`,
      );
      return;
    }
    const { message } = parsed;
    if (message.type === "records") {
      this.#handlers.onRecords(message.records);
      return;
    }
    for (const waiter of this.#waiters) {
      if (message.type === "error") waiter.reject(new LabError(`${this.#host.where}: ${message.message}`));
      else if (waiter.wants(message)) waiter.resolve(message);
      else continue;
      this.#waiters.delete(waiter);
      return;
    }
    if (message.type === "error") this.#handlers.onProblem(`${this.#host.where}: ${message.message}`);
  }

  #end(how: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = how;
    clearInterval(this.#presence);
    const wasAsked = this.#waiters.size > 0;
    for (const waiter of this.#waiters) waiter.reject(this.#goneError());
    this.#waiters.clear();
    if (!this.#expectedEnd && !wasAsked) this.#handlers.onProblem(this.#goneError().message);
  }

  #goneError(): LabError {
    const said = this.#stderr.trim().split("\n").slice(-3).join(" | ");
    const words = said === "" ? "it said nothing" : `its last words: ${said}`;
    return new LabError(
      `The agent on ${this.#host.where} is gone: ${this.#ended ?? "no reason known"} (${words}); look there for what ends it, and whether its Node runs.`,
    );
  }

  #expect(wants: (message: AgentMessage) => boolean, what: string): Promise<AgentMessage> {
    return new Promise<AgentMessage>((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#goneError());
        return;
      }
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        const text = `The agent on ${this.#host.where} does not answer (${what}) for ${answerMs / 1000} s: look at the load of that machine.`;
        reject(new LabError(text));
      }, answerMs);
      const waiter: Waiter = {
        wants,
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  send(message: DeskMessage): void {
    if (this.#ended === undefined) this.#process.stdin.write(`${JSON.stringify(message)}\n`);
  }

  async configure(message: Configure | ConfigureKeeper): Promise<void> {
    const ready = this.#expect((answer) => answer.type === "ready", "configure");
    this.send(message);
    await ready;
  }

  async status(): Promise<AgentStatus> {
    const id = randomInt(1, 2 ** 31);
    const answer = this.#expect((message) => message.type === "status" && message.id === id, "status");
    this.send({ type: "status", id });
    return (await answer) as AgentStatus;
  }

  /** The end that is about to come is ours: no problem to report. */
  expectEnd(): void {
    this.#expectedEnd = true;
  }

  /** Ends the agent in order; harmless when it is gone, and when it is asked twice. */
  quit(): Promise<void> {
    this.#quitting ??= this.#quit();
    return this.#quitting;
  }

  async #quit(): Promise<void> {
    this.expectEnd();
    if (this.#ended !== undefined) return;
    clearInterval(this.#presence);
    this.send({ type: "quit" });
    this.#process.stdin.end();
    await endProcess(this.#process);
  }
}
