import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { AgentMessage, Configure, DeskMessage } from "../../agents/control/index.ts";
import { rfc9260Parameters } from "../../agents/sctp/index.ts";
import { AgentTalk } from "./support/agent-talk.ts";

/** Loopback addresses of the three computers. */
const addresses = { a: "127.0.0.11", b: "127.0.0.12", peer: "127.0.0.20" } as const;
const tally: string = new URL("../../examples/tally.mjs", import.meta.url).pathname;
const asker: string = new URL("support/asker.mjs", import.meta.url).pathname;

const talks: AgentTalk[] = [];
afterEach(() => {
  for (const talk of talks.splice(0)) talk.child.kill("SIGKILL");
});

const folder = mkdtempSync(join(tmpdir(), "understudy-agents-"));
const goFile = join(folder, "go");
afterAll(() => rmSync(folder, { recursive: true }));

function agent(): AgentTalk {
  const talk = new AgentTalk([], { ASKER_GO_FILE: goFile });
  talks.push(talk);
  return talk;
}

/** Ports that are free on the addresses at this instant. */
async function freePorts(): Promise<{ readonly udpPort: number; readonly linkPort: number }> {
  const socket = createSocket("udp4").bind(0, addresses.a);
  const server = createServer().listen(0, addresses.b);
  await Promise.all([once(socket, "listening"), once(server, "listening")]);
  const ports = { udpPort: socket.address().port, linkPort: (server.address() as AddressInfo).port };
  await Promise.all([once(socket.close(), "close"), once(server.close(), "close")]);
  return ports;
}

interface Ports {
  readonly udpPort: number;
  readonly linkPort: number;
}

function configure(role: Configure["role"], ports: Ports, application: string): Configure {
  const { rtoInitialMs, sackDelayMs } = rfc9260Parameters;
  const isPeer = role === "peer";
  return {
    type: "configure",
    role,
    sctpPort: 7001,
    udpPort: ports.udpPort,
    localAddresses: isPeer ? [addresses.peer] : [addresses.a, addresses.b],
    ownAddress: isPeer ? addresses.peer : role === "primary" ? addresses.a : addresses.b,
    timers: {
      rtoInitialMs,
      rtoMinMs: 100,
      rtoMaxMs: 1000,
      heartbeatIntervalMs: 500,
      sackDelayMs,
      pathMaxRetrans: 5,
      potentiallyFailedMaxRetrans: 0,
    },
    application,
    ...(isPeer
      ? {}
      : {
          cluster: {
            linkAddress: addresses.b,
            linkPort: ports.linkPort,
            linkSecretHex: "5a".repeat(32),
            cookieKeyHex: "a5".repeat(32),
            beatIntervalMs: 50,
            leaseMs: 2000,
            takeoverAfterMs: 4000,
          },
        }),
  };
}

const texts = (talk: AgentTalk): string[] =>
  talk.records().flatMap((record) => (record.kind === "event" ? [record.text] : []));
const hasEvent = (talk: AgentTalk, name: string): boolean =>
  talk.records().some((record) => record.kind === "event" && record.name === name);
const says = (talk: AgentTalk, text: string): boolean => texts(talk).some((each) => each.includes(text));

async function status(talk: AgentTalk): Promise<AgentMessage> {
  talk.say({ type: "status", id: 77 });
  return talk.hear("status");
}

/** All three computers, with the association up and B in step. */
async function cluster(): Promise<{
  readonly a: AgentTalk;
  readonly b: AgentTalk;
  readonly peer: AgentTalk;
}> {
  const ports = await freePorts();
  const [a, b, peer] = [agent(), agent(), agent()];
  b.say(configure("secondary", ports, tally));
  await b.hear("ready");
  a.say(configure("primary", ports, tally));
  peer.say(configure("peer", ports, asker));
  await Promise.all([a.hear("ready"), peer.hear("ready")]);
  await a.until(() => hasEvent(a, "synchronised"));
  const connect: DeskMessage = { type: "connect", address: addresses.a, port: 7001 };
  peer.say(connect);
  return { a, b, peer };
}

describe("agents that host modules of the user's", { timeout: 60_000 }, () => {
  it("go on adding up on another computer when the first is killed, and outlive a module that throws", async () => {
    const { a, b, peer } = await cluster();
    await peer.until(() => hasEvent(peer, "address-confirmed"));
    a.child.kill("SIGKILL");
    await b.until(() => hasEvent(b, "takeover-complete"));
    // The second half of the sums is B's.
    writeFileSync(goFile, "");
    await peer.until(() => says(peer, "is not called any more"));
    expect(texts(peer).filter((text) => text.includes("asker.mjs"))).toEqual([
      expect.stringMatching(
        /asker\.mjs is not called any more, the association goes on without it: Error: all 400 answers are right$/,
      ),
    ]);
    for (const talk of [b, peer]) {
      expect(await status(talk)).toMatchObject({ associated: true });
      expect(talk.messages.filter(({ type }) => type === "error")).toEqual([]);
    }
  });

  it("outlive what a module throws later, in a timer of its own", async () => {
    const path = join(folder, "late.mjs");
    const text = `
      let asked = false;
      export default {
        onMessage() { setTimeout(() => { throw new Error("late") }, 1) },
        send() {
          if (asked) return undefined;
          asked = true;
          return { streamId: 0, payload: new TextEncoder().encode("5") };
        },
        snapshot: () => new Uint8Array(0),
        restore() {},
      }`;
    writeFileSync(path, text);
    const ports = await freePorts();
    const [a, peer] = [agent(), agent()];
    const { cluster: _, ...alone } = configure("primary", ports, tally);
    a.say(alone);
    peer.say(configure("peer", ports, path));
    await Promise.all([a.hear("ready"), peer.hear("ready")]);
    peer.say({ type: "connect", address: addresses.a, port: 7001 });
    await peer.until(() => says(peer, "late.mjs is not called any more"));
    expect(says(peer, "Error: late")).toBe(true);
    expect(await status(peer)).toMatchObject({ associated: true });
    expect(peer.messages.filter(({ type }) => type === "error")).toEqual([]);
  });

  it("are refused with one sentence where the module cannot be loaded", async () => {
    const ports = await freePorts();
    const talk = agent();
    talk.say(configure("peer", ports, "/nowhere/app.mjs"));
    expect(await talk.hear("error")).toMatchObject({
      message: expect.stringMatching(
        /^the application \/nowhere\/app\.mjs cannot be loaded on this host: Error: Cannot find module/,
      ) as string,
    });
  });
});
