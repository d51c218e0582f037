import { describe, expect, it } from "vitest";
import { quietNetwork } from "../sim/network.ts";
import type { Node } from "../sim/endpoints.ts";
import { World, endpointConfig } from "../sim/endpoints.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function send(world: World, node: Node, streamId: number, payload: Uint8Array): string {
  const answer = node.endpoint.send(
    node.handle ?? 0,
    { streamId, ppid: 0, unordered: false, payload },
    world.nowMs,
  );
  world.drain(node);
  return answer;
}

function pair(
  seed: number,
  faults = quietNetwork,
  parameters = {},
): { world: World; client: Node; server: Node } {
  const world = new World(seed, faults);
  const client = world.add(endpointConfig(["192.0.2.20"], false, parameters), seed + 1);
  const server = world.add(endpointConfig(["192.0.2.11", "192.0.2.12"], true, parameters), seed + 2);
  client.endpoint.connect("192.0.2.11", 7000, world.nowMs);
  return { world, client, server };
}

const connected = (client: Node, server: Node) => () =>
  client.handle !== undefined && server.handle !== undefined;

describe("an endpoint", () => {
  it("sets up an association, confirms the second address, and shuts down", () => {
    const { world, client, server } = pair(1);
    expect(world.run(5000, connected(client, server))).toBe(true);
    expect(world.run(5000, () => client.events.includes("192.0.2.12 confirmed"))).toBe(true);
    expect(send(world, client, 3, text("hello"))).toBe("accepted");
    expect(world.run(1000, () => server.received.length === 1)).toBe(true);
    expect(server.received).toEqual([{ streamId: 3, text: "hello" }]);
    client.endpoint.shutdown(client.handle ?? 0, world.nowMs);
    expect(world.run(5000, () => server.events.includes("shutdown-complete"))).toBe(true);
    expect(client.events).toContain("shutdown-complete");
  });

  it("fragments and reassembles a message larger than a packet", () => {
    const { world, client, server } = pair(2);
    world.run(5000, connected(client, server));
    const large = "0123456789".repeat(10_000);
    expect(send(world, client, 0, text(large))).toBe("accepted");
    expect(world.run(20_000, () => server.received.length === 1)).toBe(true);
    expect(server.received[0]?.text).toBe(large);
  });

  it("is refused where nobody listens", () => {
    const world = new World(3, quietNetwork);
    const client = world.add(endpointConfig(["192.0.2.20"], false), 1);
    world.add(endpointConfig(["192.0.2.11"], false), 2);
    client.endpoint.connect("192.0.2.11", 7000, world.nowMs);
    expect(world.run(3000, () => client.events.includes("cant-start"))).toBe(true);
  });

  it("gives up when nobody answers INIT", () => {
    const world = new World(4, quietNetwork);
    const client = world.add(endpointConfig(["192.0.2.20"], false), 1);
    client.endpoint.connect("192.0.2.99", 7000, world.nowMs);
    expect(world.run(400_000, () => client.events.includes("cant-start"))).toBe(true);
  });

  it("goes on over the other address when the first one dies", () => {
    const { world, client, server } = pair(5, quietNetwork, {
      rtoMinMs: 100,
      rtoInitialMs: 300,
      rtoMaxMs: 400,
    });
    world.run(5000, connected(client, server));
    world.run(2000);
    world.network.cut("192.0.2.11");
    for (let number = 0; number < 50; number++) {
      send(world, client, number % 4, text(String(number)));
      world.run(20);
    }
    expect(world.run(5000, () => server.received.length === 50)).toBe(true);
    expect(client.events).toContain("192.0.2.11 potentially-failed");
    client.endpoint.shutdown(client.handle ?? 0, world.nowMs);
    expect(
      world.run(2000, () => client.events.includes("shutdown-complete")),
      "SHUTDOWN avoids the dead path",
    ).toBe(true);
  });
});

describe("under loss, duplication, reordering and corruption", () => {
  const faults = { latencyMs: 5, jitterMs: 20, loss: 0.05, duplication: 0.02, corruption: 0.01 };

  it.each(Array.from({ length: 60 }, (_, index) => index * 7919 + 1))(
    "delivers every message once and in order of its stream, seed %i",
    (seed) => {
      const { world, client, server } = pair(seed, faults);
      expect(world.run(120_000, connected(client, server)), "set-up").toBe(true);
      const count = 300;
      let sent = 0;
      while (sent < count) {
        const size = (sent * 37) % 4000;
        const answer = send(world, client, sent % 4, text(`${sent}:${"x".repeat(size)}`));
        if (answer === "accepted") {
          send(world, server, sent % 4, text(`${sent}:`));
          sent += 1;
        }
        world.run(answer === "accepted" ? 3 : 50);
      }
      const all = (): boolean => server.received.length >= count && client.received.length >= count;
      expect(world.run(300_000, all), "all delivered").toBe(true);
      world.run(5000);
      for (const node of [client, server]) {
        for (let stream = 0; stream < 4; stream++) {
          const numbers = node.received
            .filter((each) => each.streamId === stream)
            .map((each) => parseInt(each.text));
          expect(numbers).toEqual(Array.from({ length: count / 4 }, (_, index) => index * 4 + stream));
        }
      }
    },
  );
});
