import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  createCaptureReader,
  interfaceBlock,
  packetBlock,
  pcapngHeader,
  type CaptureItem,
} from "../../../captures/format/index.ts";
import { ngBlock, ngInterface, ngOption, ngPacket, ngSection, order } from "./ng-bytes.ts";

const o = order(true);

function readAll(...pieces: readonly Uint8Array[]): CaptureItem[] {
  const reader = createCaptureReader();
  return [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
}
const read = (bytes: readonly number[]): CaptureItem[] => readAll(Uint8Array.from(bytes));
const start = [...ngSection(o), ...ngInterface(o, 1, 0)];

describe("a damaged file ends in one flaw that says what and where", () => {
  test.each<[string, number[], number, RegExp]>([
    ["no bytes", [], 0, /empty/],
    ["a text file", [...Buffer.from("hello, world")], 0, /neither a pcap nor a pcapng file.*0x68656c6c/],
    ["a gzip file", [0x1f, 0x8b, 8, 0, 0, 0], 0, /gzip/],
    ["the modified pcap format", o.u32(0xa1b2cd34), 0, /editcap/],
    ["two bytes", [0x0a, 0x0d], 0, /ends within a block: 2 of at least 4/],
    [
      "a wrong byte order mark",
      [...o.u32(0x0a0d0d0a), ...o.u32(28), ...o.u32(0x12345678)],
      0,
      /byte order mark/,
    ],
    ["version 2", ngSection(o).with(12, 2), 0, /version 2/],
    [
      "a length below 12",
      [...start, ...o.u32(6), ...o.u32(8), ...o.u32(0)],
      start.length,
      /length of 8 bytes/,
    ],
    [
      "a crooked length",
      [...start, ...o.u32(6), ...o.u32(33), ...o.u32(0)],
      start.length,
      /length of 33 bytes/,
    ],
    [
      "a huge length",
      [...start, ...o.u32(6), ...o.u32(0x7ffffffc), ...o.u32(0)],
      start.length,
      /more than the/,
    ],
    [
      "lengths that differ",
      [...start, ...ngPacket(o, 0, 1n, [1]).with(-4, 40)],
      start.length,
      /ends with the length 40/,
    ],
    ["an unknown interface", [...start, ...ngPacket(o, 1, 1n, [1])], start.length, /names interface 1/],
    ["a packet before any interface", [...ngSection(o), ...ngPacket(o, 0, 1n, [])], 28, /names interface 0/],
    ["a short packet block", [...start, ...ngBlock(o, 6, o.u32(0))], start.length, /has only 16 bytes/],
    [
      "a simple packet before any interface",
      [...ngSection(o), ...ngBlock(o, 3, o.u32(0))],
      28,
      /before any interface/,
    ],
    [
      "more captured bytes than the block holds",
      [...start, ...ngPacket(o, 0, 1n, [1, 2, 3, 4]).with(20, 5)],
      start.length,
      /claims 5 captured bytes/,
    ],
    [
      "an option that leaves its block",
      [...ngSection(o), ...ngInterface(o, 1, 0, ngOption(o, 2, [1, 2, 3, 4]).with(2, 200))],
      28,
      /option 2 claims 200 bytes/,
    ],
    [
      "a file cut in a packet",
      [...start, ...ngPacket(o, 0, 1n, [1, 2])].slice(0, -6),
      start.length,
      /30 of at least 36/,
    ],
  ])("%s", (_, bytes, offset, reason) => {
    const items = read(bytes);
    expect(items.at(-1)).toMatchObject({
      kind: "flaw",
      offset,
      reason: expect.stringMatching(reason) as string,
    });
    expect(items.filter((item) => item.kind === "flaw")).toHaveLength(1);
  });

  test("a pcap record of 4 GB", () => {
    const header = [
      ...o.u32(0xa1b2c3d4),
      ...o.u16(2),
      ...o.u16(4),
      ...o.u32(0),
      ...o.u32(0),
      ...o.u32(0),
      ...o.u32(1),
    ];
    const items = read([...header, ...o.u32(0), ...o.u32(0), ...o.u32(0xffffffff), ...o.u32(60)]);
    expect(items.at(-1)).toMatchObject({
      kind: "flaw",
      offset: 24,
      reason: expect.stringContaining("0xffffffff") as string,
    });
  });

  test("too many interfaces", () => {
    const one = Uint8Array.from(ngInterface(o, 1, 0));
    const items = readAll(Uint8Array.from(ngSection(o)), ...Array.from({ length: 4097 }, () => one));
    expect(items.at(-1)).toMatchObject({
      kind: "flaw",
      reason: expect.stringContaining("4096 interfaces") as string,
    });
  });

  test("what came before the flaw is kept, and nothing comes after it", () => {
    const reader = createCaptureReader();
    const good = ngPacket(o, 0, 1n, [1]);
    const items = reader.push(Uint8Array.from([...start, ...good, ...ngPacket(o, 9, 1n, [1]), ...good]));
    expect(items.map((item) => item.kind)).toEqual(["section", "interface", "packet", "flaw"]);
    expect(reader.push(Uint8Array.from(good))).toEqual([]);
    expect(reader.end()).toEqual([]);
  });
});

const sound = [
  pcapngHeader({ comment: "a comment", application: "test" }),
  interfaceBlock({ linkType: 1, name: "eth0", filter: "sctp" }),
  packetBlock({ interfaceIndex: 0, atUs: 1, bytes: Uint8Array.of(1, 2, 3, 4, 5), comments: ["one", "two"] }),
  packetBlock({ interfaceIndex: 0, atUs: 2, bytes: new Uint8Array(40) }),
].flatMap((block) => [...block]);

describe("hostile bytes", () => {
  test("any bytes changed anywhere: never throws, at most one flaw and it comes last", () => {
    const changes = fc.array(fc.tuple(fc.nat(sound.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.integer({ min: 1, max: 64 }), (list, chunk) => {
        const bytes = Uint8Array.from(sound);
        for (const [at, value] of list) bytes[at] = value;
        const pieces = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, index) =>
          bytes.subarray(index * chunk, (index + 1) * chunk),
        );
        const items = readAll(...pieces);
        expect(items).toEqual(readAll(bytes));
        expect(items.slice(0, -1).some((item) => item.kind === "flaw")).toBe(false);
        for (const item of items)
          if (item.kind === "packet") expect(item.bytes.length).toBe(item.capturedLength);
      }),
      { numRuns: 500 },
    );
  });

  test("noise behind a sound start", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const items = readAll(Uint8Array.from(sound), noise);
        expect(items.slice(0, 4).map((item) => item.kind)).toEqual([
          "section",
          "interface",
          "packet",
          "packet",
        ]);
      }),
    );
  });

  test("a file cut anywhere keeps its whole packets", () => {
    const lengths = sound.map((_, end) => readAll(Uint8Array.from(sound.slice(0, end))));
    for (const items of lengths) {
      const last = items.at(-1);
      if (last?.kind === "flaw") expect(last.offset).toBeLessThan(sound.length);
      expect(items.length).toBeGreaterThan(0);
    }
  });

  test("a block of 16 MiB that comes in small pieces is read in the time of a few copies", () => {
    const data = new Uint8Array(16 * 1024 * 1024 - 32);
    const file = packetBlock({ interfaceIndex: 0, atUs: 1, bytes: data });
    const reader = createCaptureReader();
    reader.push(Uint8Array.from(start));
    const items: CaptureItem[] = [];
    for (let at = 0; at < file.length; at += 61) items.push(...reader.push(file.subarray(at, at + 61)));
    expect(items).toMatchObject([{ kind: "packet", capturedLength: data.length }]);
  });
});
