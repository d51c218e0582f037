import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AssociationState } from "../../agents/sctp/index.ts";
import type { Chunk } from "../../agents/sctp/wire/index.ts";
import { chunkLength, parsePacket, writePacket } from "../../agents/sctp/wire/index.ts";
import type { Node } from "../sim/endpoints.ts";
import type { AimedChunk } from "./hostile-chunks.ts";
import { aimedChunks } from "./hostile-chunks.ts";
import { Stage, excesses, honest, phases, resealed, stranger, target, targetToo } from "./stage.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? 9260);
const settings = (numRuns: number): fc.Parameters<unknown> => ({ seed, numRuns });

/** Packets that one packet may draw: answers, a SACK, and what a SACK lets go in both senses. */
const mostPacketsOut = 14;
const largestPacket = 65_535;

function stateOf(node: Node): AssociationState | undefined {
  return node.endpoint.snapshot().associations[0]?.state;
}

interface Attack {
  readonly at: "client" | "server";
  readonly from: string;
  readonly to: string;
  readonly tag: "right" | "peer" | "zero" | number;
  readonly rightPorts: boolean;
  readonly chunks: readonly AimedChunk[];
}

/** As many of the chunks as fit into a packet. */
function assemble(attack: Attack, node: Node): Uint8Array {
  const state = stateOf(node);
  const tags = { right: state?.agreement.localTag ?? 7, peer: state?.agreement.peerTag ?? 8, zero: 0 };
  const chunks: Chunk[] = [];
  let length = 12;
  for (const make of attack.chunks) {
    const chunk = make(state);
    length += chunkLength(chunk);
    if (length > largestPacket) break;
    chunks.push(chunk);
  }
  return writePacket({
    sourcePort: attack.rightPorts ? 7000 : 7001,
    destinationPort: 7000,
    verificationTag: typeof attack.tag === "number" ? attack.tag : tags[attack.tag],
    chunks,
  });
}

/** Gives the packet to the node, and puts on the network what it does about it. */
function inject(stage: Stage, node: Node, bytes: Uint8Array, from: string, to: string): void {
  const before = stage.world.network.log.length;
  node.endpoint.receive(bytes, { local: to, remote: from }, stage.world.nowMs);
  stage.world.drain(node);
  const out = stage.world.network.log.slice(before).map(({ datagram }) => datagram);
  expect(out.length).toBeLessThanOrEqual(mostPacketsOut);
  const toStranger = out.filter((datagram) => datagram.to === stranger);
  const strangerBytes = toStranger.reduce((sum, datagram) => sum + datagram.bytes.length, 0);
  expect(strangerBytes, "amplification").toBeLessThanOrEqual(Math.max(500, 2 * bytes.length));
  expect(excesses(node.endpoint.snapshot())).toEqual([]);
}

const attack = fc.record({
  at: fc.constantFrom("client" as const, "server" as const),
  from: fc.constantFrom(honest, target, targetToo, stranger),
  to: fc.constantFrom(honest, target, targetToo),
  tag: fc.oneof(
    { weight: 4, arbitrary: fc.constant("right" as const) },
    fc.constantFrom("peer" as const, "zero" as const),
    fc.integer({ min: 0, max: 0xffffffff }),
  ),
  rightPorts: fc.integer({ min: 0, max: 9 }).map((value) => value > 0),
  chunks: aimedChunks,
});
const phase = fc.constantFrom(...phases);

describe("a peer that knows everything and keeps no rule", () => {
  it(`breaks nothing but its own association, seed ${seed}`, () => {
    fc.assert(
      fc.property(phase, fc.array(attack, { minLength: 1, maxLength: 12 }), (at, attacks) => {
        const stage = new Stage(at);
        for (const each of attacks) {
          const node = stage[each.at];
          const from = each.from === honest && each.at === "client" ? target : each.from;
          inject(stage, node, assemble(each, node), from, each.at === "client" ? honest : each.to);
          stage.world.run(0.3);
        }
        stage.world.run(30_000);
        for (const node of stage.world.nodes) expect(excesses(node.endpoint.snapshot())).toEqual([]);
      }),
      settings(1500),
    );
  }, 60_000);
});

describe("a stranger", () => {
  /** Without the right tag, or not from the peer's address; or what was on the wire before, once more. */
  const outsider = fc.oneof(
    attack.map((it) => ({ ...it, replay: undefined })),
    fc
      .tuple(attack, fc.nat(), fc.boolean())
      .map(([it, index, moved]) => ({ ...it, replay: { index, moved } })),
  );

  it(`cannot disturb an association, seed ${seed}`, () => {
    const lasting = fc.constantFrom("cookie-wait" as const, "cookie-echoed" as const, "established" as const);
    fc.assert(
      fc.property(lasting, fc.array(outsider, { minLength: 1, maxLength: 12 }), (at, attacks) => {
        const stage = new Stage(at);
        for (const each of attacks) {
          const { log } = stage.world.network;
          const old = each.replay && log[each.replay.index % log.length];
          if (old !== undefined && each.replay !== undefined) {
            const { from, to, bytes } = old.datagram;
            const node = to === honest ? stage.client : stage.server;
            if (to !== stranger) inject(stage, node, bytes, each.replay.moved ? stranger : from, to);
          } else {
            const node = stage[each.at];
            const tag = each.from !== stranger && typeof each.tag !== "number" ? "zero" : each.tag;
            const bytes = assemble({ ...each, tag }, node);
            inject(stage, node, bytes, each.from, each.at === "client" ? honest : each.to);
          }
          stage.world.run(0.3);
        }
        const up = (): boolean => stage.client.handle !== undefined && stage.server.handle !== undefined;
        expect(stage.world.run(5000, up)).toBe(true);
        const count = stage.exchange();
        const all = (): boolean =>
          stage.client.received.length === count && stage.server.received.length === count;
        expect(stage.world.run(20_000, all), "everything arrives").toBe(true);
        const bad = [...stage.client.events, ...stage.server.events].filter((event) =>
          ["comm-lost", "cant-start", "restart"].includes(event),
        );
        expect(bad).toEqual([]);
      }),
      settings(1000),
    );
  }, 60_000);
});

describe("bytes that are no packet", () => {
  it(`and packets with a few bytes changed do no harm, seed ${seed}`, () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => () => bytes),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => () => resealed(bytes)),
      fc
        .tuple(fc.nat(), fc.array(change, { minLength: 1, maxLength: 4 }))
        .map(([index, changes]) => (stage: Stage) => {
          const { log } = stage.world.network;
          const bytes = (log[index % Math.max(1, log.length)]?.datagram.bytes ?? new Uint8Array(20)).slice();
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          return resealed(bytes);
        }),
    );
    fc.assert(
      fc.property(phase, fc.array(garbage, { minLength: 1, maxLength: 15 }), (at, all) => {
        const stage = new Stage(at);
        for (const make of all) {
          const bytes = make(stage);
          inject(stage, stage.server, bytes, honest, target);
          inject(stage, stage.client, bytes, target, honest);
          if (parsePacket(bytes).ok) stage.world.run(0.2);
        }
        stage.world.run(10_000);
      }),
      settings(1500),
    );
  }, 60_000);
});
