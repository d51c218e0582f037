import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { RedisLinkOptions } from "../../agents/host/redis-link.ts";
import type { ClusterFrame } from "../../agents/replica/index.ts";
import { linkVersion } from "../../agents/replica/index.ts";
import type { Updates } from "../support/association-life.ts";
import { associationLife, heldAfter } from "../support/association-life.ts";
import { address } from "./support/link-end.ts";
import { RedisProcess, redisSkipped, whyNoRedis } from "./support/redis.ts";
import { RedisMember, takeoverAfterMs } from "./support/stores.ts";

const life: Updates = associationLife();
const half: Updates = life.slice(0, life.length >> 1);
const association = life[0]?.association ?? 0;
const updates = (epoch: number, each: Updates): ClusterFrame => ({ kind: "updates", epoch, updates: each });
const hello = (role: "primary" | "standby", epoch: number): ClusterFrame => ({
  kind: "hello",
  epoch,
  version: linkVersion,
  role,
});

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function server(...settings: readonly string[]): Promise<RedisProcess> {
  const redis = await RedisProcess.start(settings);
  closers.push(() => redis.remove());
  return redis;
}

/** A member that says hello whenever its link comes up. */
function joined(
  redis: RedisProcess,
  role: "primary" | "standby",
  epoch = 1,
  options: Partial<RedisLinkOptions> = {},
): RedisMember {
  const member = new RedisMember(redis.port, options);
  member.greeting = [hello(role, epoch)];
  closers.push(() => member.close());
  return member;
}

/** A primary that holds half a life there and is current. */
async function primary(redis: RedisProcess, options: Partial<RedisLinkOptions> = {}): Promise<RedisMember> {
  const a = joined(redis, "primary", 1, options);
  await a.next("hello");
  a.say(updates(1, half), { kind: "synced", epoch: 1 });
  await a.settled(1);
  return a;
}

async function claim(b: RedisMember, epoch: number): Promise<ClusterFrame> {
  b.say({ kind: "claim", epoch });
  const [frame] = await b.any();
  return frame?.kind === "hello" ? (await b.any())[0]! : frame!;
}

async function claimed(b: RedisMember, epoch: number): Promise<ClusterFrame[]> {
  for (;;) {
    const frame = await claim(b, epoch);
    if (frame.kind !== "claimDenied")
      return [frame, ...(frame.kind === "claimed" ? [] : await b.through("claimed"))];
    expect(frame.retryAfterMs).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, frame.retryAfterMs));
  }
}

describe.skipIf(whyNoRedis !== undefined)(`a Redis that loses what it had${redisSkipped}`, () => {
  it("is empty after a restart: that is told, nothing is granted, and it is filled again", async () => {
    const redis = await server();
    const a = await primary(redis, { silentAfterMs: 5000 });
    const b = joined(redis, "standby");
    await b.next("hello");
    await redis.kill();
    await a.until(() => a.downs === 1);
    await redis.start();
    expect(await a.next("hello")).toMatchObject({ epoch: 0 });
    expect(await b.next("hello")).toMatchObject({ epoch: 0 });
    await new Promise((resolve) => setTimeout(resolve, takeoverAfterMs + 1));
    expect(await claim(b, 2)).toMatchObject({ kind: "claimDenied", retryAfterMs: 0 });
    const bytes = heldAfter(half) ?? new Uint8Array(0);
    a.say({ kind: "state", epoch: 1, association, bytes }, { kind: "synced", epoch: 1 });
    await a.settled(1);
    expect((await claimed(b, 2))[0]).toEqual({ kind: "state", epoch: 2, association, bytes });
  });

  it("is as good as empty when it comes back with an old copy", async () => {
    const redis = await server();
    const a = await primary(redis);
    await redis.command("SAVE");
    a.say(updates(1, life.slice(half.length, half.length + 9)));
    await a.settled(1);
    await redis.kill();
    await redis.start();
    expect((await redis.keys()).length).toBeGreaterThan(3);
    const b = joined(redis, "standby");
    expect(await b.next("hello")).toMatchObject({ epoch: 0 });
    await new Promise((resolve) => setTimeout(resolve, takeoverAfterMs + 1));
    expect(await claim(b, 2)).toMatchObject({ kind: "claimDenied", retryAfterMs: 0 });
    expect(await a.next("hello")).toMatchObject({ epoch: 0 });
    expect(await redis.count("seq")).toBe(0);
  });

  it("is noticed while the connection lives: by the next beat, and by the next update", async () => {
    const redis = await server();
    const a = await primary(redis);
    for (const word of [
      { kind: "beat", epoch: 1, stampMs: 5 } as const,
      updates(1, life.slice(half.length)),
    ]) {
      const { downs } = a;
      await redis.command("FLUSHALL");
      a.say(word);
      await a.until(() => a.downs === downs + 1);
      expect(a.refusals.at(-1)).toMatch(/^the store has lost what it held/);
      expect(await a.next("hello")).toMatchObject({ epoch: 0 });
      const bytes = heldAfter(half) ?? new Uint8Array(0);
      a.say({ kind: "state", epoch: 1, association, bytes }, { kind: "synced", epoch: 1 });
      await a.settled(1);
      // The same trouble is told once a second.
      await new Promise((resolve) => setTimeout(resolve, 1001));
    }
  });

  it.each([
    ["the log", "log"],
    ["the first entries", "from"],
    ["the last entries", "to"],
  ])("hands over nothing of it when it has lost %s", async (_, name) => {
    const redis = await server();
    await primary(redis);
    await redis.deleteHash(name);
    const b = joined(redis, "standby");
    await b.next("hello");
    await new Promise((resolve) => setTimeout(resolve, takeoverAfterMs + 1));
    b.say({ kind: "claim", epoch: 2 });
    await b.until(() => b.downs > 0);
    expect(b.refusals[0]).toMatch(/nothing is taken over from the store/);
    expect(await b.through("hello")).toHaveLength(1);
  });

  it.each([
    ["what it has", "seq"],
    ["who is primary", "meta"],
  ])("grants nothing when it has lost %s", async (_, name) => {
    const redis = await server();
    const a = await primary(redis);
    await redis.deleteHash(name);
    const b = joined(redis, "standby");
    expect(await b.next("hello")).toMatchObject({ epoch: 0 });
    await new Promise((resolve) => setTimeout(resolve, takeoverAfterMs + 1));
    expect(await claim(b, 2)).toMatchObject({ kind: "claimDenied", retryAfterMs: 0 });
    a.say({ kind: "beat", epoch: 1, stampMs: 3 });
    await a.until(() => a.downs > 0);
  });
});

