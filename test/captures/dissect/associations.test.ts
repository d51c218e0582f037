import { describe, expect, test } from "vitest";
import { followAssociations } from "../../../captures/dissect/index.ts";
import type { SctpSummary } from "../../../captures/dissect/index.ts";
import { data, init, initAck, packetOf, sack } from "./packets.ts";

const A = "192.0.2.11";
const B = "192.0.2.20";
const P = "192.0.2.99";
const TO_CLUSTER = 0xc1;
const TO_PEER = 0xbeef;

const fromP = (to: string, ...chunks: Parameters<typeof packetOf>[1][]): SctpSummary =>
  packetOf({ from: P, to, tag: TO_CLUSTER }, ...chunks);
const toP = (from: string, ...chunks: Parameters<typeof packetOf>[1][]): SctpSummary =>
  packetOf({ from, to: P, tag: TO_PEER }, ...chunks);

const SETUP = [
  packetOf({ from: P, to: A, tag: 0 }, init(TO_PEER)),
  toP(A, initAck(TO_CLUSTER, A, B)),
  fromP(A, { type: "COOKIE_ECHO", cookie: new Uint8Array(8) }),
  toP(A, { type: "COOKIE_ACK" }),
];

const groups = (packets: readonly SctpSummary[]): readonly number[] =>
  followAssociations(packets).indexOfPacket;

describe("packets of one association on two paths", () => {
  test("a failover from A to B stays one association with both addresses and tags", () => {
    const packets = [...SETUP, fromP(A, data(1)), toP(A, sack(1)), fromP(B, data(2)), toP(B, sack(2))];
    const { associations, indexOfPacket } = followAssociations(packets);
    expect(indexOfPacket).toEqual(packets.map(() => 0));
    expect(associations).toEqual([
      {
        index: 0,
        initiator: { port: 7000, addresses: [P], tag: TO_PEER },
        responder: { port: 7000, addresses: [A, B], tag: TO_CLUSTER },
        packets: 8,
      },
    ]);
  });

  test("without the set-up, the directions find each other by the path they share", () => {
    expect(groups([fromP(A, data(1)), toP(A, sack(1)), toP(B, sack(1)), fromP(B, data(2))])).toEqual([
      0, 0, 0, 0,
    ]);
  });

  test("two halves that were seen on different paths become one when a path shows both", () => {
    const halves = [fromP(A, data(1)), toP(B, sack(1))];
    expect(groups(halves)).toEqual([0, 1]);
    const { associations, indexOfPacket } = followAssociations([
      ...halves,
      toP(A, sack(2)),
      fromP(B, data(3)),
    ]);
    expect(indexOfPacket).toEqual([0, 0, 0, 0]);
    expect(associations).toMatchObject([
      { initiator: { addresses: [P], tag: TO_PEER }, responder: { tag: TO_CLUSTER }, packets: 4 },
    ]);
  });

  test("with a captured set-up, packets of a path never seen before belong to it", () => {
    expect(groups([...SETUP, toP("198.51.100.1", data(9))])).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("what is not the same association", () => {
  test("other ports or other tags", () => {
    const other = packetOf({ from: P, to: A, ports: [7001, 7000], tag: TO_CLUSTER }, data(1));
    const stranger = packetOf({ from: P, to: A, tag: 5 }, data(1));
    expect(groups([...SETUP, other, stranger])).toEqual([0, 0, 0, 0, 1, 2]);
  });

  test("the same tag for the same ports on other hosts", () => {
    const others = SETUP.map((packet) => ({
      ...packet,
      sourceAddress: packet.sourceAddress.replace("192.0.2", "203.0.113"),
      destinationAddress: packet.destinationAddress.replace("192.0.2", "203.0.113"),
      chunks: packet.chunks.map((chunk) => ({ ...chunk, ...(chunk.addresses ? { addresses: [] } : {}) })),
    }));
    expect(groups([...SETUP, ...others])).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });
});

describe("set-up in its variants", () => {
  test("a repeated INIT is the same association, from another address of its sender too", () => {
    const again = packetOf({ from: "192.0.2.98", to: A, tag: 0 }, init(TO_PEER, P, "192.0.2.98"));
    expect(groups([SETUP[0] as SctpSummary, ...SETUP, again])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("a restart is a new association that names the one it replaces", () => {
    const restart = [
      packetOf({ from: P, to: A, tag: 0 }, init(0x77)),
      packetOf({ from: A, to: P, tag: 0x77 }, initAck(0x88)),
    ];
    const { associations, indexOfPacket } = followAssociations([...SETUP, ...restart]);
    expect(indexOfPacket).toEqual([0, 0, 0, 0, 1, 1]);
    expect(associations[1]).toMatchObject({ restartOf: 0 });
  });

  test("a new association after an orderly end is no restart", () => {
    const end = toP(A, { type: "SHUTDOWN_COMPLETE", tagReflected: false });
    const { associations } = followAssociations([
      ...SETUP,
      end,
      packetOf({ from: P, to: A, tag: 0 }, init(0x77)),
    ]);
    expect(associations).toHaveLength(2);
    expect(associations[1]).not.toHaveProperty("restartOf");
  });

  test("INITs that cross are one association", () => {
    const packets = [
      packetOf({ from: P, to: A, tag: 0 }, init(TO_PEER)),
      packetOf({ from: A, to: P, tag: 0 }, init(TO_CLUSTER)),
      packetOf({ from: A, to: P, tag: TO_PEER }, initAck(TO_CLUSTER)),
      packetOf({ from: P, to: A, tag: TO_CLUSTER }, initAck(TO_PEER)),
    ];
    const { associations, indexOfPacket } = followAssociations(packets);
    expect(indexOfPacket).toEqual([0, 0, 0, 0]);
    expect(associations).toMatchObject([{ initiator: { tag: TO_PEER }, responder: { tag: TO_CLUSTER } }]);
  });

  test("INITs that cross on different paths are one association too", () => {
    const packets = [
      packetOf({ from: P, to: A, tag: 0 }, init(TO_PEER)),
      packetOf({ from: B, to: P, tag: 0 }, init(TO_CLUSTER, A, B)),
      packetOf({ from: A, to: P, tag: TO_PEER }, initAck(TO_CLUSTER)),
    ];
    expect(groups(packets)).toEqual([0, 0, 0]);
  });

  test("an ABORT with a reflected tag belongs to the association whose tag it reflects, from the right end", () => {
    const setup = SETUP.slice(0, 3);
    const abort = packetOf(
      { from: A, to: P, tag: TO_CLUSTER },
      { type: "ABORT", tagReflected: true, causes: [] },
    );
    const { associations } = followAssociations([...setup, abort]);
    expect(associations).toMatchObject([
      { initiator: { addresses: [P] }, responder: { addresses: [A, B] }, packets: 4 },
    ]);
  });

  test("a reflected tag is found where the ports differ", () => {
    const ports = [7001, 7000] as const;
    const abort = { type: "ABORT", tagReflected: true, causes: [] } as const;
    const packets = [
      packetOf({ from: P, to: A, ports, tag: 0 }, init(TO_PEER)),
      packetOf({ from: A, to: P, ports: [7000, 7001], tag: TO_PEER }, initAck(TO_CLUSTER)),
      packetOf({ from: A, to: P, ports: [7000, 7001], tag: TO_CLUSTER }, abort),
    ];
    expect(groups(packets)).toEqual([0, 0, 0]);
  });
});
