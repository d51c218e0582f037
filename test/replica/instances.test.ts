import { describe, expect, it } from "vitest";
import { writeTestMessage } from "../../agents/application/index.ts";
import { StandbyInstance, decodeFrame, encodeFrame } from "../../agents/replica/index.ts";
import { Endpoint, seededRandom } from "../../agents/sctp/index.ts";
import { tsnAdd, tsnDistance } from "../../agents/sctp/base/serial.ts";
import { writePacket } from "../../agents/sctp/wire/index.ts";
import { addressA, addressB, addressPeer } from "../sim/cluster.ts";
import { endpointConfig } from "../sim/endpoints.ts";
import { quietNetwork } from "../sim/network.ts";
import { associationLife } from "../support/association-life.ts";
import { connected, drain, smallMessages, startLoads } from "../sim/scenario.ts";

const timing = { beatIntervalMs: 25, takeoverAfterMs: 400 };

describe("the secondary", () => {
  it("takes updates a second time, also of an association that has ended", () => {
    const standby = new StandbyInstance({ epoch: 1, ...timing });
    standby.linkUp(0);
    const updates = associationLife();
    const last = updates.at(-1);
    standby.receiveFrame({ kind: "updates", epoch: 1, updates }, 1);
    expect(standby.states).toEqual([]);
    standby.takeOutputs();
    for (const from of [0, 50, updates.length - 1]) {
      standby.receiveFrame({ kind: "updates", epoch: 1, updates: updates.slice(from) }, 2);
      const held = standby.takeOutputs().frames;
      expect(held).toEqual([
        { kind: "held", epoch: 1, association: last?.association, sequence: last?.sequence },
      ]);
      expect(standby.states).toEqual([]);
    }
  });

  it("does not count as current when what came before the word of that was not taken", () => {
    const standby = new StandbyInstance({ epoch: 1, ...timing });
    standby.linkUp(0);
    const updates = associationLife().slice(0, 10);
    standby.receiveFrame(
      { kind: "updates", epoch: 1, updates: [...updates.slice(0, 3), ...updates.slice(5)] },
      1,
    );
    standby.receiveFrame({ kind: "synced", epoch: 1 }, 1);
    expect(standby.takeRefusal()).toBe(true);
    expect(standby.isCurrent).toBe(false);
  });

  it("does not listen to an instance that was replaced", () => {
    const standby = new StandbyInstance({ epoch: 2, ...timing });
    standby.linkUp(0);
    standby.takeOutputs();
    standby.receiveFrame({ kind: "updates", epoch: 1, updates: associationLife().slice(0, 10) }, 1);
    standby.receiveFrame({ kind: "beat", epoch: 1, stampMs: 1 }, 1);
    expect(standby.states).toEqual([]);
    expect(standby.takeOutputs().frames).toEqual([]);
  });
});

describe("what comes to the secondary's address", () => {
  it("tells the primary what ICMP says about the packets that left from there", () => {
    const world = connected(1, quietNetwork);
    const [endpoint] = world.endpoints;
    const handle = world.a?.active?.association ?? 0;
    world.a?.active?.startLoad(smallMessages, world.nowMs);
    world.run(1000, () => (endpoint?.statistics(handle)?.paths[0]?.flightBytes ?? 0) > 0);
    const sent = world.network.log.findLast(({ datagram }) => datagram.from === addressA)?.datagram;
    const quoted = (sent?.bytes ?? new Uint8Array(0)).slice(0, 8);
    const report = { kind: "unreachable", quoted, route: { local: addressB, remote: addressPeer } } as const;
    expect(endpoint?.statistics(handle)?.paths[0]?.errorCount).toBe(0);
    world.b.receiveIcmp(report, world.nowMs);
    const frame = world.b.takeOutputs(world.nowMs).frames[0]?.frame;
    const travelled = frame === undefined ? undefined : decodeFrame(encodeFrame(frame));
    expect(travelled).toEqual({ kind: "icmp", epoch: 1, report });
    if (travelled !== undefined) world.a?.receiveFrame("partner", travelled, world.nowMs);
    expect(endpoint?.statistics(handle)?.paths[0]?.errorCount).toBe(1);
  });

  it("tells the primary of packets that were marked on their way", () => {
    const standby = new StandbyInstance({ epoch: 1, ...timing });
    standby.linkUp(0);
    standby.takeOutputs();
    for (const congestionExperienced of [true, false]) {
      const route = { local: addressB, remote: addressPeer };
      standby.receive(new Uint8Array(20), route, congestionExperienced);
      const [frame] = standby.takeOutputs().frames;
      const wanted = { kind: "inbound", epoch: 1, route, packet: new Uint8Array(20), congestionExperienced };
      expect(frame === undefined ? undefined : decodeFrame(encodeFrame(frame))).toEqual(wanted);
    }
  });
});

