import { describe, expect, it } from "vitest";
import { Endpoint, seededRandom } from "../../agents/sctp/index.ts";
import type { AssociationState } from "../../agents/sctp/index.ts";
import { applyUpdate, openState } from "../../agents/sctp/index.ts";
import { decodeUpdate } from "../../agents/replica/index.ts";
import { encodeUpdate } from "../../agents/replica/update-codec.ts";
import { World, endpointConfig } from "../sim/endpoints.ts";
import type { Node } from "../sim/endpoints.ts";

const faults = { latencyMs: 4, jitterMs: 15, loss: 0.05, duplication: 0.02, corruption: 0 };
const seeds = Array.from({ length: 25 }, (_, index) => index * 104_729 + 3);

function traffic(
  world: World,
  client: Node,
  server: Node,
  rounds: number,
  each: (round: number) => void,
): void {
  for (let round = 0; round < rounds; round++) {
    for (const node of [client, server]) {
      if (node.handle === undefined) continue;
      const payload = new Uint8Array(((round * 97) % 5000) + 1).fill(round & 0xff);
      const unordered = round % 5 === 0;
      node.endpoint.send(node.handle, { streamId: round % 3, ppid: round, unordered, payload }, world.nowMs);
      world.drain(node);
    }
    world.run(7);
    each(round);
  }
}

function pair(seed: number): { world: World; client: Node; server: Node } {
  const world = new World(seed, faults);
  const client = world.add(endpointConfig(["192.0.2.20"], false), seed + 1);
  const server = world.add(endpointConfig(["192.0.2.11", "192.0.2.12"], true), seed + 2);
  client.endpoint.connect("192.0.2.11", 7000, world.nowMs);
  world.run(20_000, () => client.handle !== undefined && server.handle !== undefined);
  return { world, client, server };
}

/** A generator whose state can be copied: the restored endpoint must draw the same numbers. */
class CountedRandom {
  draws: number[] = [];
  readonly #source: ReturnType<typeof seededRandom>;
  constructor(seed: number, skip: readonly number[] = []) {
    this.#source = seededRandom(seed);
    for (const length of skip) {
      if (length === 0) this.#source.uint32();
      else this.#source.bytes(length);
    }
    this.draws = [...skip];
  }
  uint32(): number {
    this.draws.push(0);
    return this.#source.uint32();
  }
  bytes(length: number): Uint8Array {
    this.draws.push(length);
    return this.#source.bytes(length);
  }
}

describe("a snapshot", () => {
  it.each(seeds)("taken at any instant and restored goes on as if nothing had happened, seed %i", (seed) => {
    const wire = (restoreEvery: number): string[] => {
      const { world, client, server } = pair(seed);
      let random = new CountedRandom(seed + 1);
      client.endpoint = Endpoint.restore(client.endpoint.snapshot(), client.config, random);
      traffic(world, client, server, 120, (round) => {
        if (restoreEvery === 0 || round % restoreEvery !== 0) return;
        random = new CountedRandom(seed + 1, random.draws);
        client.endpoint = Endpoint.restore(client.endpoint.snapshot(), client.config, random);
      });
      world.run(20_000);
      return world.network.log.map(
        ({ atMs, datagram }) =>
          `${atMs.toFixed(3)} ${datagram.from} ${Buffer.from(datagram.bytes).toString("hex")}`,
      );
    };
    expect(wire(7)).toEqual(wire(0));
  });
});

/** Comparable form of a state. */
const plain = (state: AssociationState | undefined): unknown =>
  state === undefined
    ? undefined
    : {
        ...state,
        confirmedAddresses: [...state.confirmedAddresses],
        send: {
          ...state.send,
          outstanding: [...state.send.outstanding],
          streams: [...state.send.streams].map(([id, stream]) => [
            id,
            { ...stream, queue: [...stream.queue] },
          ]),
        },
        receive: { ...state.receive, above: [...state.receive.above], buffered: [...state.receive.buffered] },
      };

describe("the updates of an association", () => {
  it.each(seeds)("fold to its state at every instant, also after a trip over the link, seed %i", (seed) => {
    const { world, client, server } = pair(seed);
    let compared = 0;
    const take = world.drain.bind(world);
    // The server's updates are taken as they come; the set-up's were drained before and are made up for here.
    const handle = server.handle ?? 0;
    const first = server.endpoint.state(handle);
    expect(first).toBeDefined();
    const folded = openState({ kind: "opened", state: { ...first!, sequence: first!.sequence - 1 } });
    world.drain = (node: Node): void => {
      if (node !== server) return take(node);
      const outputs = node.endpoint.takeOutputs();
      for (const { update, sequence } of outputs.updates) {
        const travelled = decodeUpdate(encodeUpdate(update));
        expect(travelled).toEqual(update);
        applyUpdate(folded, travelled!);
        expect(folded.sequence).toBe(sequence);
      }
      expect(plain(folded)).toEqual(plain(node.endpoint.state(handle)));
      compared += 1;
      const taken = node.endpoint.takeOutputs;
      node.endpoint.takeOutputs = () => outputs;
      take(node);
      node.endpoint.takeOutputs = taken;
    };
    traffic(world, client, server, 60, () => undefined);
    expect(compared).toBeGreaterThan(60);
  });
});
