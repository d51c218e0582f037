import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { UdpTransport } from "../../../agents/host/udp-transport.ts";
import type { AssociationState, Extensions, Notification } from "../../../agents/sctp/index.ts";
import { cloneAssociationState, noExtensions, writeLease } from "../../../agents/sctp/index.ts";
import type { TsnLease } from "../../../agents/sctp/index.ts";
import type { Order } from "../../interop/support/contents.ts";
import { OurEnd } from "../../interop/support/our-end.ts";
import { Relay, freeUdpPort } from "../../interop/support/relay.ts";
import type { UsrsctpExtension, UsrsctpProgram } from "../../interop/support/usrsctp-end.ts";
import { UsrsctpEnd, buildUsrsctpEnd, whyNoUsrsctpEnd } from "../../interop/support/usrsctp-end.ts";

const whyNot = whyNoUsrsctpEnd();
const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;

let program: UsrsctpProgram;
const toClose: (() => void | Promise<void>)[] = [];

beforeAll(() => {
  if (whyNot === undefined) program = buildUsrsctpEnd();
});
afterEach(async () => {
  for (const close of toClose.splice(0).toReversed()) await close();
});
afterAll(() => program?.dispose());

const messages = (from: number, count: number, lengthBytes: number): Order[] =>
  Array.from({ length: count }, (_, at) => ({
    number: from + at,
    stream: at % 3,
    lengthBytes,
    unordered: at % 5 === 4,
  }));

class Stage {
  readonly relay: Relay;
  readonly peer: UsrsctpEnd;
  readonly notifications: Notification[] = [];
  ours: OurEnd;
  readonly #udpPort: number;
  readonly #extensions: Extensions;

  private constructor(relay: Relay, peer: UsrsctpEnd, ours: OurEnd, udpPort: number, extensions: Extensions) {
    this.relay = relay;
    this.peer = peer;
    this.ours = ours;
    this.#udpPort = udpPort;
    this.#extensions = extensions;
  }

  static async up(ours: Partial<Extensions>, theirs: readonly UsrsctpExtension[]): Promise<Stage> {
    const ports = { ours: await freeUdpPort(), peers: await freeUdpPort() };
    const relay = await Relay.open({ a: ports.ours, b: ports.peers }, 1);
    toClose.push(() => relay.close());
    const folder = process.env["INTEROP_TRACES"];
    if (folder !== undefined)
      toClose.push(() => writeFileSync(join(folder, `${ports.ours}.pcap`), relay.trace()));
    const peer = new UsrsctpEnd(program, { udp: ports.peers, peerUdp: relay.portForB, sctp: 7002 }, theirs);
    toClose.push(() => peer.kill());
    const extensions = { ...noExtensions, ...ours };
    const end = await openEnd(ports.ours, relay, extensions, 1);
    const stage = new Stage(relay, peer, end, ports.ours, extensions);
    toClose.push(() => stage.ours.host.close());
    peer.command("connect 7001");
    await end.happened("comm-up");
    await peer.happened("comm-up");
    return stage;
  }

  held(): AssociationState {
    const { ours } = this;
    return ours.host.turn((endpoint) => cloneAssociationState(endpoint.state(ours.association)!));
  }

