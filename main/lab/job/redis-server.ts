import type { RemoteProcess, SshHost } from "../../deploy/index.ts";
import { LabError } from "../hosts.ts";
import { endProcess } from "./end-process.ts";
import { readLines } from "./lines.ts";

const startMs = 10_000;
const maxLineBytes = 100_000;
const wordsKept = 3;

export interface RedisPlace {
  readonly address: string;
  readonly port: number;
  /** Anybody who knows it may read and write: a secret of the run. */
  readonly password: string;
  readonly maxBytes: number;
}

/** In memory only, and refusing writes when that is full: a store that forgets states would be no store. */
function configuration({ address, port, password, maxBytes }: RedisPlace): string {
  const lines = [
    `bind ${address}`,
    `port ${port}`,
    `requirepass ${password}`,
    "daemonize no",
    'save ""',
    "appendonly no",
    `maxmemory ${maxBytes}`,
    "maxmemory-policy noeviction",
    'logfile ""',
    "",
  ];
  return lines.join("\n");
}

/** A Redis server on a host of the lab, for one run. Its configuration goes over its input: the password is in no list of processes. */
export class RedisServer {
  readonly #process: RemoteProcess;
  #ended: string | undefined;
  #expectedEnd: boolean = false;
  #lastWords: string[] = [];

  private constructor(
    host: SshHost,
    place: RedisPlace,
    process: RemoteProcess,
    onReady: () => void,
    onProblem: (text: string) => void,
  ) {
    this.#process = process;
    readLines(process.stdout, maxLineBytes, (line) => {
      this.#lastWords = [...this.#lastWords, line.trim()].slice(-wordsKept);
      if (line.includes("Ready to accept connections")) onReady();
    });
    process.stderr.resume();
    const ended = (how: string): void => {
      if (this.#ended !== undefined) return;
      this.#ended = how;
      onReady();
      if (!this.#expectedEnd) onProblem(this.#goneText(host, place));
    };
    process.stdout.on("error", (error) => ended(error.message));
    process.exited.then(
      ({ code, signal }) => ended(signal === null ? `exit code ${code}` : `ended by ${signal}`),
      (error: unknown) => ended(error instanceof Error ? error.message : String(error)),
    );
  }

  #goneText(host: SshHost, { address, port }: RedisPlace): string {
    const words = this.#lastWords.join(" | ") || "it said nothing";
    return `The Redis server on ${host.where} is gone: ${this.#ended} (${words}); see whether TCP port ${port} on ${address} is free there.`;
  }

  /** Starts it and waits until it accepts connections. Rejects with one sentence. */
  static async start(
    host: SshHost,
    place: RedisPlace,
    onProblem: (text: string) => void,
  ): Promise<RedisServer> {
    const process = await host.spawn(["redis-server", "-"]);
    const started = Promise.withResolvers<void>();
    const server = new RedisServer(host, place, process, started.resolve, onProblem);
    server.expectEnd();
    process.stdin.end(configuration(place));
    const late = new LabError(
      `The Redis server on ${host.where} does not accept connections for ${startMs / 1000} s: look at the load there.`,
    );
    const timer = setTimeout(() => started.reject(late), startMs);
    try {
      await started.promise;
      if (server.#ended !== undefined) throw new LabError(server.#goneText(host, place));
    } catch (error) {
      await server.quit();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    server.#expectedEnd = false;
    return server;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The end that is about to come is ours: no problem to report. */
  expectEnd(): void {
    this.#expectedEnd = true;
  }

  async quit(): Promise<void> {
    this.expectEnd();
    if (this.#ended !== undefined) return;
    await this.#process.kill("SIGTERM");
    await endProcess(this.#process);
  }
}
