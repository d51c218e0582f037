import type { MemberLink } from "../../../agents/host/cluster-link.ts";
import type { RedisLinkOptions } from "../../../agents/host/redis-link.ts";
import { RedisLink } from "../../../agents/host/redis-link.ts";
import type { ClusterFrame } from "../../../agents/replica/index.ts";
import { Keeper, decodeFrame, encodeFrame, linkVersion } from "../../../agents/replica/index.ts";
import { address } from "./link-end.ts";
import { RedisProcess } from "./redis.ts";

export const takeoverAfterMs = 200;

type Kind = ClusterFrame["kind"];
type Of<K extends Kind> = Extract<ClusterFrame, { kind: K }>;

/** A member's end of its link to a store: says what the test wants, and hands out what it heard in order. */
export abstract class StoreMember {
  readonly #heard: ClusterFrame[] = [];
  readonly refusals: string[] = [];
  ups: number = 0;
  downs: number = 0;
  #changed: () => void = () => undefined;

  protected note(frame: ClusterFrame): void {
    this.#heard.push(frame);
    this.#changed();
  }

  protected noteChange(change: () => void): void {
    change();
    this.#changed();
  }

  abstract say(...frames: readonly ClusterFrame[]): void;
  abstract close(): void;

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  /** The next frame of that kind; what came before it is passed over. */
  async next<K extends Kind>(kind: K): Promise<Of<K>> {
    await this.until(() => this.#heard.some((frame) => frame.kind === kind));
    const at = this.#heard.findIndex((frame) => frame.kind === kind);
    const [frame] = this.#heard.splice(0, at + 1).slice(-1);
    return frame as Of<K>;
  }

  /** The next frame, whatever it is. */
  async any(): Promise<ClusterFrame[]> {
    await this.until(() => this.#heard.length > 0);
    return this.#heard.splice(0, 1);
  }

  /** Everything up to and including the next frame of that kind. */
  async through(kind: Kind): Promise<ClusterFrame[]> {
    await this.until(() => this.#heard.some((frame) => frame.kind === kind));
    return this.#heard.splice(0, this.#heard.findIndex((frame) => frame.kind === kind) + 1);
  }

  /** Until everything that was said was answered: by the answer to a last beat. */
  async settled(epoch: number): Promise<ClusterFrame[]> {
    this.say({ kind: "beat", epoch, stampMs: 77 });
    return this.through("beat");
  }

  /** Until everything that was said has arrived, whatever becomes of it: by the answer to a last beat. */
  async quiet(): Promise<void> {
    this.say({ kind: "beat", epoch: 0 });
    await this.until(() => this.#heard.some(({ kind }) => kind === "beat" || kind === "fenced"));
    this.#heard.length = 0;
  }

  hello(role: "primary" | "standby", epoch: number): void {
    this.say({ kind: "hello", epoch, version: linkVersion, role });
  }
}

/** A store under test, whatever it is made of. */
export interface StoreUnderTest {
  /** A new member with its link up and its hello answered. */
  join(role: "primary" | "standby", epoch: number): Promise<StoreMember>;
  /** Lets time pass for the store. */
  pass(forMs: number): Promise<void>;
  /** How many associations it has something of. */
  held(): Promise<number>;
  close(): Promise<void>;
}

export interface StoreLimits {
  readonly maxBytes: number;
  readonly maxAssociations: number;
}

class KeeperMember extends StoreMember {
  readonly #say: (frame: ClusterFrame) => void;
  readonly #wait: () => void;

  constructor(say: (frame: ClusterFrame) => void, wait: () => void) {
    super();
    this.#say = say;
    this.#wait = wait;
  }

  /** Nothing happens by itself here: while somebody waits, time goes on for the keeper. */
  override async until(condition: () => boolean): Promise<void> {
    for (let steps = 0; !condition(); steps++) {
      if (steps > 10_000) throw new Error("what is waited for does not come");
      this.#wait();
    }
  }

  say(...frames: readonly ClusterFrame[]): void {
    for (const frame of frames) {
      const travelled = decodeFrame(encodeFrame(frame));
      if (travelled === undefined) throw new Error(`${frame.kind} cannot be read back`);
      this.#say(travelled);
    }
  }

  hear(frame: ClusterFrame): void {
    const travelled = decodeFrame(encodeFrame(frame));
    if (travelled !== undefined) this.note(travelled);
  }

  refused(reason: string): void {
    this.noteChange(() => {
      this.refusals.push(reason);
      this.downs += 1;
    });
  }

  close(): void {}
}

/** The keeper of an agent, on virtual time. */
export async function keeperStore(limits: StoreLimits): Promise<StoreUnderTest> {
  const keeper = new Keeper({ takeoverAfterMs, holdsStates: true, ...limits });
  const members = new Map<string, KeeperMember>();
  let nowMs = 1000;
  const settle = (): void => {
    const { frames, refusals } = keeper.takeOutputs();
    for (const { to, frame } of frames) members.get(to)?.hear(frame);
    for (const { link, reason } of refusals) members.get(link)?.refused(reason);
  };
  return {
    join: async (role, epoch) => {
      const link = `member ${members.size}`;
      const say = (frame: ClusterFrame): void => {
        keeper.receiveFrame(link, frame, nowMs);
        settle();
      };
      const member = new KeeperMember(say, () => {
        nowMs = keeper.nextDeadlineMs() ?? nowMs + 1;
        keeper.advance(nowMs);
        settle();
      });
      members.set(link, member);
      keeper.linkUp(link, nowMs);
      settle();
      member.hello(role, epoch);
      return member;
    },
    pass: async (forMs) => {
      const endMs = nowMs + forMs;
      while (nowMs < endMs) {
        nowMs = Math.min(keeper.nextDeadlineMs() ?? endMs, endMs);
        keeper.advance(nowMs);
      }
    },
    held: async () => keeper.held.size,
    close: async () => undefined,
  };
}

/** A member on a real Redis. */
export class RedisMember extends StoreMember {
  readonly #link: MemberLink;
  /** Numbers of the updates that delivered something, as the store told when it was claimed. */
  readonly delivered: number[] = [];
  /** What is said first on every connection, as members do. */
  greeting: readonly ClusterFrame[] = [];

  constructor(port: number, options: Partial<RedisLinkOptions> = {}) {
    super();
    const base = { address, port, secretHex: "ab".repeat(32), takeoverAfterMs };
    this.#link = new RedisLink(
      { ...base, ...options },
      {
        onUp: () => {
          this.noteChange(() => (this.ups += 1));
          this.#link.send(this.greeting);
        },
        onDown: () => this.noteChange(() => (this.downs += 1)),
        onFrame: (frame) => this.note(frame),
        onRefused: (reason) => this.noteChange(() => this.refusals.push(reason)),
        onDelivered: (each) => this.delivered.push(...each.map(({ sequence }) => sequence)),
      },
    );
  }

  say(...frames: readonly ClusterFrame[]): void {
    this.#link.send(frames);
  }

  close(): void {
    this.#link.close();
  }
}

export async function redisStore(limits: Partial<RedisLinkOptions>): Promise<StoreUnderTest> {
  const redis = await RedisProcess.start();
  const members: RedisMember[] = [];
  return {
    join: async (role, epoch) => {
      const member = new RedisMember(redis.port, limits);
      members.push(member);
      await member.until(() => member.ups > 0);
      member.hello(role, epoch);
      return member;
    },
    pass: async (forMs) => new Promise((resolve) => setTimeout(resolve, forMs)),
    held: async () => redis.count("seq"),
    close: async () => {
      for (const member of members) member.close();
      await redis.remove();
    },
  };
}