  /** Ours ends without a word, and another one goes on with an older state. */
  async takeOver(state: AssociationState, lease: TsnLease | undefined): Promise<void> {
    const { association } = this.ours;
    this.ours.host.close();
    this.ours = await openEnd(this.#udpPort, this.relay, this.#extensions, 2);
    this.ours.association = association;
    this.ours.host.turn((endpoint, nowMs) => endpoint.resume(state, nowMs, { lag: { lease } }));
  }
}

async function openEnd(udpPort: number, relay: Relay, extensions: Extensions, seed: number): Promise<OurEnd> {
  const transport = await UdpTransport.open({ address: "127.0.0.1", udpPort, remotePort: relay.portForA });
  return new OurEnd(transport, { sctpPort: 7001, listening: true, seed, parameters: { extensions } });
}

describe.skipIf(whyNot !== undefined)(`a stale takeover before usrsctp${skipped}`, () => {
  test.each<[string, Partial<Extensions>, readonly UsrsctpExtension[]]>([
    ["DATA", { partialReliability: true }, ["pr"]],
    ["I-DATA", { partialReliability: true, interleaving: true }, ["pr", "interleaving"]],
  ])("%s: the association goes on, and what was lost is reported", async (_, ours, theirs) => {
    const stage = await Stage.up(ours, theirs);
    const { peer } = stage;
    stage.ours.send(messages(1, 20, 700));
    peer.send(messages(1, 20, 700));
    await Promise.all([stage.ours.received(20), peer.received(20)]);
    await stage.relay.quiet();
    const state = stage.held();
    const lease = writeLease(state, 64);
    // A state that knows nothing of this:
    stage.ours.send(messages(21, 20, 1000));
    peer.send(messages(21, 20, 1000));
    await Promise.all([stage.ours.received(40), peer.received(40)]);
    await stage.relay.quiet();
    await stage.takeOver(state, lease);
    stage.ours.send(messages(61, 15, 2000));
    peer.send(messages(61, 15, 2000));
    await Promise.all([peer.received(55), stage.ours.received(15)]);
    await stage.relay.quiet();
    expect(stage.ours.events.filter((event) => /lost|restart|shutdown|start/.test(event))).toEqual([]);
    expect(peer.events.map(({ name }) => name)).toEqual(["comm-up"]);
    expect(
      peer.messages
        .slice(40)
        .map(({ number }) => number)
        .toSorted((a, b) => a - b),
    ).toEqual(messages(61, 15, 1).map(({ number }) => number));
    expect(stage.ours.messages.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(
      messages(61, 15, 1).map(({ number }) => number),
    );
    expect(stage.ours.events.filter((event) => event === "loss-report").length).toBeGreaterThanOrEqual(2);
  });

  test("what usrsctp has outstanding when we die arrives, whole and in order", async () => {
    const stage = await Stage.up({ partialReliability: true }, ["pr"]);
    const { peer } = stage;
    peer.send(messages(1, 20, 700));
    await stage.ours.received(20);
    await stage.relay.quiet();
    const state = stage.held();
    const lease = writeLease(state, 64);
    peer.send(messages(21, 20, 1000));
    await stage.ours.received(40);
    await stage.relay.quiet();
    stage.relay.faults = { loss: 1, duplication: 0, holding: 0 };
    peer.send(messages(41, 6, 3000));
    await new Promise((resolve) => setTimeout(resolve, 100));
    stage.relay.faults = { loss: 0, duplication: 0, holding: 0 };
    await stage.takeOver(state, lease);
    await stage.ours.received(6);
    expect(stage.ours.messages.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual([
      41, 42, 43, 44, 45, 46,
    ]);
    expect(stage.ours.messages.every(({ intact }) => intact)).toBe(true);
    expect(peer.events.map(({ name }) => name)).toEqual(["comm-up"]);
  });

  test.each<[string, Partial<Extensions>, readonly UsrsctpExtension[], string, string[]]>([
    [
      "RE-CONFIG: all numbers begin anew",
      { streamReconfiguration: true },
      ["reconfig"],
      "association-reset",
      [],
    ],
    ["neither that nor FORWARD TSN: it sees a restart", {}, [], "comm-up", ["restart"]],
  ])("usrsctp knows %s", async (_, ours, theirs, turn, changes) => {
    const stage = await Stage.up(ours, theirs);
    const { peer } = stage;
    stage.ours.send(messages(1, 20, 700));
    await peer.received(20);
    await stage.relay.quiet();
    const state = stage.held();
    const lease = writeLease(state, 64);
    stage.ours.send(messages(21, 20, 700));
    await peer.received(40);
    await stage.relay.quiet();
    await stage.takeOver(state, lease);
    await stage.ours.happened(turn);
    const told = peer.events
      .map(({ name }) => name)
      .filter((name) => /up|lost|restart|shutdown|start/.test(name));
    expect(told).toEqual(["comm-up", ...changes]);
    stage.ours.send(messages(61, 10, 700));
    peer.send(messages(61, 10, 700));
    await Promise.all([peer.received(50), stage.ours.received(10)]);
    const after = messages(61, 10, 1).map(({ number }) => number);
    for (const end of [peer.messages.slice(40), stage.ours.messages]) {
      expect(end.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(after);
    }
  });
});
