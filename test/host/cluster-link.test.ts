import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { joinFrames, maxFrameBytes } from "../../agents/host/cluster-link-frames.ts";
import type { ClusterFrame } from "../../agents/replica/index.ts";
import { encodeFrame, linkVersion } from "../../agents/replica/index.ts";
import { End, address, forger, freePort, silentServer } from "./support/link-end.ts";

const quick = { silentAfterMs: 300, greetingMs: 300 };
const leftovers: (() => void)[] = [];

afterEach(() => {
  for (const close of leftovers.splice(0).toReversed()) close();
});

async function listening(options = {}): Promise<{ readonly port: number; readonly b: End }> {
  const port = await freePort();
  const b = new End("standby");
  const link = await b.listen(port, options);
  leftovers.push(() => link.close());
  return { port, b };
}

function dialling(port: number, options = {}): End {
  const a = new End("primary");
  const link = a.dial(port, options);
  leftovers.push(() => link.close());
  return a;
}

const beat = (stampMs: number): ClusterFrame => ({ kind: "beat", epoch: 1, stampMs });
const frameBytes = (frame: ClusterFrame): Buffer => joinFrames([frame]) ?? Buffer.alloc(0);
const hello: ClusterFrame = { kind: "hello", epoch: 1, version: linkVersion, role: "primary" };

describe("the cluster link", () => {
  it("carries frames both ways, whole and in order, and says when it was closed", async () => {
    const port = await freePort();
    // The primary may come first: it tries until the secondary listens.
    const a = dialling(port);
    const b = new End("standby");
    const secondary = await b.listen(port);
    leftovers.push(() => secondary.close());
    await Promise.all([a.saw("hello"), b.saw("hello")]);
    const packet = new Uint8Array(100_000).fill(7);
    const frames: ClusterFrame[] = Array.from({ length: 50 }, (_, index) => ({
      kind: "inbound",
      epoch: index,
      route: { local: "192.0.2.12", remote: "192.0.2.20", ...(index % 2 === 0 && { remotePort: 9899 }) },
      packet,
      congestionExperienced: index % 3 === 0,
    }));
    secondary.send(frames);
    a.link?.send([beat(1)]);
    await a.until(() => a.frames.length === 50);
    expect(a.frames).toEqual(frames);
    await b.until(() => b.frames.length === 1);
    a.link?.close();
    await b.saw("closed");
    expect(b.events).toEqual(["up", "hello", "closed"]);
  });

  it("comes up again and again, for as long as somebody listens", async () => {
    const port = await freePort();
    const a = dialling(port, quick);
    for (let round = 1; round <= 4; round++) {
      const b = new End("standby");
      const link = await b.listen(port, quick);
      leftovers.push(() => link.close());
      await Promise.all([a.saw("hello", round), b.saw("hello")]);
      link.close();
      await a.saw("closed", round);
    }
  });

  it("says in one sentence that its port is taken", async () => {
    const { port } = await listening();
    await expect(new End("standby").listen(port)).rejects.toThrow(
      /TCP port \d+ on 127\.0\.0\.1 .* end the program that uses it, or choose another port/,
    );
  });

  it("is the newest of a partner's connections; the older one is given up without a close", async () => {
    const { port, b } = await listening(quick);
    const first = dialling(port, { ...quick, silentAfterMs: 60_000, member: "0000000000000001" });
    await Promise.all([first.saw("hello"), b.saw("hello")]);
    const second = dialling(port, { ...quick, silentAfterMs: 60_000, member: "0000000000000001" });
    await Promise.all([second.saw("hello"), b.saw("hello", 2)]);
    expect(b.events).toEqual(["up", "hello", "given up", "up", "hello"]);
    expect(first.events).toEqual(["up", "hello"]);
    first.link?.send([beat(1)]);
    second.link?.send([beat(2)]);
    await b.until(() => b.frames.length > 0);
    expect(b.frames).toEqual([beat(2)]);
  });
});

