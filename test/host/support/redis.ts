import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { RESP_TYPES, createClient } from "@redis/client";
import { address, freePort } from "./link-end.ts";

/** Why there is no Redis to test with; undefined where there is one. */
export const whyNoRedis: string | undefined =
  spawnSync("redis-server", ["--version"]).status === 0 ? undefined : "redis-server is not installed";

export const redisSkipped: string = whyNoRedis === undefined ? "" : ` (skipped: ${whyNoRedis})`;

type Stranger = ReturnType<typeof stranger>;

function stranger(port: number) {
  const client = createClient({
    socket: { host: address, port },
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
  });
  return client.on("error", () => undefined);
}

/** A Redis server of our own on loopback, in a folder of its own. Its configuration goes in by a pipe. */
export class RedisProcess {
  readonly port: number;
  readonly folder: string = mkdtempSync(join(tmpdir(), "understudy-redis-"));
  readonly #settings: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, settings: readonly string[]) {
    this.port = port;
    this.#settings = settings;
  }

  static async start(settings: readonly string[] = []): Promise<RedisProcess> {
    const redis = new RedisProcess(await freePort(), settings);
    await redis.start();
    return redis;
  }

  async start(): Promise<void> {
    const child = spawn("redis-server", ["-"], { stdio: ["pipe", "pipe", "ignore"] });
    this.#child = child;
    const own = [
      `port ${this.port}`,
      `bind ${address}`,
      `dir ${this.folder}`,
      "save ''",
      "appendonly no",
      "daemonize no",
    ];
    child.stdin.end(`${[...own, ...this.#settings].join("\n")}\n`);
    for await (const line of createInterface(child.stdout)) {
      if (line.includes("Ready to accept connections")) break;
    }
    child.stdout.resume();
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
  }

  /** Runs commands as somebody who has nothing to do with the cluster. */
  async #as<T>(work: (client: Stranger) => Promise<T>): Promise<T> {
    const client = stranger(this.port);
    await client.connect();
    try {
      return await work(client);
    } finally {
      client.destroy();
    }
  }

  async command(...words: readonly string[]): Promise<unknown> {
    return this.#as(async (client) => client.sendCommand<unknown>([...words]));
  }

  async keys(): Promise<string[]> {
    return ((await this.command("KEYS", "*")) as unknown[]).map(String).toSorted();
  }

  async #keyOf(name: string): Promise<string> {
    return (await this.keys()).find((each) => each.endsWith(`:${name}`)) ?? "none";
  }

  /** Fields of the cluster's hash with that name. */
  async count(name: string): Promise<number> {
    return Number(await this.command("HLEN", await this.#keyOf(name)));
  }

  /** Fields and values of a hash, all of them, in hexadecimal digits. */
  async hashHex(name: string): Promise<string> {
    const key = await this.#keyOf(name);
    const all = await this.#as(async (client) => client.hGetAll(key));
    return Object.values(all)
      .map((value) => value.toString("hex"))
      .join(" ");
  }

  async deleteHash(name: string): Promise<void> {
    if ((await this.command("DEL", await this.#keyOf(name))) !== 1) throw new Error(`there is no ${name}`);
  }

  /** Changes every value of a hash; values are hexadecimal digits. */
  async changeHash(name: string, change: (hex: string) => string): Promise<void> {
    const key = await this.#keyOf(name);
    await this.#as(async (client) => {
      for (const [field, value] of Object.entries(await client.hGetAll(key))) {
        await client.hSet(key, field, Buffer.from(change(value.toString("hex")), "hex"));
      }
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
