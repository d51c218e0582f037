import { describe, expect, it } from "vitest";
import type { AssociationState } from "../../agents/sctp/index.ts";
import { ssn, tsn } from "../../agents/sctp/index.ts";
import { tsnAdd, tsnDistance } from "../../agents/sctp/base/serial.ts";
import { gapRanges } from "../../agents/sctp/tx/gap-ranges.ts";
import type { Chunk, DataChunk, SctpPacket } from "../../agents/sctp/wire/index.ts";
import { parsePacket, writePacket } from "../../agents/sctp/wire/index.ts";
import { Stage, honest, stranger, target, targetToo } from "../fuzz/stage.ts";
import type { Node } from "../sim/endpoints.ts";
import { World, endpointConfig } from "../sim/endpoints.ts";
import { quietNetwork } from "../sim/network.ts";

const stateOf = (node: Node): AssociationState => {
  const state = node.endpoint.state(node.handle ?? 0);
  if (state === undefined) throw new Error("there is no association");
  return state;
};

interface Envelope {
  readonly from?: string;
  readonly tag?: number;
  readonly sourcePort?: number;
}

/** Gives chunks to the server as if they came from the client; answers what the server sends at once. */
function strike(
  stage: Stage,
  chunks: readonly Chunk[],
  envelope: Envelope = {},
): (SctpPacket & { to: string })[] {
  const { world, server } = stage;
  const tag = envelope.tag ?? server.endpoint.state(server.handle ?? 0)?.agreement.localTag ?? 0;
  const sourcePort = envelope.sourcePort ?? 7000;
  const bytes = writePacket({ sourcePort, destinationPort: 7000, verificationTag: tag, chunks });
  const before = world.network.log.length;
  server.endpoint.receive(bytes, { local: target, remote: envelope.from ?? honest }, world.nowMs);
  world.drain(server);
  return world.network.log.slice(before).map(({ datagram }) => {
    const parsed = parsePacket(datagram.bytes);
    if (!parsed.ok) throw new Error(parsed.reason);
    return { ...parsed.packet, to: datagram.to };
  });
}

const types = (packets: readonly SctpPacket[]): string[] =>
  packets.flatMap(({ chunks }) => chunks.map((chunk) => chunk.type));

/** DATA that comes `ahead` TSNs after what the server has; the first and only fragment unless said otherwise. */
function data(stage: Stage, ahead: number, fields: Partial<DataChunk> = {}): DataChunk {
  const { receive } = stateOf(stage.server);
  return {
    type: "DATA",
    tsn: tsnAdd(receive.cumulativeTsn, ahead),
    streamId: 0,
    ssn: ssn(receive.nextSsn[0] ?? 0),
    ppid: 0,
    unordered: false,
    beginning: true,
    ending: true,
    immediate: false,
    payload: new Uint8Array(1000),
    ...fields,
  };
}

function quiet(): Stage {
  const stage = new Stage("established");
  stage.world.run(2000);
  return stage;
}

const initOf = (fields: Partial<Extract<Chunk, { type: "INIT" }>> = {}): Chunk => ({
  type: "INIT",
  initiateTag: 77,
  advertisedWindow: 100_000,
  outboundStreams: 10,
  inboundStreams: 10,
  initialTsn: tsn(1000),
  parameters: [],
  ...fields,
});

function cookieFrom(packets: readonly SctpPacket[]): { tag: number; echo: Chunk } {
  const initAck = packets[0]?.chunks[0];
  if (initAck?.type !== "INIT_ACK") throw new Error("no INIT ACK came");
  const parameter = initAck.parameters.find((each) => each.type === "STATE_COOKIE");
  return {
    tag: initAck.initiateTag,
    echo: { type: "COOKIE_ECHO", cookie: parameter?.cookie ?? new Uint8Array(0) },
  };
}

