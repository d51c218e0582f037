import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tsn } from "../../../agents/sctp/base/serial.ts";
import { parseChunkAt, parsePacket, WireFlaw, writePacket } from "../../../agents/sctp/wire/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { packet } from "./arbitrary.ts";

const HEADER = [0, 7, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0];
const parse = (...chunkBytes: number[]) => parsePacket(Uint8Array.from([...HEADER, ...chunkBytes]));

describe("malformed packets are values", () => {
  test("fewer bytes than a common header, more bytes than IP can carry", () => {
    expect(parsePacket(new Uint8Array(11))).toEqual({
      ok: false,
      reason: "11 bytes are fewer than the common header of 12 bytes",
    });
    expect(parsePacket(new Uint8Array(65536)).ok).toBe(false);
    expect(parsePacket(new Uint8Array(12)).ok).toBe(true);
  });

  test.each<[string, number[], number, RegExp]>([
    ["a chunk length of less than its header", [11, 0, 0, 3], 14, /COOKIE_ACK says length 3/],
    ["a chunk length beyond the packet", [10, 0, 0, 9, 1, 2, 3, 4], 14, /COOKIE_ECHO says length 9 where 8/],
    ["half a chunk header", [11, 0], 12, /2 bytes are left/],
    ["a DATA chunk without its fixed fields", [0, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0], 12, /at least 16/],
    [
      "a SACK that counts more gaps than it has",
      [3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0],
      24,
      /1 gap blocks/,
    ],
    ["a heartbeat with another parameter", [4, 0, 0, 8, 0, 2, 0, 4], 16, /type 2 in place of Heartbeat Info/],
    ["a heartbeat whose parameter is too long", [4, 0, 0, 8, 0, 1, 0, 5], 18, /length 5/],
    ["a cause of length 0", [9, 0, 0, 8, 0, 4, 0, 0], 18, /length 0 is less than/],
    ["a cause beyond its chunk", [9, 0, 0, 8, 0, 12, 0, 8, 1, 2, 3, 4], 18, /beyond the end/],
    ["an ASCONF without an address", [0xc1, 0, 0, 12, 0, 0, 0, 1, 0, 7, 0, 4], 20, /address parameter/],
  ])("%s", (_name, bytes, offset, reason) => {
    const parsed = parse(11, 0, 0, 4, ...bytes);
    expect(parsed.ok && parsed.packet.chunks).toEqual([{ type: "COOKIE_ACK" }]);
    expect(parsed.ok && parsed.flaw?.chunkIndex).toBe(1);
    expect(parsed.ok && parsed.flaw?.offset).toBe(offset + 4);
    expect(parsed.ok && parsed.flaw?.reason).toMatch(reason);
  });

  test("a chunk whose last padding is missing is whole", () => {
    const parsed = parse(10, 0, 0, 5, 42);
    expect(parsed.ok && parsed.packet.chunks).toEqual([{ type: "COOKIE_ECHO", cookie: Uint8Array.of(42) }]);
    expect(parsed.ok && parsed.flaw).toBeUndefined();
  });

  test("a chunk length that includes the padding of its last parameter is accepted", () => {
    const fields = [1, 0, 0, 28, 0, 0, 0, 9, 0, 0, 16, 0, 0, 1, 0, 1, 0, 0, 0, 5];
    const parsed = parse(...fields, 0x80, 0x08, 0, 5, 0xc1, 0, 0, 0);
    const [init] = parsed.ok ? parsed.packet.chunks : [];
    expect(init).toMatchObject({ parameters: [{ type: "SUPPORTED_EXTENSIONS", chunkTypes: [0xc1] }] });
  });
});

test("arbitrary bytes never throw, and what is reported lies inside them", () => {
  const chunkTypes = fc.constantFrom(
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    9,
    10,
    12,
    15,
    64,
    0x80,
    130,
    0x84,
    192,
    0xc1,
    194,
    200,
  );
  const chunkish = fc
    .tuple(chunkTypes, fc.integer({ min: 0, max: 48 }), fc.uint8Array({ maxLength: 60 }))
    .map(([type, length, rest]) => Uint8Array.from([...HEADER, type, 0, 0, length, ...rest]));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), chunkish), (bytes) => {
      const parsed = parsePacket(bytes);
      if (!parsed.ok || parsed.flaw === undefined) return;
      expect(parsed.flaw.offset).toBeGreaterThanOrEqual(12);
      expect(parsed.flaw.offset).toBeLessThanOrEqual(bytes.length);
      expect(parsed.flaw.chunkIndex).toBe(parsed.packet.chunks.length);
    }),
    { numRuns: 20000 },
  );
});

test("a good packet cut anywhere, or with one byte changed, never throws", () => {
  fc.assert(
    fc.property(packet, fc.nat(), fc.integer({ min: 0, max: 255 }), (original, place, value) => {
      const bytes = writePacket(original);
      const at = place % bytes.length;
      parsePacket(bytes.subarray(0, at));
      bytes[at] = value;
      parsePacket(bytes);
    }),
    { numRuns: 5000 },
  );
});

test("every fixed-layout chunk that is cut short is a flaw", () => {
  const chunks: Chunk[] = [
    { type: "SHUTDOWN", cumulativeTsn: tsn(1) },
    { type: "FORWARD_TSN", newCumulativeTsn: tsn(1), streams: [] },
    { type: "AUTH", sharedKeyId: 0, hmacId: 3, hmac: new Uint8Array(0) },
    { type: "ECNE", lowestTsn: tsn(1) },
  ];
  for (const chunk of chunks) {
    const bytes = writePacket({ sourcePort: 1, destinationPort: 1, verificationTag: 1, chunks: [chunk] });
    bytes[15] = (bytes[15] ?? 0) - 1;
    expect(parseChunkAt(bytes, 12).parsed).toBeInstanceOf(WireFlaw);
  }
});

test("writing our own nonsense is loud", () => {
  const huge: Chunk = { type: "COOKIE_ECHO", cookie: new Uint8Array(70_000) };
  expect(() =>
    writePacket({ sourcePort: 1, destinationPort: 1, verificationTag: 1, chunks: [huge] }),
  ).toThrow(/broken rule/);
});
