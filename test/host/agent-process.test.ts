import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import type { DeskMessage } from "../../agents/control/index.ts";
import { controlVersion } from "../../agents/control/index.ts";
import { rfc9260Parameters } from "../../agents/sctp/index.ts";
import { AgentTalk } from "./support/agent-talk.ts";

const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

function start(...args: string[]): AgentTalk {
  const talk = new AgentTalk(args);
  running.push(talk.child);
  return talk;
}

function configure(udpPort: number): DeskMessage {
  const { rtoInitialMs, rtoMinMs, rtoMaxMs, heartbeatIntervalMs, sackDelayMs } = rfc9260Parameters;
  return {
    type: "configure",
    role: "peer",
    sctpPort: 7001,
    udpPort,
    localAddresses: ["127.0.0.1"],
    ownAddress: "127.0.0.1",
    timers: {
      rtoInitialMs,
      rtoMinMs,
      rtoMaxMs,
      heartbeatIntervalMs,
      sackDelayMs,
      pathMaxRetrans: 5,
      potentiallyFailedMaxRetrans: 0,
    },
  };
}

describe("the agent as a program", () => {
  it("greets with its version and ends when the desk's channel ends", async () => {
    const talk = start();
    expect(await talk.hear("hello")).toMatchObject({ version: controlVersion, pid: talk.child.pid });
    talk.child.stdin!.end();
    const [code] = await once(talk.child, "exit");
    expect(code).toBe(0);
  });

  it("works without the packet addon, and says so", async () => {
    const taken = createSocket("udp4").bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    taken.close();
    await once(taken, "close");
    const talk = start("/nowhere/understudy-io.node");
    expect(await talk.hear("hello")).toMatchObject({
      name: expect.stringMatching(/packets by node:dgram$/) as string,
    });
    talk.say(configure(port));
    await talk.hear("ready");
  });

  it("answers what it cannot read with one sentence and goes on", async () => {
    const talk = start();
    talk.say("this is not JSON\n");
    expect(await talk.hear("error")).toMatchObject({
      message: expect.stringContaining("not JSON") as string,
    });
    talk.say({ type: "clock", id: 7 });
    expect(await talk.hear("clock")).toMatchObject({ id: 7 });
  });

  it("refuses to load before it is configured", async () => {
    const talk = start();
    talk.say({ type: "load", ratePerSecond: 10, sizeBytes: 100, streams: 1 });
    expect(await talk.hear("error")).toMatchObject({
      message: "this agent cannot start a load: it was not configured yet",
    });
  });

  it("says who holds a taken UDP port and what to do", async () => {
    const taken = createSocket("udp4").bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    const talk = start();
    talk.say(configure(port));
    expect(await talk.hear("error")).toMatchObject({
      message: `UDP port ${port} on 127.0.0.1 is taken by another program: end it, or choose another port with --udp-port`,
    });
    taken.close();
  });
});
