import fc from "fast-check";
import { expect, test } from "vitest";
import {
  createCaptureReader,
  interfaceBlock,
  interfaceStatisticsBlock,
  packetBlock,
  pcapngHeader,
  type CaptureItem,
} from "../../../captures/format/index.ts";

const text = fc.string({ unit: "grapheme", maxLength: 30 });
const interfaces = fc.array(
  fc.record(
    {
      linkType: fc.constantFrom(1, 113, 228),
      snapLength: fc.nat(262_144),
      name: text,
      description: text,
      filter: text,
      os: text,
    },
    { requiredKeys: ["linkType"] },
  ),
  { minLength: 1, maxLength: 4 },
);
const packetList = fc.array(
  fc.record({
    interfaceIndex: fc.nat(3),
    atNanos: fc.bigInt({ min: 0n, max: 1n << 63n }),
    bytes: fc.uint8Array({ maxLength: 80 }),
    cut: fc.nat(2000),
    comments: fc.array(text, { maxLength: 3 }),
  }),
  { maxLength: 12 },
);

/** Feeds a file in pieces whose sizes go round `sizes`. */
function readInPieces(file: Uint8Array, sizes: readonly number[]): CaptureItem[] {
  const reader = createCaptureReader();
  const items: CaptureItem[] = [];
  for (let at = 0, turn = 0; at < file.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    items.push(...reader.push(file.subarray(at, at + size)));
    at += size;
  }
  return [...items, ...reader.end()];
}

test("what the writer wrote, the reader gives back, in pieces of any size", () => {
  const header = fc.record({ comment: text, application: text, os: text }, { requiredKeys: [] });
  const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(header, interfaces, packetList, sizes, (head, faces, list, pieces) => {
      const packets = list.map((packet) => ({
        ...packet,
        interfaceIndex: packet.interfaceIndex % faces.length,
      }));
      const file = Buffer.concat([
        pcapngHeader(head),
        ...faces.map((face) => interfaceBlock(face)),
        ...packets.map((packet) =>
          packetBlock({ ...packet, originalLength: packet.bytes.length + packet.cut }),
        ),
      ]);
      const { comment, ...rest } = head;
      const comments = comment === undefined ? [] : [comment];
      expect(readInPieces(file, pieces)).toEqual([
        { kind: "section", format: "pcapng", byteOrder: "little", comments, ...rest },
        ...faces.map((face, index) => ({
          kind: "interface",
          index,
          snapLength: 262_144,
          ticksPerSecond: 1_000_000_000n,
          comments: [],
          ...face,
        })),
        ...packets.map(({ cut, ...packet }) => ({
          kind: "packet",
          stamped: true,
          ...packet,
          atUs: Number(packet.atNanos / 1000n),
          capturedLength: packet.bytes.length,
          originalLength: packet.bytes.length + cut,
          bytes: Uint8Array.from(packet.bytes),
        })),
      ]);
    }),
  );
});

test("a stamp in microseconds", () => {
  const packet = packetBlock({ interfaceIndex: 0, atUs: 1_763_800_000_123_456, bytes: new Uint8Array(0) });
  const items = readInPieces(
    Buffer.concat([pcapngHeader({}), interfaceBlock({ linkType: 1 }), packet]),
    [1000],
  );
  expect(items.at(-1)).toMatchObject({ atUs: 1_763_800_000_123_456, atNanos: 1_763_800_000_123_456_000n });
});

test("statistics", () => {
  const file = Buffer.concat([
    pcapngHeader({}),
    interfaceBlock({ linkType: 1 }),
    interfaceStatisticsBlock({
      interfaceIndex: 0,
      atUs: 5,
      received: 2 ** 40,
      dropped: 0,
      comment: "the end",
    }),
  ]);
  expect(readInPieces(file, [1000]).at(-1)).toEqual({
    kind: "statistics",
    interfaceIndex: 0,
    received: 2 ** 40,
    dropped: 0,
  });
});

test("a comment too long for an option is cut at a whole character", () => {
  const file = Buffer.concat([
    pcapngHeader({ comment: `x${"€".repeat(30_000)}` }),
    interfaceBlock({ linkType: 1 }),
  ]);
  const [section] = readInPieces(file, [4096]);
  expect(section).toMatchObject({ kind: "section", comments: [`x${"€".repeat(21_844)}`] });
});

test("texts that are not Unicode are repaired, not refused", () => {
  const file = Buffer.concat([pcapngHeader({ comment: "a\ud800b" })]);
  expect(readInPieces(file, [7])[0]).toMatchObject({ comments: ["a\ufffdb"] });
  // 0xff never occurs in UTF-8; 0xc0 0xaf is an overlong slash; 0xed 0xa0 0x80 is half a surrogate pair.
  for (const wrong of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]]) {
    const bytes = pcapngHeader({ comment: "c".repeat(wrong.length) });
    bytes.set(wrong, 28);
    expect(readInPieces(bytes, [500])[0]).toMatchObject({ comments: ["\ufffd".repeat(wrong.length)] });
  }
});

test("packets do not share memory with what was pushed", () => {
  const reader = createCaptureReader();
  const blocks = [pcapngHeader({}), interfaceBlock({ linkType: 1 })];
  const file = Buffer.concat([
    ...blocks,
    packetBlock({ interfaceIndex: 0, atUs: 1, bytes: Uint8Array.of(1, 2) }),
  ]);
  const packet = reader.push(file).at(-1);
  file.fill(0xee);
  expect(packet).toMatchObject({ bytes: Uint8Array.of(1, 2) });
});
