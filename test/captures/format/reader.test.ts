import { describe, expect, test } from "vitest";
import { createCaptureReader, type CaptureItem } from "../../../captures/format/index.ts";
import {
  ascii,
  ngBlock,
  ngInterface,
  ngOption,
  ngPacket,
  ngSection,
  order,
  pad,
  type Order,
} from "./ng-bytes.ts";

function readAll(bytes: readonly number[], chunk = bytes.length): CaptureItem[] {
  const reader = createCaptureReader();
  const items: CaptureItem[] = [];
  for (let at = 0; at < bytes.length; at += chunk)
    items.push(...reader.push(Uint8Array.from(bytes.slice(at, at + chunk))));
  return [...items, ...reader.end()];
}

const packets = (items: readonly CaptureItem[]) => items.filter((item) => item.kind === "packet");
const SECONDS = 1_763_800_000;

function pcapFile(o: Order, magic: number, fraction: number): number[] {
  const header = [
    ...o.u32(magic),
    ...o.u16(2),
    ...o.u16(4),
    ...o.u32(0),
    ...o.u32(0),
    ...o.u32(65535),
    ...o.u32(0xf0000001),
  ];
  return [...header, ...o.u32(SECONDS), ...o.u32(fraction), ...o.u32(3), ...o.u32(60), 7, 8, 9];
}

describe.each([
  ["little", true],
  ["big", false],
] as const)("pcap in %s-endian order", (byteOrder, little) => {
  test.each([
    ["microseconds", 0xa1b2c3d4, 999_999, 999_999_000n, 999_999, 1_000_000n],
    ["nanoseconds", 0xa1b23c4d, 999_999_999, 999_999_999n, 999_999, 1_000_000_000n],
  ] as const)("stamps in %s", (_, magic, fraction, nanos, micros, ticksPerSecond) => {
    const items = readAll(pcapFile(order(little), magic, fraction));
    expect(items).toEqual([
      { kind: "section", format: "pcap", byteOrder, comments: [] },
      { kind: "interface", index: 0, linkType: 1, snapLength: 65535, ticksPerSecond, comments: [] },
      {
        kind: "packet",
        interfaceIndex: 0,
        stamped: true,
        atNanos: BigInt(SECONDS) * 1_000_000_000n + nanos,
        atUs: SECONDS * 1_000_000 + micros,
        capturedLength: 3,
        originalLength: 60,
        bytes: Uint8Array.of(7, 8, 9),
        comments: [],
      },
    ]);
  });
});