describe("answers", () => {
  it("to a huge INIT fit into one packet", () => {
    const unknown = { type: "UNKNOWN", typeNumber: 0xc123, value: new Uint8Array(60_000) } as const;
    const small = { type: "UNKNOWN", typeNumber: 0xc124, value: new Uint8Array(4) } as const;
    const [answer] = strike(new Stage("nothing"), [initOf({ parameters: [unknown, small] })], { tag: 0 });
    const chunk = answer?.chunks[0];
    if (chunk?.type !== "INIT_ACK") throw new Error("no INIT ACK came");
    expect(chunk.parameters.filter((each) => each.type === "UNRECOGNIZED_PARAMETER")).toHaveLength(1);
    expect(writePacket(answer!).length).toBeLessThan(1472);
  });

  it("to a huge unknown chunk, and to thousands of chunks in a packet, fit into one packet", () => {
    const unknown = (size: number): Chunk => ({
      type: "UNKNOWN",
      typeNumber: 200,
      flags: 0,
      value: new Uint8Array(size),
    });
    for (const chunks of [
      [unknown(65_500)],
      Array.from({ length: 8000 }, () => unknown(0)),
      Array.from({ length: 8000 }, (): Chunk => ({ type: "HEARTBEAT", info: new Uint8Array(0) })),
      Array.from({ length: 8000 }, (): Chunk => ({ type: "COOKIE_ACK" })),
    ]) {
      const out = strike(quiet(), chunks);
      expect(out.length).toBeLessThanOrEqual(1);
      for (const packet of out) expect(writePacket(packet).length).toBeLessThanOrEqual(1472);
    }
  });
});

describe("what a peer claims about our sending", () => {
  it("in SHUTDOWN beyond what was sent is a violation, as in SACK", () => {
    const stage = quiet();
    const { cumulativeAck } = stateOf(stage.server).send;
    const out = strike(stage, [{ type: "SHUTDOWN", cumulativeTsn: tsnAdd(cumulativeAck, 1000) }]);
    expect(types(out)).toEqual(["ABORT"]);
  });

  it("in gap blocks is put in order, joined and cut to what is outstanding", () => {
    const blocks = [
      { start: 40, end: 60 },
      { start: 2, end: 65_535 },
      { start: 0, end: 3 },
      { start: 9, end: 8 },
    ];
    const many = Array.from({ length: 16_000 }, () => blocks).flat();
    expect(gapRanges(many, 50)).toEqual([{ start: 2, end: 50 }]);
    expect(
      gapRanges(
        [
          { start: 4, end: 5 },
          { start: 1, end: 2 },
          { start: 3, end: 3 },
        ],
        9,
      ),
    ).toEqual([{ start: 1, end: 5 }]);
    expect(gapRanges(many, 1)).toEqual([]);
  });

  it("and takes back causes no retransmission at once", () => {
    const stage = quiet();
    const { server, world } = stage;
    for (let count = 0; count < 3; count++) {
      const message = { streamId: 0, ppid: 0, unordered: false, payload: new Uint8Array(1000) };
      server.endpoint.send(server.handle ?? 0, message, world.nowMs);
    }
    server.endpoint.takeOutputs();
    const { cumulativeAck } = stateOf(server).send;
    const sack = (gaps: { start: number; end: number }[]): Chunk => ({
      type: "SACK",
      cumulativeTsn: cumulativeAck,
      advertisedWindow: 100_000,
      gaps,
      duplicates: [],
    });
    for (let round = 0; round < 5; round++) {
      strike(stage, [sack([{ start: 2, end: 3 }])]);
      expect(types(strike(stage, [sack([])]))).toEqual([]);
    }
  });
});

