import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test, type TestContext } from "vitest";
import {
  CaptureError,
  chooseEngine,
  netnsRunner,
  startCapture,
  type CapturedPacket,
  type EngineName,
  type RunningCapture,
} from "../../../captures/live/index.ts";
import { udpPayload } from "./udp-payload.ts";
import { buildVethLab, INTERFACE, labObstacle, PORT, type VethLab } from "./veth-lab.ts";

const HOLDER = fileURLToPath(new URL("./hold-capture-owner.ts", import.meta.url));
/** Ethernet, IPv4 without options, UDP. */
const HEADER_BYTES = 14 + 20 + 8;

const obstacle = await labObstacle();

let lab: VethLab;

interface Recorder {
  readonly packets: CapturedPacket[];
  readonly notes: string[];
  readonly capture: RunningCapture;
  /** Resolves when a note has come that matches. */
  noted(pattern: RegExp): Promise<void>;
}

async function record(
  engine: EngineName,
  interfaceName = INTERFACE,
  filter = `udp dst port ${PORT}`,
): Promise<Recorder> {
  const packets: CapturedPacket[] = [];
  const notes: string[] = [];
  const waiting: { pattern: RegExp; resolve: () => void }[] = [];
  const capture = await startCapture({
    runner: netnsRunner(lab.namespace),
    host: "near",
    interfaceName,
    filter,
    engine,
    onPacket: (packet) => packets.push(packet),
    onNote: (text) => {
      notes.push(text);
      for (const { pattern, resolve } of waiting) if (pattern.test(text)) resolve();
    },
  });
  const noted = (pattern: RegExp): Promise<void> =>
    notes.some((text) => pattern.test(text))
      ? Promise.resolve()
      : new Promise((resolve) => void waiting.push({ pattern, resolve }));
  return { packets, notes, capture, noted };
}

/** The number of each packet, or a word where its bytes are not those that were sent under that number. */
const numbers = (packets: readonly CapturedPacket[]): (number | string)[] =>
  packets.map(({ bytes }) => {
    const payload = Buffer.from(bytes).subarray(HEADER_BYTES);
    const number = payload.readUInt32BE(0);
    return payload.equals(udpPayload(number)) ? number : `damaged: ${payload.toString("hex")}`;
  });
const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => first + index);

/** The capture program in the namespace, beside the shell that watches over it. */
async function programPid(): Promise<number> {
  for (const pid of await lab.processes()) {
    if (!(await readFile(`/proc/${pid}/cmdline`, "utf8")).startsWith("sh\0")) return pid;
  }
  throw new Error("no capture program runs in the namespace");
}

async function signalsPending(pid: number): Promise<boolean> {
  const pending = /^ShdPnd:\s*(\w+)$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  return pending !== undefined && BigInt(`0x${pending}`) !== 0n;
}

async function needEngine(context: TestContext, engine: EngineName): Promise<void> {
  try {
    await chooseEngine(netnsRunner(lab.namespace), engine);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    context.skip(error.message);
  }
}