describe.each([
  ["little", true],
  ["big", false],
] as const)("pcapng in %s-endian order", (byteOrder, little) => {
  const o = order(little);

  test("section, interface and packet with their options", () => {
    const section = ngSection(o, [
      ...ngOption(o, 1, ascii("first")),
      ...ngOption(o, 4, ascii("maker")),
      ...ngOption(o, 2, ascii("iron")),
      ...ngOption(o, 1, ascii("second")),
      ...ngOption(o, 0, []),
    ]);
    const interfaceOptions = [
      ...ngOption(o, 2, ascii("eth7")),
      ...ngOption(o, 3, ascii("outside")),
      ...ngOption(o, 9, [9]),
      ...ngOption(o, 11, [0, ...ascii("sctp")]),
      ...ngOption(o, 12, ascii("Linux")),
    ];
    const items = readAll([
      ...section,
      ...ngInterface(o, 228, 96, interfaceOptions),
      ...ngPacket(o, 0, 1_763_800_000_123_456_789n, [1, 2, 3, 4, 5]),
    ]);
    expect(items).toEqual([
      {
        kind: "section",
        format: "pcapng",
        byteOrder,
        comments: ["first", "second"],
        application: "maker",
        hardware: "iron",
      },
      {
        kind: "interface",
        index: 0,
        linkType: 228,
        snapLength: 96,
        ticksPerSecond: 1_000_000_000n,
        comments: [],
        name: "eth7",
        description: "outside",
        filter: "sctp",
        os: "Linux",
      },
      {
        kind: "packet",
        interfaceIndex: 0,
        stamped: true,
        atNanos: 1_763_800_000_123_456_789n,
        atUs: 1_763_800_000_123_456,
        capturedLength: 5,
        originalLength: 105,
        bytes: Uint8Array.of(1, 2, 3, 4, 5),
        comments: [],
      },
    ]);
  });

  test.each([
    ["absent: microseconds", [], 1_763_800_000_123_456n, 1_763_800_000_123_456_000n],
    ["milliseconds", [3], 1_763_800_000_123n, 1_763_800_000_123_000_000n],
    ["picoseconds are cut", [12], 1_700_000_000_999n, 1_700_000_000n],
    ["a power of two", [0x80 | 20], (5n << 20n) + (1n << 19n), 5_500_000_000n],
  ])("if_tsresol %s", (_, resolution, ticks, nanos) => {
    const options = resolution.length === 0 ? [] : ngOption(o, 9, resolution);
    const items = readAll([...ngSection(o), ...ngInterface(o, 1, 0, options), ...ngPacket(o, 0, ticks, [1])]);
    expect(packets(items)[0]?.atNanos).toBe(nanos);
  });

  test("if_tsoffset moves the stamps, backwards too", () => {
    const shift = ngOption(o, 14, o.u64(BigInt.asUintN(64, -2n)));
    const items = readAll([
      ...ngSection(o),
      ...ngInterface(o, 1, 0, shift),
      ...ngPacket(o, 0, 5_000_000n, [1]),
    ]);
    expect(packets(items)[0]?.atNanos).toBe(3_000_000_000n);
  });

  test("simple and obsolete packet blocks", () => {
    const simple = ngBlock(o, 3, [...o.u32(9), ...pad([1, 2, 3, 4])]);
    const stamp = [...o.u32(0), ...o.u32(1_000_000)];
    const old = ngBlock(o, 2, [
      ...o.u16(0),
      ...o.u16(3),
      ...stamp,
      ...o.u32(2),
      ...o.u32(50),
      ...pad([5, 6]),
    ]);
    const items = readAll([...ngSection(o), ...ngInterface(o, 1, 4), ...simple, ...old]);
    expect(packets(items)).toMatchObject([
      { stamped: false, capturedLength: 4, originalLength: 9, bytes: Uint8Array.of(1, 2, 3, 4) },
      { stamped: true, atUs: 1_000_000, capturedLength: 2, originalLength: 50, bytes: Uint8Array.of(5, 6) },
    ]);
  });

  test("statistics are read; names, secrets and custom blocks are stepped over", () => {
    const counters = [
      ...ngOption(o, 4, o.u64(77n)),
      ...ngOption(o, 5, o.u64(3n)),
      ...ngOption(o, 7, o.u64(2n)),
    ];
    const others = [4, 10, 0xbad, 0x40000bad].flatMap((type) => ngBlock(o, type, [1, 2, 3, 4]));
    const statistics = ngBlock(o, 5, [...o.u32(0), ...o.u32(0), ...o.u32(0), ...counters]);
    const items = readAll([...ngSection(o), ...ngInterface(o, 1, 0), ...others, ...statistics]);
    expect(items.map((item) => item.kind)).toEqual(["section", "interface", "statistics"]);
    expect(items[2]).toEqual({
      kind: "statistics",
      interfaceIndex: 0,
      received: 77,
      dropped: 3,
      osDropped: 2,
    });
  });

  test("a new section in the other order begins its own list of interfaces", () => {
    const other = order(!little);
    const first = [
      ...ngSection(o),
      ...ngInterface(o, 1, 0),
      ...ngInterface(o, 113, 0),
      ...ngPacket(o, 1, 1n, [1]),
    ];
    const second = [...ngSection(other), ...ngInterface(other, 228, 0), ...ngPacket(other, 0, 2n, [2])];
    const items = readAll([...first, ...second]);
    expect(packets(items).map((packet) => packet.interfaceIndex)).toEqual([1, 2]);
    expect(items.filter((item) => item.kind === "interface").map((item) => item.linkType)).toEqual([
      1, 113, 228,
    ]);
  });

  test("every size of piece gives the same items", () => {
    const file = [
      ...ngSection(o),
      ...ngInterface(o, 1, 0),
      ...ngPacket(o, 0, 1n, [1, 2, 3]),
      ...ngPacket(o, 0, 2n, []),
    ];
    const whole = readAll(file);
    expect(whole).toHaveLength(4);
    for (let chunk = 1; chunk < file.length; chunk++) expect(readAll(file, chunk)).toEqual(whole);
  });
});
