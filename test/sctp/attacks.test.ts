import { describe, expect, it } from "vitest";
import type { AssociationState } from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom, ssn, tsn } from "../../agents/sctp/index.ts";
import { tsnAdd } from "../../agents/sctp/base/serial.ts";
import type { Chunk, DataChunk, SctpPacket } from "../../agents/sctp/wire/index.ts";
import { parsePacket, writePacket } from "../../agents/sctp/wire/index.ts";
import { Stage, honest, stranger, target } from "../fuzz/stage.ts";
import { endpointConfig } from "../sim/endpoints.ts";

/**
 * The attacks of RFC 5062, and floods, each with the answer that the RFCs give. The server at `target` is
 * under attack, `honest` is its client, or the victim; the attacker is at `stranger` and knows everything
 * that was said to it, and no more.
 */

type Sent = SctpPacket & { readonly to: string; readonly bytes: Uint8Array };

interface Envelope {
  readonly from?: string;
  readonly tag?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** Gives chunks to the server as if they came from that address; answers what it sends at once. */
function strike(stage: Stage, chunks: readonly Chunk[], envelope: Envelope = {}): Sent[] {
  const { from = stranger, tag = 0, sourcePort = 7000, destinationPort = 7000 } = envelope;
  const bytes = writePacket({ sourcePort, destinationPort, verificationTag: tag, chunks });
  return sentBy(stage, () => {
    stage.server.endpoint.receive(bytes, { local: target, remote: from }, stage.world.nowMs);
  });
}

/** What the server sends because of something, or within some time. */
function sentBy(stage: Stage, act: () => void): Sent[] {
  const { world, server } = stage;
  const before = world.network.log.length;
  act();
  world.drain(server);
  return world.network.log
    .slice(before)
    .filter(({ datagram }) => datagram.from.startsWith("192.0.2.1") && datagram.from !== honest)
    .map(({ datagram: { to, bytes } }) => {
      const parsed = parsePacket(bytes);
      if (!parsed.ok) throw new Error(parsed.reason);
      return { ...parsed.packet, to, bytes };
    });
}

const types = (packets: readonly SctpPacket[]): string[] =>
  packets.flatMap(({ chunks }) => chunks.map((chunk) => chunk.type));

const initFrom = (tag: number, addresses: readonly string[] = []): Chunk => ({
  type: "INIT",
  initiateTag: tag,
  advertisedWindow: 100_000,
  outboundStreams: 10,
  inboundStreams: 10,
  initialTsn: tsn(1000),
  parameters: addresses.map((address) => ({ type: "IPV4_ADDRESS", address })),
});

function cookieIn(packets: readonly SctpPacket[]): { tag: number; echo: Chunk; cookie: Uint8Array } {
  const initAck = packets.flatMap(({ chunks }) => chunks).find((chunk) => chunk.type === "INIT_ACK");
  if (initAck?.type !== "INIT_ACK") throw new Error("no INIT ACK came");
  const cookie = initAck.parameters.find((each) => each.type === "STATE_COOKIE")?.cookie ?? new Uint8Array(0);
  return { tag: initAck.initiateTag, cookie, echo: { type: "COOKIE_ECHO", cookie } };
}

/** The attacker sets up an association, in which it lists these addresses beside its own; answers the server's tag. */
function setUp(stage: Stage, listed: readonly string[]): { tag: number; echo: Chunk; sent: Sent[] } {
  const { tag, echo } = cookieIn(strike(stage, [initFrom(66, [stranger, ...listed])]));
  const sent = strike(stage, [echo], { tag });
  expect(types(sent)).toContain("COOKIE_ACK");
  return { tag, echo, sent };
}

function stateOf(stage: Stage, tag: number): AssociationState {
  const state = stage.server.endpoint.state(tag);
  if (state === undefined) throw new Error("there is no association");
  return state;
}

const serverTag = (stage: Stage): number => stateOf(stage, stage.server.handle ?? 0).agreement.localTag;

const sackOf = (cumulativeTsn: DataChunk["tsn"]): Chunk => ({
  type: "SACK",
  cumulativeTsn,
  advertisedWindow: 100_000,
  gaps: [],
  duplicates: [],
});

describe("address camping (RFC 5062 section 2)", () => {
  it("does not keep the owner of the address out: unconfirmed addresses do not count (RFC 9260 section 5.4)", () => {
    const stage = new Stage("nothing");
    setUp(stage, [honest]);
    stage.client.endpoint.connect(target, 7000, stage.world.nowMs);
    expect(stage.world.run(5000, () => stage.client.handle !== undefined)).toBe(true);
    expect(stage.client.events).toContain("comm-up");
  });

  it("is probed with a nonce that cannot be guessed, once an RTO", () => {
    const stage = new Stage("nothing");
    const { tag, sent } = setUp(stage, ["203.0.113.7"]);
    const probes = sent.filter(({ to }) => to === "203.0.113.7");
    expect(types(probes)).toEqual(["HEARTBEAT"]);
    strike(stage, [{ type: "HEARTBEAT_ACK", info: new Uint8Array(40).fill(1) }], {
      tag,
      from: "203.0.113.7",
    });
    expect([...stateOf(stage, tag).confirmedAddresses]).toEqual([stranger]);
    const more = sentBy(stage, () => stage.world.run(1000)).filter(({ to }) => to === "203.0.113.7");
    expect(new Set(types(more))).toEqual(new Set(["HEARTBEAT"]));
    expect(more.length).toBeLessThanOrEqual(1000 / 300 + 1);
  });
});

describe("association hijacking 1 (RFC 5062 section 3)", () => {
  it("the new owner of an address does not learn the tags from the cookie: tie-tags are other numbers", () => {
    const stage = new Stage("established");
    stage.world.run(2000);
    const { localTag, peerTag } = stateOf(stage, serverTag(stage)).agreement;
    const { cookie } = cookieIn(strike(stage, [initFrom(77)], { from: honest }));
    const view = new DataView(cookie.buffer, cookie.byteOffset, cookie.length);
    for (let at = 0; at + 4 <= cookie.length; at++)
      expect([localTag, peerTag]).not.toContain(view.getUint32(at));
  });

  it("ASCONF without authentication is not acted upon (RFC 5061 section 4.1)", () => {
    const stage = new Stage("established");
    stage.world.run(2000);
    const before = stateOf(stage, serverTag(stage)).agreement.peerAddresses;
    const asconf: Chunk = {
      type: "ASCONF",
      serialNumber: 1,
      address: { type: "IPV4_ADDRESS", address: honest },
      parameters: [],
    };
    const sent = strike(stage, [asconf], { tag: serverTag(stage), from: honest });
    expect(types(sent)).not.toContain("ASCONF_ACK");
    expect(stateOf(stage, serverTag(stage)).agreement.peerAddresses).toEqual(before);
  });
});

describe("association hijacking 2 (RFC 5062 section 4)", () => {
  it("is told to the user as a restart (RFC 9260 section 5.2.4), and the old handle is dead", () => {
    const stage = new Stage("established");
    stage.world.run(2000);
    const old = serverTag(stage);
    const { tag, echo } = cookieIn(strike(stage, [initFrom(77)], { from: honest }));
    strike(stage, [echo], { tag, from: honest });
    expect(stage.server.events).toContain("restart");
    expect(stage.server.endpoint.state(old)).toBeUndefined();
    const message = { streamId: 0, ppid: 0, unordered: false, payload: new Uint8Array(4) };
    expect(stage.server.endpoint.send(old, message, stage.world.nowMs)).toBe("not-connected");
  });

  it("with an address that the association does not have is refused (RFC 9260 section 5.2.2)", () => {
    const stage = new Stage("established");
    stage.world.run(2000);
    const [answer] = strike(stage, [initFrom(77, [honest, stranger])], { from: honest });
    expect(answer?.chunks).toMatchObject([
      { type: "ABORT", causes: [{ type: "RESTART_WITH_NEW_ADDRESSES" }] },
    ]);
    expect(stage.server.events).not.toContain("restart");
  });
});

describe("bombing 1: data for a victim (RFC 5062 section 5)", () => {
  it("goes to confirmed addresses only, whatever the attacker does not acknowledge (RFC 9260 section 5.4)", () => {
    const stage = new Stage("nothing");
    const { tag } = setUp(stage, [honest]);
    for (let count = 0; count < 10; count++) {
      const message = { streamId: 0, ppid: 0, unordered: false, payload: new Uint8Array(1400) };
      stage.server.endpoint.send(tag, message, stage.world.nowMs);
    }
    // The victim does not speak SCTP: it answers nothing.
    stage.world.network.cut(honest);
    const sent = sentBy(stage, () => stage.world.run(60_000));
    expect(types(sent.filter(({ to }) => to === stranger))).toContain("DATA");
    expect(types(sent.filter(({ to }) => to === honest))).not.toContain("DATA");
    expect(stage.server.events).toContain("comm-lost");
  });

  it("an acknowledgement of what was never sent ends it (RFC 5062 section 5.3)", () => {
    const stage = new Stage("nothing");
    const { tag } = setUp(stage, [honest]);
    const { send } = stateOf(stage, tag);
    expect(types(strike(stage, [sackOf(tsnAdd(send.nextTsn, 5))], { tag }))).toEqual(["ABORT"]);
    expect(stage.server.endpoint.state(tag)).toBeUndefined();
  });

  it("ICMP protocol unreachable from the victim ends it (RFC 9260 section 10, ICMP8)", () => {
    const stage = new Stage("nothing");
    const { tag, sent } = setUp(stage, [honest]);
    const probe = sent.find(({ to }) => to === honest);
    const quoted = probe?.bytes.slice(0, 8) ?? new Uint8Array(8);
    const route = { local: target, remote: honest };
    stage.server.endpoint.receiveIcmp({ kind: "protocol-unreachable", quoted, route }, stage.world.nowMs);
    stage.world.drain(stage.server);
    expect(stage.server.endpoint.state(tag)).toBeUndefined();
    expect(stage.server.events).toContain("comm-lost");
  });
});

describe("bombing 2: many packets for one cookie (RFC 5062 section 6)", () => {
  it("one HEARTBEAT goes out at a time, however many addresses are listed", () => {
    const stage = new Stage("nothing");
    const listed = Array.from({ length: 12 }, (_, index) => `203.0.113.${index + 1}`);
    const { sent } = setUp(stage, listed);
    expect(sent.filter(({ to }) => to !== stranger).length).toBeLessThanOrEqual(1);
  });

  it("a cookie that is played again draws one COOKIE ACK and nothing for the victim", () => {
    const stage = new Stage("nothing");
    const { tag, echo } = setUp(stage, ["203.0.113.7"]);
    for (let round = 0; round < 20; round++) {
      const sent = strike(stage, [echo], { tag });
      expect(types(sent)).toEqual(["COOKIE_ACK"]);
      expect(sent[0]?.to).toBe(stranger);
    }
    expect([...stage.server.endpoint.associations()]).toEqual([tag]);
  });
});

describe("association redirection (RFC 5062 section 7)", () => {
  it.each([
    ["source", { sourcePort: 7001 }],
    ["destination", { destinationPort: 7001 }],
  ])("a cookie with another %s port opens nothing", (_, ports) => {
    const stage = new Stage("nothing");
    const { tag, echo } = cookieIn(strike(stage, [initFrom(66)]));
    const sent = strike(stage, [echo], { tag, ...ports });
    expect(types(sent)).not.toContain("COOKIE_ACK");
    expect([...stage.server.endpoint.associations()]).toEqual([]);
  });
});

describe("bombing 3 and 5: many answers to one packet (RFC 5062 sections 8 and 10)", () => {
  it.each([
    ["HEARTBEATs", (): Chunk => ({ type: "HEARTBEAT", info: new Uint8Array(100) })],
    [
      "unknown chunks",
      (): Chunk => ({ type: "UNKNOWN", typeNumber: 200, flags: 0, value: new Uint8Array(100) }),
    ],
    ["COOKIE ACKs", (): Chunk => ({ type: "COOKIE_ACK" })],
    ["SHUTDOWN ACKs", (): Chunk => ({ type: "SHUTDOWN_ACK" })],
  ])("hundreds of %s draw one packet at most", (_, chunk) => {
    const stage = new Stage("established");
    stage.world.run(2000);
    const sent = strike(stage, Array.from({ length: 500 }, chunk), { tag: serverTag(stage), from: honest });
    expect(sent.length).toBeLessThanOrEqual(1);
  });

  it("also where ICMP claims a path with a tiny MTU", () => {
    const stage = new Stage("established");
    stage.world.run(2000);
    const { endpoint } = stage.server;
    const quoted = new Uint8Array(8);
    const view = new DataView(quoted.buffer);
    view.setUint16(0, 7000);
    view.setUint16(2, 7000);
    view.setUint32(4, stateOf(stage, serverTag(stage)).agreement.peerTag);
    const route = { local: target, remote: honest };
    endpoint.receiveIcmp({ kind: "packet-too-big", mtuBytes: 68, quoted, route }, stage.world.nowMs);
    const heartbeats = Array.from({ length: 100 }, (): Chunk => ({
      type: "HEARTBEAT",
      info: new Uint8Array(100),
    }));
    expect(strike(stage, heartbeats, { tag: serverTag(stage), from: honest }).length).toBeLessThanOrEqual(1);
  });
});

describe("bombing 4: INIT ACK is larger than INIT (RFC 5062 section 9)", () => {
  it("one packet for one packet, and a small one", () => {
    const sent = strike(new Stage("nothing"), [initFrom(66)]);
    expect(types(sent)).toEqual(["INIT_ACK"]);
    expect(sent[0]?.bytes.length).toBeLessThan(400);
  });
});

describe("tag guessing (RFC 9260 section 8.5)", () => {
  const guesses: readonly Chunk[] = [
    { type: "ABORT", tagReflected: false, causes: [] },
    { type: "SHUTDOWN_ACK" },
    { type: "SHUTDOWN_COMPLETE", tagReflected: false },
    { type: "COOKIE_ACK" },
    { type: "HEARTBEAT", info: new Uint8Array(8) },
    sackOf(tsn(1)),
  ];

  it("from the peer's own address changes nothing in 6,000 tries", () => {
    const stage = new Stage("established");
    stage.world.run(2000);
    const random = seededRandom(5);
    const right = serverTag(stage);
    for (let round = 0; round < 1000; round++) {
      for (const chunk of guesses) {
        const tag = random.uint32();
        if (tag !== right) strike(stage, [chunk], { tag, from: honest });
      }
    }
    expect(stateOf(stage, right).phase).toBe("established");
    expect(stage.server.events).not.toContain("comm-lost");
  });

  it("data of somebody who knows the ports and not the tag is not delivered", () => {
    const stage = new Stage("established");
    stage.world.run(2000);
    const { receive } = stateOf(stage, serverTag(stage));
    const before = stage.server.received.length;
    const data: DataChunk = {
      type: "DATA",
      tsn: tsnAdd(receive.cumulativeTsn, 1),
      streamId: 0,
      ssn: ssn(0),
      ppid: 0,
      unordered: true,
      beginning: true,
      ending: true,
      immediate: false,
      payload: new Uint8Array(10),
    };
    strike(stage, [data], { tag: serverTag(stage) ^ 1, from: honest });
    expect(stage.server.received.length).toBe(before);
  });
});

describe("floods", () => {
  it("100,000 INITs from as many addresses cost no state, and draw one INIT ACK each", () => {
    const endpoint = new Endpoint(endpointConfig([target], true), seededRandom(1));
    let packets = 0;
    for (let count = 0; count < 100_000; count++) {
      const remote = `203.${count >> 16}.${(count >> 8) & 255}.${count & 255}`;
      const bytes = writePacket({
        sourcePort: 7000,
        destinationPort: 7000,
        verificationTag: 0,
        chunks: [initFrom(count + 1)],
      });
      endpoint.receive(bytes, { local: target, remote }, count / 100);
      packets += endpoint.takeOutputs().packets.length;
    }
    expect(packets).toBe(100_000);
    const { associations, connecting } = endpoint.snapshot();
    expect([associations.length, connecting.length]).toEqual([0, 0]);
    expect(endpoint.nextDeadlineMs()).toBeUndefined();
  }, 60_000);

  it("forged cookies open nothing and draw nothing", () => {
    const stage = new Stage("nothing");
    const { tag, cookie } = cookieIn(strike(stage, [initFrom(66)]));
    for (let at = 0; at < cookie.length; at++) {
      const sent = strike(stage, [{ type: "COOKIE_ECHO", cookie: cookie.with(at, cookie[at]! ^ 1) }], {
        tag,
      });
      expect(sent).toEqual([]);
    }
    expect([...stage.server.endpoint.associations()]).toEqual([]);
  });
});