describe("captures on a virtual network", () => {
  beforeAll(async () => {
    if (obstacle === undefined) lab = await buildVethLab();
  });
  afterAll(async () => {
    if (obstacle === undefined) await lab.remove();
  });
  beforeEach((context) => context.skip(obstacle !== undefined, obstacle));

  describe.each(["dumpcap", "tcpdump", "cap"] as const)("%s", (engine) => {
    test("gives every packet that was sent before stop, byte for byte and in order", async (context) => {
      await needEngine(context, engine);
      const beforeUs = Date.now() * 1000;
      const { packets, notes, capture } = await record(engine);
      expect(capture.info).toMatchObject({ engine, packets: 0, complete: false });
      await lab.send(100, 400);
      const info = await capture.stop();

      expect(numbers(packets)).toEqual(range(100, 400));
      for (const packet of packets) {
        expect(packet).toMatchObject({ linkType: 1, originalLength: packet.bytes.length });
      }
      const stamps = packets.map((packet) => packet.atUs);
      expect(stamps).toEqual(stamps.toSorted((a, b) => a - b));
      expect(stamps.every(Number.isInteger)).toBe(true);
      expect(stamps[0]).toBeGreaterThanOrEqual(beforeUs);
      expect(stamps.at(-1)).toBeLessThanOrEqual((Date.now() + 1) * 1000);
      expect(notes).toEqual([]);
      expect(info).toEqual({
        host: "near",
        interfaceName: INTERFACE,
        engine,
        stampQuality: engine === "cap" ? "arrival" : "kernel",
        packets: 400,
        ...(engine === "cap" ? {} : { drops: 0 }),
        complete: true,
      });
      expect(await capture.stop()).toEqual(info);
    });

    test("takes in what still waits in the kernel when stop is called", async (context) => {
      await needEngine(context, engine);
      const { packets, capture } = await record(engine);
      const pid = await programPid();
      process.kill(pid, "SIGSTOP");
      await lab.send(0, 50);
      const stopping = capture.stop();
      // dumpcap is left alone for a while; the others get a signal at once, which now lies before them.
      if (engine !== "dumpcap") await expect.poll(() => signalsPending(pid), { timeout: 20_000 }).toBe(true);
      process.kill(pid, "SIGCONT");
      expect(await stopping).toMatchObject({ complete: true, packets: 50 });
      expect(numbers(packets)).toEqual(range(0, 50));
    });

    test("captures on the loopback interface each packet once", async (context) => {
      await needEngine(context, engine);
      const { packets, capture } = await record(engine, "lo");
      await lab.send(0, 20, "127.0.0.1");
      await capture.stop();
      expect(numbers(packets)).toEqual(range(0, 20));
    });

    test("goes on when the interface goes down and up", async (context) => {
      await needEngine(context, engine);
      const { packets, notes, capture, noted } = await record(engine);
      await lab.send(0, 20);
      // What cap has not yet read when the interface goes down is lost with its process.
      await expect.poll(() => packets.length, { timeout: 20_000 }).toBe(20);
      await lab.link("down");
      if (engine === "cap") await noted(/paused/);
      await lab.link("up");
      if (engine === "cap") await noted(/has resumed/);
      await lab.send(20, 30);
      const info = await capture.stop();
      expect(numbers(packets)).toEqual(range(0, 50));
      if (engine === "cap") {
        expect(info.complete).toBe(false);
        expect(notes[0]).toMatch(
          /^The capture on out0 of host near was interrupted: .*when the interface goes down/,
        );
      } else {
        expect(notes).toEqual([]);
        expect(info).toMatchObject({ complete: true, packets: 50, drops: 0 });
      }
    });

    test("can be stopped while the interface is down", async (context) => {
      await needEngine(context, engine);
      const { capture, noted } = await record(engine);
      await lab.link("down");
      try {
        if (engine === "cap") await noted(/paused/);
        expect(await capture.stop()).toMatchObject({ complete: engine !== "cap" });
      } finally {
        await lab.link("up");
      }
      expect(await lab.processes()).toEqual([]);
    });

    test("says in one sentence that there is no such interface", async (context) => {
      await needEngine(context, engine);
      const failure = await record(engine, "nowhere0").catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(CaptureError);
      expect(String(failure)).toMatch(
        /could not begin to capture on nowhere0 \(network namespace .*: .*No such device/s,
      );
    });

    test("says that the filter is wrong", async (context) => {
      await needEngine(context, engine);
      const failure = await record(engine, INTERFACE, "udp and and").catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(CaptureError);
      expect(String(failure)).toMatch(/syntax error/);
    });

    test("leaves no process behind when its parent is killed", async (context) => {
      await needEngine(context, engine);
      const holder = spawn(process.execPath, [HOLDER, lab.namespace, INTERFACE, engine], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(holder.stdout, "data");
      expect((await lab.processes()).length).toBeGreaterThan(0);
      holder.kill("SIGKILL");
      // No packet passes: the program has nothing to write, and would not notice by itself.
      await expect.poll(() => lab.processes(), { timeout: 60_000 }).toEqual([]);
    });
  });

  test("a capture program that dies is noted, and its capture is incomplete", async (context) => {
    await needEngine(context, "tcpdump");
    const { notes, capture, noted } = await record("tcpdump");
    for (const pid of await lab.processes()) process.kill(pid, "SIGKILL");
    await noted(/ended by itself/);
    expect(await capture.stop()).toMatchObject({ complete: false });
    expect(notes).toHaveLength(1);
  });

  test("stop in the middle of traffic takes all that came before it", async (context) => {
    await needEngine(context, "tcpdump");
    const { packets, notes, capture } = await record("tcpdump");
    await lab.send(0, 100);
    const more = lab.send(100, 3000);
    const info = await capture.stop();
    await more;
    expect(numbers(packets)).toEqual(range(0, packets.length));
    expect(packets.length).toBeGreaterThanOrEqual(100);
    expect(info).toMatchObject({ drops: 0, packets: packets.length });
    // The packet that tcpdump has in hand at its end may be lost, but never silently.
    expect(notes).toHaveLength(info.complete ? 0 : 1);
  });
});