describe.skipIf(whyNoRedis !== undefined)(`a Redis that holds what is not ours${redisSkipped}`, () => {
  it.each([
    ["damaged bytes", (bytes: string) => `${bytes.slice(0, 40)}00${bytes.slice(42)}`],
    ["bytes without end", (bytes: string) => bytes.repeat(2)],
    ["nothing", () => ""],
  ])("hands over nothing of it: %s", async (_, change) => {
    const redis = await server();
    await primary(redis);
    await redis.changeHash("log", change);
    const b = joined(redis, "standby");
    await b.next("hello");
    await new Promise((resolve) => setTimeout(resolve, takeoverAfterMs + 1));
    b.say({ kind: "claim", epoch: 2 });
    await b.until(() => b.downs > 0);
    expect(b.refusals).toEqual([
      "nothing is taken over from the store: what the store has was damaged, or is not ours",
    ]);
  });

  it("hands over nothing of it when its last entries were taken away", async () => {
    const redis = await server();
    const a = await primary(redis);
    a.say(updates(1, life.slice(half.length, half.length + 1)));
    await a.settled(1);
    await redis.changeHash("to", () => Buffer.from("1").toString("hex"));
    const b = joined(redis, "standby");
    await b.next("hello");
    await new Promise((resolve) => setTimeout(resolve, takeoverAfterMs + 1));
    b.say({ kind: "claim", epoch: 2 });
    await b.until(() => b.downs > 0);
    expect(b.refusals[0]).toBe(
      "nothing is taken over from the store: the store has lost a part of what it held",
    );
  });

  it("keeps clusters apart by their secrets", async () => {
    const redis = await server();
    await primary(redis);
    const other = joined(redis, "standby", 1, { secretHex: "cd".repeat(32) });
    expect(await other.next("hello")).toMatchObject({ epoch: 0 });
    await new Promise((resolve) => setTimeout(resolve, takeoverAfterMs + 1));
    expect(await claim(other, 2)).toMatchObject({ kind: "claimDenied", retryAfterMs: 0 });
  });

  it("shows nobody what was said", async () => {
    const redis = await server();
    await primary(redis);
    const payload = half.find(
      ({ update }) => update.kind === "messageQueued" || update.kind === "dataDelivered",
    );
    if (payload === undefined) throw new Error("nothing was said");
    const part = Buffer.from(payload.bytes).subarray(-32).toString("hex");
    for (const name of ["log", "state"]) expect(await redis.hashHex(name)).not.toContain(part);
    expect((await redis.hashHex("log")).length).toBeGreaterThan(1000);
  });
});

