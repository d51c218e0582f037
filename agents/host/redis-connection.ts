import type { LinkHandlers } from "./cluster-link.ts";
import { Refusals } from "./cluster-link-refusals.ts";
import type { RedisPlace } from "./redis-server.ts";
import { RedisServer } from "./redis-server.ts";

export interface RedisConnectionOptions extends RedisPlace {
  /** An answer that does not come for this long: the connection is given up. */
  readonly silentAfterMs: number;
}

const firstRedialMs = 50;
const longestRedialMs = 1000;
const looksPerSilence = 4;
const maxUnderWayBytes = 32 * 1024 * 1024;

/**
 * One connection to a Redis server at a time, made anew as often as it is lost, with longer and longer pauses.
 * What is under way to the server is bounded, and so is its silence.
 */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #cluster: string;
  readonly #handlers: Pick<LinkHandlers, "onUp" | "onDown">;
  readonly #refusals: Refusals;
  #server: RedisServer | undefined;
  #redialMs: number = firstRedialMs;
  #timer: NodeJS.Timeout | undefined;
  #look: NodeJS.Timeout | undefined;
  #looksWithoutAnswer: number = 0;
  #underWay: number = 0;
  #underWayBytes: number = 0;
  #closed: boolean = false;

  /** `cluster` is what the keys in the store are named after. */
  constructor(
    options: RedisConnectionOptions,
    cluster: string,
    handlers: Pick<LinkHandlers, "onUp" | "onDown" | "onRefused">,
  ) {
    this.#options = options;
    this.#cluster = cluster;
    this.#handlers = handlers;
    this.#refusals = new Refusals(handlers.onRefused);
    void this.#dial();
  }

  async #dial(): Promise<void> {
    let server: RedisServer;
    try {
      let early: Error | undefined;
      server = await RedisServer.connect(this.#options, this.#cluster, (error) => {
        early = error;
        this.#lost(server);
      });
      if (early !== undefined) throw early;
    } catch (error) {
      // A server that is not there yet is no news.
      if (!isAbsence(error)) this.refuse(`the store cannot be used: ${textOf(error)}`);
      this.#redial();
      return;
    }
    if (this.#closed) {
      server.close();
      return;
    }
    this.#server = server;
    this.#looksWithoutAnswer = 0;
    this.#underWay = 0;
    this.#underWayBytes = 0;
    this.#look = setInterval(() => this.#lookAround(), this.#options.silentAfterMs / looksPerSilence);
    this.#handlers.onUp();
  }

  #redial(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#dial(), this.#redialMs);
    this.#redialMs = Math.min(this.#redialMs * 2, longestRedialMs);
  }

  /** Looks that come late because we stood still count once: that is not the server's silence. */
  #lookAround(): void {
    if (this.#underWay === 0) {
      this.#looksWithoutAnswer = 0;
      this.ask(
        async (server) => server.ping(),
        0,
        () => undefined,
      );
      return;
    }
    this.#looksWithoutAnswer += 1;
    if (this.#looksWithoutAnswer > looksPerSilence) this.giveUp();
  }

  refuse(reason: string): void {
    this.#refusals.add("refuses-us", reason);
  }

  /** Something is wrong with what the server has or says: that is told, and the connection made anew. */
  fail(reason: string): void {
    this.refuse(reason);
    this.giveUp();
  }

  giveUp(): void {
    this.#lost(this.#server);
  }

  #lost(server: RedisServer | undefined): void {
    if (server === undefined || server !== this.#server) return;
    this.#server = undefined;
    clearInterval(this.#look);
    server.close();
    // That Redis is gone says nothing about any process of the cluster.
    this.#handlers.onDown(false);
    this.#redial();
  }

  /** The server takes what it is given: the next pause is a short one. */
  isOfUse(): void {
    this.#redialMs = firstRedialMs;
  }

  /** Asks the server; `done` gets its answer unless the connection is lost meanwhile. An error gives it up. */
  ask<T>(what: (server: RedisServer) => Promise<T>, bytes: number, done: (answer: T) => void): void {
    const server = this.#server;
    if (server === undefined) return;
    this.#underWay += 1;
    this.#underWayBytes += bytes;
    if (this.#underWayBytes > maxUnderWayBytes) {
      this.fail(`the store does not keep up: ${this.#underWayBytes} bytes are under way`);
      return;
    }
    what(server).then(
      (answer) => {
        // What a connection that was given up still says comes too late.
        if (server !== this.#server) return;
        this.#looksWithoutAnswer = 0;
        this.#underWay -= 1;
        this.#underWayBytes -= bytes;
        done(answer);
      },
      (error: unknown) => {
        if (server === this.#server) this.fail(`the store refuses: ${textOf(error)}`);
      },
    );
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#look);
    this.#server?.close();
    this.#server = undefined;
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function isAbsence(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNREFUSED" || code === "EHOSTUNREACH" || code === "ENETUNREACH";
}
