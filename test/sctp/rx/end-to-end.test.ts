import { describe, expect, it } from "vitest";
import type { Agreement, Delivery, Extensions } from "../../../agents/sctp/index.ts";
import { noExtensions, tsn } from "../../../agents/sctp/index.ts";
import { createAssociationState } from "../../../agents/sctp/association/state.ts";
import { World, endpointConfig } from "../../sim/endpoints.ts";
import type { Node } from "../../sim/endpoints.ts";

const faults = { latencyMs: 4, jitterMs: 10, loss: 0.03, duplication: 0.02, corruption: 0 };
const extensions = { ...noExtensions, interleaving: true, partialReliability: true };

/** Collects what a node delivers, as it comes out of its endpoint. */
function deliveriesOf(node: Node): Delivery[] {
  const all: Delivery[] = [];
  const take = node.endpoint.takeOutputs.bind(node.endpoint);
  node.endpoint.takeOutputs = () => {
    const outputs = take();
    all.push(...outputs.deliveries);
    return outputs;
  };
  return all;
}

/** Both sides of an association in which neither has said anything, with these extensions agreed. */
function openPair(world: World, client: Node, server: Node, agreed: Extensions): void {
  const mine: Agreement = {
    localPort: 7000,
    peerPort: 7000,
    localTag: 11,
    peerTag: 22,
    localInitialTsn: tsn(0xffffff00),
    peerInitialTsn: tsn(5),
    localAddresses: client.config.localAddresses,
    peerAddresses: server.config.localAddresses,
    outboundStreams: 4,
    inboundStreams: 4,
    peerWindowBytes: 128 * 1024,
    peerExtensions: [],
    extensions: agreed,
  };
  const theirs: Agreement = {
    ...mine,
    localTag: 22,
    peerTag: 11,
    localInitialTsn: mine.peerInitialTsn,
    peerInitialTsn: mine.localInitialTsn,
    localAddresses: mine.peerAddresses,
    peerAddresses: mine.localAddresses,
  };
  const sides = [
    [client, mine],
    [server, theirs],
  ] as const;
  for (const [node, agreement] of sides) {
    const peerAddress = agreement.peerAddresses[0]!;
    const state = createAssociationState(agreement, { phase: "established", peerAddress });
    node.handle = node.endpoint.resume(state, world.nowMs);
  }
}

describe("two endpoints on a lossy network", () => {
  it.each([
    ["DATA", noExtensions, 1],
    ["I-DATA", extensions, 2],
  ] as const)("pass messages larger than the receive buffer with %s", (_, agreed, fragmentInterleave) => {
    const parameters = {
      extensions: agreed,
      fragmentInterleave,
      receiveBufferBytes: 128 * 1024,
      partialDeliveryPointBytes: 32 * 1024,
      sendBufferBytes: 2 * 1024 * 1024,
      maxMessageBytes: 1024 * 1024,
    };
    const world = new World(5, faults);
    const client = world.add(endpointConfig(["192.0.2.20"], false, parameters), 6);
    const server = world.add(endpointConfig(["192.0.2.11"], true, parameters), 7);
    openPair(world, client, server, agreed);
    const got = deliveriesOf(server);
    const sizes = [700_000, 50, 300_000, 50];
    sizes.forEach((size, index) => {
      const payload = new Uint8Array(size).map((_each, at) => (at * 13 + index) & 0xff);
      const message = { streamId: index % 3, ppid: index, unordered: false, payload };
      expect(client.endpoint.send(client.handle!, message, world.nowMs)).toBe("accepted");
    });
    world.drain(client);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const received = (): number => got.reduce((sum, each) => sum + each.payload.length, 0);
    expect(world.run(600_000, () => received() >= total)).toBe(true);
    sizes.forEach((size, index) => {
      const parts = got.filter((each) => each.ppid === index).map((each) => each.payload);
      const whole = Buffer.concat(parts);
      expect(whole).toHaveLength(size);
      expect(whole.every((byte, at) => byte === ((at * 13 + index) & 0xff))).toBe(true);
    });
    expect(got.filter(({ ppid }) => ppid === 0).length).toBeGreaterThan(5);
    expect(server.endpoint.state(server.handle!)?.receive.interleaving).toBe(agreed.interleaving);
  });
});