describe("the end of a link", () => {
  const childFile = fileURLToPath(new URL("support/link-child.ts", import.meta.url));

  async function child(port: number): Promise<ChildProcess> {
    const process_ = fork(childFile, [String(port)]);
    leftovers.push(() => process_.kill("SIGKILL"));
    await once(process_, "message");
    return process_;
  }

  it("is a close when the other process was killed", async () => {
    const port = await freePort();
    const other = await child(port);
    const a = dialling(port, { silentAfterMs: 60_000 });
    await a.saw("hello");
    other.kill("SIGKILL");
    await a.saw("closed");
    expect(a.events).toEqual(["up", "hello", "closed"]);
  });

  it("is no close when the other process stands still; the link comes back when it goes on", async () => {
    const port = await freePort();
    const other = await child(port);
    const a = dialling(port, { silentAfterMs: 400 });
    await a.saw("hello");
    other.kill("SIGSTOP");
    await a.saw("given up");
    other.kill("SIGCONT");
    await a.saw("hello", 2);
    expect(a.events).not.toContain("closed");
  });

  it("is no close when the other has not even said hello", async () => {
    const port = await freePort();
    const server = await silentServer(port);
    leftovers.push(() => server.close());
    const a = dialling(port);
    await a.saw("given up", 2);
    expect(new Set(a.events)).toEqual(new Set(["up", "given up"]));
  });

  it("is no close when a living process gives it up, for either of them", async () => {
    const { port, b } = await listening({ silentAfterMs: 400 });
    const a = dialling(port, { silentAfterMs: 400 });
    await Promise.all([a.saw("hello"), b.saw("hello")]);
    b.link?.giveUp();
    await a.saw("given up");
    await Promise.all([a.saw("hello", 2), b.saw("hello", 2)]);
    a.link?.giveUp();
    await b.saw("given up", 2);
    for (const { events } of [a, b]) expect(events).not.toContain("closed");
  });
});