describe.skipIf(whyNoRedis !== undefined)(`a Redis in trouble${redisSkipped}`, () => {
  it("that stands still is given up, and found again when it goes on", async () => {
    const redis = await server();
    const a = await primary(redis, { silentAfterMs: 300 });
    redis.signal("SIGSTOP");
    a.say(updates(1, life.slice(half.length, half.length + 1)));
    await a.until(() => a.downs > 0);
    redis.signal("SIGCONT");
    expect(await a.next("hello")).toMatchObject({ epoch: 1 });
    a.say(updates(1, life.slice(half.length, half.length + 2)));
    expect(await a.next("held")).toMatchObject({ sequence: half.length + 2 });
  });

  it("that is full refuses updates and still answers beats", async () => {
    const redis = await server("maxmemory-policy noeviction");
    const a = await primary(redis);
    await redis.command("CONFIG", "SET", "maxmemory", "100kb");
    a.say({ kind: "beat", epoch: 1, stampMs: 6 });
    expect(await a.next("beat")).toEqual({ kind: "beat", epoch: 1, stampMs: 6 });
    a.say(updates(1, life.slice(half.length, half.length + 1)));
    await a.until(() => a.downs > 0);
    expect(a.refusals[0]).toMatch(/^the store refuses: OOM/);
    await redis.command("CONFIG", "SET", "maxmemory", "0");
    await a.next("hello");
    a.say(updates(1, life.slice(half.length, half.length + 1)));
    expect(await a.next("held")).toMatchObject({ sequence: half.length + 1 });
  });

  it("that wants another password is not used, and that is told once a second at most", async () => {
    const redis = await server("requirepass right");
    const [none, wrong] = [joined(redis, "primary"), joined(redis, "primary", 1, { password: "wrong" })];
    await none.until(() => none.refusals.length > 0);
    await wrong.until(() => wrong.refusals.length > 0);
    expect(none.refusals[0]).toMatch(/^the store cannot be used: NOAUTH/);
    expect(wrong.refusals[0]).toMatch(/^the store cannot be used: WRONGPASS/);
    expect(`${wrong.refusals.join()}${none.refusals.join()}`).not.toMatch(/password.*wrong/);
    const right = joined(redis, "primary", 1, { password: "right" });
    expect(await right.next("hello")).toMatchObject({ epoch: 0 });
    expect([none.ups, wrong.ups]).toEqual([0, 0]);
  });

  it("gives a user what it takes and no more", async () => {
    const rights = "~{understudy:*}:* +@hash +@scripting +@connection +pexpire +del +time +info";
    const redis = await server(`user understudy on >secret ${rights}`);
    const a = await primary(redis, { username: "understudy", password: "secret" });
    a.say({ kind: "solo", epoch: 1, number: 1 });
    expect(await a.next("soloGranted")).toMatchObject({ epoch: 1 });
    expect(a.refusals).toEqual([]);
  });

  it("is no Redis at all: one clear word, and it is tried again", async () => {
    let connections = 0;
    const other = createServer((socket) => {
      connections += 1;
      socket.on("error", () => undefined);
      socket.end("SSH-2.0-OpenSSH_9.2\r\n");
    });
    other.listen(0, address);
    await once(other, "listening");
    closers.push(() => void other.close());
    const { port } = other.address() as { port: number };
    const a = new RedisMember(port);
    closers.push(() => a.close());
    await a.until(() => a.refusals.length > 0);
    expect(a.refusals[0]).toMatch(/^the store cannot be used: /);
    while (connections < 3) await once(other, "connection");
    expect(a.ups).toBe(0);
  });

  it("comes later than the member: it is waited for without a word", async () => {
    const redis = await server();
    await redis.kill();
    const a = joined(redis, "primary");
    await redis.start();
    await a.next("hello");
    expect(a.refusals).toEqual([]);
  });
});

describe.skipIf(whyNoRedis !== undefined)(`what lies in Redis${redisSkipped}`, () => {
  it("ends by itself when nobody is there any more", async () => {
    const redis = await server();
    const a = await primary(redis, { keepMs: 300 });
    expect((await redis.keys()).length).toBeGreaterThan(3);
    a.close();
    while ((await redis.keys()).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  it("is a short log and a state, however long the association lives", async () => {
    const redis = await server();
    const a = joined(redis, "primary");
    await a.next("hello");
    a.say({ kind: "synced", epoch: 1 });
    const long = associationLife(5, 2000).slice(0, -20);
    expect(long.length).toBeGreaterThan(2000);
    let longestLog = 0;
    for (let at = 0; at < long.length; at++) {
      a.say(updates(1, long.slice(at, at + 1)));
      if (at % 200 !== 0) continue;
      await a.settled(1);
      longestLog = Math.max(longestLog, await redis.count("log"));
    }
    await a.settled(1);
    expect(longestLog).toBeGreaterThan(512);
    expect(longestLog).toBeLessThanOrEqual(1024);
    for (const name of ["state", "next"]) expect(await redis.count(name)).toBe(1);
    const b = joined(redis, "standby");
    await b.next("hello");
    expect((await claimed(b, 2))[0]).toMatchObject({ kind: "state", bytes: heldAfter(long) });
    // Whoever goes on learns what was delivered lately, and not only since the last state.
    const deliveries = long.filter(
      ({ update }) => update.kind === "delivered" || update.kind === "dataDelivered",
    );
    const numbers = deliveries.map(({ sequence }) => sequence);
    expect(b.delivered).toEqual(numbers.slice(-b.delivered.length));
    expect(b.delivered[0]).toBeLessThanOrEqual(long.length - 512);
  });

  it("gives the same claimant the same answer when the first one was lost", async () => {
    const redis = await server();
    await primary(redis);
    const b = joined(redis, "standby");
    await b.next("hello");
    await claimed(b, 2);
    await redis.command("CLIENT", "KILL", "TYPE", "normal");
    await b.next("hello");
    expect((await claimed(b, 2)).map(({ kind }) => kind)).toEqual(["state", "claimed"]);
    const c = joined(redis, "standby");
    await c.next("hello");
    expect(await claim(c, 2)).toMatchObject({ retryAfterMs: 0 });
  });
});