describe("DATA", () => {
  it("of a message without end goes to the user in parts, and no more stays than the buffer takes", () => {
    const stage = quiet();
    let answers: SctpPacket[] = [];
    for (let count = 0; count < 100; count++) {
      answers = strike(stage, [data(stage, 1, { beginning: count === 0, ending: false })]);
      expect(stateOf(stage.server).receive.bufferedBytes).toBeLessThanOrEqual(2 * 16 * 1024);
    }
    expect(types(answers)).not.toContain("ABORT");
    expect(stage.server.events).not.toContain("comm-lost");
    expect(stateOf(stage.server).receive.partial).toHaveLength(1);
  });

  it("against the window above a gap is dropped, and the chunk that fills the gap is taken", () => {
    const stage = quiet();
    for (let ahead = 2; ahead < 60; ahead++) {
      strike(stage, [
        data(stage, ahead, { ssn: ssn((stateOf(stage.server).receive.nextSsn[0] ?? 0) + ahead - 1) }),
      ]);
    }
    const { receive } = stateOf(stage.server);
    expect(receive.bufferedBytes).toBeLessThanOrEqual(16 * 1024);
    const first = receive.cumulativeTsn;
    strike(stage, [data(stage, 1)]);
    expect(tsnDistance(first, receive.cumulativeTsn)).toBeGreaterThan(10);
    expect(receive.bufferedBytes).toBe(0);
  });

  it.each([
    ["goes on with a message that never began", { beginning: false }],
    ["skips a stream sequence number", { ssn: ssn(9) }],
    ["repeats a stream sequence number", { ssn: ssn(0xffff) }],
  ])("that %s is a violation", (_, fields) => {
    const stage = quiet();
    expect(types(strike(stage, [data(stage, 1, fields)]))).toEqual(["ABORT"]);
  });

  it("that breaks off a message is a violation", () => {
    const stage = quiet();
    strike(stage, [data(stage, 1, { ending: false })]);
    expect(types(strike(stage, [data(stage, 1)]))).toEqual(["ABORT"]);
  });

  it("is answered by SHUTDOWN as long as that is out, back to where it came from", () => {
    const stage = new Stage("shutdown-sent");
    stage.world.run(500, () => stateOf(stage.server).phase === "shutdown-sent");
    const out = strike(stage, [data(stage, 1, { streamId: 2, ssn: ssn(0) })]);
    expect(types(out)).toEqual(["SHUTDOWN"]);
  });

  it("in a packet whose T bit says that the tag is not ours is not taken in", () => {
    const stage = quiet();
    const { agreement, receive } = stateOf(stage.server);
    const before = receive.cumulativeTsn;
    const abort: Chunk = { type: "ABORT", tagReflected: true, causes: [] };
    strike(stage, [data(stage, 1), abort], { tag: agreement.peerTag });
    expect(receive.cumulativeTsn).toBe(before);
    expect(stage.server.events).toContain("comm-lost");
  });

  it("from the wrong port is out of the blue, whatever the tag", () => {
    const stage = quiet();
    const [answer] = strike(stage, [data(stage, 1)], { sourcePort: 7001 });
    expect(answer?.chunks).toEqual([{ type: "ABORT", tagReflected: true, causes: [] }]);
    expect(stage.server.events).not.toContain("comm-lost");
  });
});

describe("a closed window", () => {
  it("that is answered for is no error: the association outlives it", () => {
    const stage = quiet();
    const { server, world } = stage;
    const payload = new Uint8Array(1000);
    server.endpoint.send(
      server.handle ?? 0,
      { streamId: 0, ppid: 0, unordered: false, payload },
      world.nowMs,
    );
    server.endpoint.takeOutputs();
    const { cumulativeAck } = stateOf(server).send;
    const closed: Chunk = {
      type: "SACK",
      cumulativeTsn: cumulativeAck,
      advertisedWindow: 0,
      gaps: [],
      duplicates: [],
    };
    for (let round = 0; round < 40; round++) {
      strike(stage, [closed]);
      world.nowMs = Math.max(world.nowMs + 1001, 0);
      server.endpoint.advance(world.nowMs);
      server.endpoint.takeOutputs();
    }
    expect(server.endpoint.state(server.handle ?? 0)?.phase).toBe("established");
  });
});