describe("whoever does not belong to a link is refused with one clear reason", () => {
  async function refusal(b: End): Promise<string> {
    await b.until(() => b.refusals.length > 0);
    return b.refusals[0] ?? "";
  }

  it("who does not know the secret, and the link still waits for who does", async () => {
    const { port, b } = await listening();
    const stranger = dialling(port, { secretHex: "cd".repeat(32) });
    expect(await refusal(b)).toContain("does not know the secret");
    await stranger.until(() => stranger.refusals.length > 0);
    expect(stranger.refusals[0]).toContain("refuses us");
    expect(stranger.events).toEqual([]);
    stranger.link?.close();
    const a = dialling(port);
    await Promise.all([a.saw("hello"), b.saw("hello")]);
  });

  it("who does not even speak TLS", async () => {
    const { port, b } = await listening();
    const socket = connect(port, address);
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    expect(await refusal(b)).toContain("does not know the secret");
    expect(b.events).toEqual([]);
  });

  it("who connects and says nothing", async () => {
    const { port, b } = await listening(quick);
    const socket = connect(port, address).resume();
    const gone = once(socket, "close");
    leftovers.push(() => socket.destroy());
    expect(await refusal(b)).toBe("somebody connected and did not say who it is");
    await gone;
  });

  it("who knows the secret and says nothing", async () => {
    const { port, b } = await listening(quick);
    const socket = (await forger(port)).resume();
    const gone = once(socket, "close");
    expect(await refusal(b)).toBe("it does not say what it is");
    await gone;
    expect(b.events).toEqual([]);
  });

  it("who has the identity of an earlier version", async () => {
    const { port, b } = await listening();
    await expect(forger(port, "understudy")).rejects.toThrow();
    expect(await refusal(b)).toContain("does not know the secret");
  });

  it.each<[string, Buffer, string]>([
    ["another version", frameBytes({ ...hello, version: 1 } as ClusterFrame), "it speaks version 1"],
    ["no hello first", frameBytes(beat(1)), 'its first word is "beat"'],
    ["garbage", Buffer.from("0000000affffffffffffffffffff", "hex"), "it carries bytes that are no frame"],
    ["a frame without end", Buffer.from([0x7f, 0, 0, 0]), "a frame of 2130706432 bytes is announced"],
  ])("who begins with %s", async (_, bytes, reason) => {
    const { port, b } = await listening();
    const socket = (await forger(port)).resume();
    const gone = once(socket, "close");
    socket.write(bytes);
    expect(await refusal(b)).toContain(reason);
    await gone;
    expect(b.events).toEqual([]);
  });

  it("who goes on with garbage: the link is given up, not closed", async () => {
    const { port, b } = await listening();
    const socket = await forger(port);
    let ended = false;
    socket.once("close", () => (ended = true));
    socket.write(Buffer.concat([frameBytes(hello), frameBytes(beat(1)), Buffer.alloc(40, 0xff)]));
    await b.saw("given up");
    expect([b.frames, b.refusals.length, ended]).toEqual([[beat(1)], 1, false]);
    socket.destroy();
  });

  it("who does not read", async () => {
    const { port, b } = await listening({ maxUnsentBytes: 1_000_000 });
    const socket = await forger(port);
    socket.write(frameBytes(hello));
    socket.pause();
    await b.saw("hello");
    const packet = new Uint8Array(500_000);
    const route = { local: "192.0.2.12", remote: "192.0.2.20" };
    for (let count = 0; count < 1000 && b.refusals.length === 0; count++) {
      b.link?.send([{ kind: "outbound", epoch: 1, route, packet }]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(b.refusals).toEqual([expect.stringMatching(/^it does not read: 1\d{6} bytes wait for it$/)]);
    expect(b.events).toEqual(["up", "hello", "given up"]);
    socket.destroy();
  });

  it("who is to get what is longer than a frame", async () => {
    const { port, b } = await listening();
    const a = dialling(port);
    await Promise.all([a.saw("hello"), b.saw("hello")]);
    b.link?.send([{ kind: "state", epoch: 1, association: 1, bytes: new Uint8Array(maxFrameBytes) }]);
    expect(await refusal(b)).toContain("longer than the 8388608 bytes of a frame");
    expect(b.events).toEqual(["up", "hello", "given up"]);
  });

  it("who comes when there are too many, and is told of once, not a hundred times", async () => {
    const { port, b } = await listening({ greetingMs: 60_000 });
    const sockets: Socket[] = [];
    for (let count = 0; count < 164; count++) {
      const socket = connect(port, address);
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
    await Promise.all(sockets.slice(64).map((socket) => once(socket, "close")));
    expect(b.refusals).toEqual(["more than 64 connections"]);
    for (const socket of sockets) socket.destroy();
    const a = dialling(port);
    await Promise.all([a.saw("hello"), b.saw("hello")]);
  });
});

/** Between dialler and listener: passes bytes on and keeps what the dialler sent. */
async function recorder(port: number): Promise<{
  readonly port: number;
  readonly sent: Buffer[];
  /** Writes to the listener as if the dialler had. */
  inject(bytes: Buffer): void;
}> {
  const own = await freePort();
  const sent: Buffer[] = [];
  let upstream: Socket | undefined;
  const server: Server = createServer((socket) => {
    const there = connect(port, address);
    upstream = there;
    for (const each of [socket, there]) each.on("error", () => undefined);
    socket.on("data", (bytes) => {
      sent.push(bytes);
      there.write(bytes);
    });
    there.on("data", (bytes) => socket.write(bytes));
    socket.once("close", () => there.destroy());
    there.once("close", () => socket.destroy());
  });
  server.listen(own, address);
  await once(server, "listening");
  leftovers.push(() => server.close());
  return { port: own, sent, inject: (bytes) => void upstream?.write(bytes) };
}

describe("recorded bytes", () => {
  it("are nothing on a new connection", async () => {
    const { port, b } = await listening(quick);
    const tap = await recorder(port);
    const a = dialling(tap.port, quick);
    await Promise.all([a.saw("hello"), b.saw("hello")]);
    a.link?.send([beat(1), beat(2)]);
    await b.until(() => b.frames.length === 2);
    a.link?.close();
    await b.saw("closed");
    const socket = connect(port, address);
    socket.on("error", () => undefined);
    socket.write(Buffer.concat(tap.sent));
    await b.until(() => b.refusals.length > 0);
    expect([b.events, b.frames.length]).toEqual([["up", "hello", "closed"], 2]);
  });

  it("are nothing when they come again on their own connection, and that is no close", async () => {
    const { port, b } = await listening({ silentAfterMs: 5000 });
    const tap = await recorder(port);
    const a = dialling(tap.port, { silentAfterMs: 5000 });
    await Promise.all([a.saw("hello"), b.saw("hello")]);
    tap.sent.length = 0;
    a.link?.send([beat(1)]);
    await b.until(() => b.frames.length === 1);
    tap.inject(Buffer.concat(tap.sent));
    await b.saw("given up");
    await a.saw("hello", 2);
    expect(b.frames).toEqual([beat(1)]);
    for (const { events } of [a, b]) expect(events).not.toContain("closed");
  });

  it("do not show what was said", async () => {
    const { port, b } = await listening();
    const tap = await recorder(port);
    const a = dialling(tap.port);
    await Promise.all([a.saw("hello"), b.saw("hello")]);
    const bytes = Buffer.alloc(64, "what the outside computer said ");
    const state: ClusterFrame = { kind: "state", epoch: 1, association: 1, bytes: new Uint8Array(bytes) };
    a.link?.send([state]);
    await b.until(() => b.frames.length === 1);
    expect(Buffer.from(encodeFrame(state)).includes(bytes)).toBe(true);
    expect(Buffer.concat(tap.sent).includes(bytes.subarray(0, 16))).toBe(false);
  });
});