describe("the primary", () => {
  it("takes in no more than a bounded amount while the secondary does not answer", () => {
    const world = connected(1, quietNetwork);
    world.run(50);
    world.freeze("b");
    const handle = world.a?.active?.association ?? 0;
    const state = world.endpoints[0]?.state(handle);
    const first = state?.receive.cumulativeTsn;
    if (state === undefined || first === undefined) throw new Error("there is no association");
    for (let count = 1; count <= 12_000; count++) {
      const chunk = {
        type: "DATA",
        tsn: tsnAdd(first, count),
        streamId: 0,
        ssn: 0 as never,
        ppid: 0,
        unordered: true,
        beginning: true,
        ending: true,
        immediate: false,
        payload: new Uint8Array(1000),
      } as const;
      const { localTag: verificationTag } = state.agreement;
      const bytes = writePacket({
        sourcePort: 7000,
        destinationPort: 7000,
        verificationTag,
        chunks: [chunk],
      });
      const route = { local: addressA, remote: addressPeer };
      world.a?.receive({ bytes, route, congestionExperienced: false }, world.nowMs);
      world.a?.takeOutputs(world.nowMs);
    }
    const taken = tsnDistance(first, state.receive.cumulativeTsn);
    expect(taken).toBeGreaterThan(1000);
    expect(taken).toBeLessThan(5000);
  });

  it("gives a stranger who connects too nothing of the load", () => {
    const world = connected(1, quietNetwork);
    const own = world.a?.active?.association;
    expect(own).toBeDefined();
    const address = "198.51.100.66";
    const stranger = new Endpoint(endpointConfig([address], false), seededRandom(99));
    stranger.connect(addressA, 7000, world.nowMs);
    let read = world.network.log.length;
    for (let round = 0; round < 20; round++) {
      for (const { local: from, remote: to, bytes } of stranger.takeOutputs().packets)
        world.network.send({ from, to, bytes }, world.nowMs);
      world.run(5);
      for (const { datagram } of world.network.log.slice(read)) {
        const { from, to, bytes } = datagram;
        if (to === address) stranger.receive(bytes, { local: to, remote: from }, world.nowMs);
      }
      read = world.network.log.length;
    }
    expect(stranger.snapshot().associations.map(({ state }) => state.phase)).toEqual(["established"]);
    expect(world.a?.active?.association).toBe(own);
  });
});

describe("the outside computer", () => {
  it("goes on echoing after a message that it cannot echo, and says so", () => {
    const world = connected(1, quietNetwork);
    const about = { flow: "down", streamId: 5000, number: 0, sentAtUs: 0, sizeBytes: 100 } as const;
    const message = { streamId: 0, ppid: 0, unordered: false, payload: writeTestMessage(about) };
    world.endpoints[0]?.send(world.a?.active?.association ?? 0, message, world.nowMs);
    startLoads(world, smallMessages);
    world.run(300);
    drain(world, 1);
    const echoes = world.records.filter(
      (record) => record.kind === "message" && record.flow === "echo" && record.act === "delivered",
    );
    expect(echoes.length).toBeGreaterThan(100);
    const notes = world.records.filter((record) => record.kind === "event" && record.name === "note");
    expect(notes).toMatchObject([
      { host: "peer", text: expect.stringContaining("stream 5000 cannot be sent") },
    ]);
  });
});
