import type { RedisArgument } from "@redis/client";
import { RESP_TYPES, createClient } from "@redis/client";
import type { StoreScript, StoreWord } from "./redis-scripts.ts";
import { storeKeys, storeScripts } from "./redis-scripts.ts";

export interface RedisPlace {
  readonly address: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** What a script answered: its word, and the rest as bytes. */
export interface Answer {
  readonly word: StoreWord;
  readonly rest: readonly Buffer[];
}

/** Scripts say in their first line which rights they need: that came with this version. */
const oldestMajorVersion = 7;
const connectTimeoutMs = 2000;
const scriptNames = Object.keys(storeScripts) as StoreScript[];
const words: readonly StoreWord[] = ["ok", "fenced", "lost", "gap", "denied"];

type Client = Awaited<ReturnType<typeof connected>>;

async function connected({ address, port, username, password }: RedisPlace, onLost: (error: Error) => void) {
  const client = createClient({
    socket: { host: address, port, connectTimeout: connectTimeoutMs, reconnectStrategy: false },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    disableOfflineQueue: true,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.NUMBER]: String } },
  });
  client.on("error", onLost);
  await client.connect();
  return client;
}

/** One connection to a Redis server, on which the scripts of a cluster are called in order. */
export class RedisServer {
  readonly #client: Client;
  readonly #keys: readonly string[];
  readonly #hashes: ReadonlyMap<StoreScript, string>;

  private constructor(client: Client, cluster: string, hashes: ReadonlyMap<StoreScript, string>) {
    this.#client = client;
    this.#keys = storeKeys.map((key) => `{understudy:${cluster}}:${key}`);
    this.#hashes = hashes;
  }

  /** Rejects with the reason when the server cannot be used. `onLost` is called when the connection ends. */
  static async connect(
    place: RedisPlace,
    cluster: string,
    onLost: (error: Error) => void,
  ): Promise<RedisServer> {
    const client = await connected(place, onLost);
    try {
      const info = await client.sendCommand<unknown>(["INFO", "server"]);
      const version = /redis_version:(\d+)/.exec(textOf(info))?.[1];
      if (version === undefined || Number(version) < oldestMajorVersion) {
        throw new Error(`it is of version ${version ?? "?"}, and ${oldestMajorVersion} or later is needed`);
      }
      const loaded = scriptNames.map(async (name) => {
        const hash = await client.sendCommand<unknown>(["SCRIPT", "LOAD", storeScripts[name]]);
        return [name, textOf(hash)] as const;
      });
      return new RedisServer(client, cluster, new Map(await Promise.all(loaded)));
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** Calls are answered in the order in which they were made. Rejects when the server refuses, or is gone. */
  async call(script: StoreScript, args: readonly RedisArgument[]): Promise<Answer> {
    const hash = this.#hashes.get(script) ?? "";
    const head = ["EVALSHA", hash, String(this.#keys.length), ...this.#keys];
    const reply: unknown = await this.#client.sendCommand([...head, ...args]);
    const [first, ...rest] = Array.isArray(reply) ? reply.map(bytesOf) : [];
    const word = words.find((each) => each === first?.toString());
    if (word === undefined) throw new Error("it answers what no script of ours does");
    return { word, rest };
  }

  async ping(): Promise<void> {
    await this.#client.sendCommand(["PING"]);
  }

  close(): void {
    if (this.#client.isOpen) this.#client.destroy();
  }
}

/** Numbers come as text, everything else as bytes. */
const bytesOf = (value: unknown): Buffer => (Buffer.isBuffer(value) ? value : Buffer.from(textOf(value)));

const textOf = (value: unknown): string =>
  typeof value === "string" || Buffer.isBuffer(value) ? value.toString() : "";