describe("INIT and COOKIE ECHO beside an association (RFC 9260 sections 5.2.1 to 5.2.4)", () => {
  it("with the tie-tags of the association restart it, and its old self is closed for whoever keeps a copy", () => {
    const stage = quiet();
    const old = stateOf(stage.server).agreement.localTag;
    const { tag, echo } = cookieFrom(strike(stage, [initOf()], { tag: 0 }));
    expect(tag).not.toBe(old);
    const before = stage.world.network.log.length;
    const bytes = writePacket({
      sourcePort: 7000,
      destinationPort: 7000,
      verificationTag: tag,
      chunks: [echo],
    });
    stage.server.endpoint.receive(bytes, { local: target, remote: honest }, stage.world.nowMs);
    const { updates } = stage.server.endpoint.takeOutputs();
    expect(before).toBe(stage.world.network.log.length);
    expect(updates.map(({ association, update }) => [association, update.kind])).toEqual([
      [old, "phaseEntered"],
      [tag, "opened"],
    ]);
  });

  it("with an older cookie change nothing", () => {
    const stage = new Stage("nothing");
    const { tag, echo } = cookieFrom(strike(stage, [initOf()], { tag: 0 }));
    stage.client.endpoint.connect(target, 7000, stage.world.nowMs);
    stage.world.run(20);
    expect(stage.server.handle).toBeDefined();
    expect(strike(stage, [echo], { tag })).toEqual([]);
    expect(stateOf(stage.server).phase).toBe("established");
  });

  it("with an address that the association has not are refused, and it goes on", () => {
    const stage = quiet();
    const parameters = [{ type: "IPV4_ADDRESS", address: "192.0.2.99" }] as const;
    const [answer] = strike(stage, [initOf({ parameters })], { tag: 0 });
    expect(answer?.chunks).toMatchObject([
      { type: "ABORT", causes: [{ type: "RESTART_WITH_NEW_ADDRESSES" }] },
    ]);
    expect(stateOf(stage.server).phase).toBe("established");
  });

  it("from elsewhere than the cookie was given to open nothing", () => {
    const stage = new Stage("nothing");
    const { tag, echo } = cookieFrom(strike(stage, [initOf()], { tag: 0, from: stranger }));
    expect(strike(stage, [echo], { tag, from: honest })).toEqual([]);
    expect(stage.server.handle).toBeUndefined();
  });

  it("while SHUTDOWN ACK is out get it once more", () => {
    const stage = quiet();
    stage.client.endpoint.shutdown(stage.client.handle ?? 0, stage.world.nowMs);
    stage.world.drain(stage.client);
    stage.world.run(10, () => stateOf(stage.server).phase === "shutdown-ack-sent");
    expect(types(strike(stage, [initOf()], { tag: 0 }))).toEqual(["SHUTDOWN_ACK"]);
  });

  it("that cross those of ours lead to one association", () => {
    const world = new World(1, { ...quietNetwork, jitterMs: 3 });
    const one = world.add(endpointConfig([honest], false), 2);
    const two = world.add(endpointConfig([target, targetToo], false), 3);
    one.endpoint.connect(target, 7000, world.nowMs);
    two.endpoint.connect(honest, 7000, world.nowMs);
    world.run(10_000);
    for (const node of world.nodes) {
      expect(node.endpoint.snapshot().connecting).toEqual([]);
      expect(node.endpoint.snapshot().associations.map(({ state }) => state.phase)).toEqual(["established"]);
    }
    expect(stateOf(one).agreement.peerTag).toBe(stateOf(two).agreement.localTag);
  });
});

describe("addresses that a peer lists", () => {
  it("are left out where nobody may send to them, and the others are probed one in each RTO", () => {
    const stage = new Stage("nothing");
    const listed = [
      "0.0.0.0",
      "255.255.255.255",
      "224.0.0.1",
      "127.0.0.1",
      target,
      "192.0.2.31",
      "192.0.2.32",
    ];
    const parameters = listed.map((address) => ({ type: "IPV4_ADDRESS", address }) as const);
    const { tag, echo } = cookieFrom(strike(stage, [initOf({ parameters })], { tag: 0 }));
    const out = strike(stage, [echo], { tag });
    expect(stateOf(stage.server).agreement.peerAddresses).toEqual([honest, "192.0.2.31", "192.0.2.32"]);
    expect(out.filter(({ to }) => to !== honest).map(({ to }) => to)).toEqual(["192.0.2.31"]);
  });

  it("get no SACK before they are confirmed", () => {
    const stage = new Stage("nothing");
    const parameters = [{ type: "IPV4_ADDRESS", address: stranger }] as const;
    const { tag, echo } = cookieFrom(strike(stage, [initOf({ parameters })], { tag: 0 }));
    strike(stage, [echo], { tag });
    const out = strike(stage, [{ ...data(stage, 1), immediate: true }], { from: stranger });
    expect(out.map(({ to }) => to)).toEqual([honest]);
  });
});
