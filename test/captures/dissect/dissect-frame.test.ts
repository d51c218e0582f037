import { describe, expect, test } from "vitest";
import { writePacket } from "../../../agents/sctp/wire/index.ts";
import { tsn } from "../../../agents/sctp/base/serial.ts";
import { dissectFrame, infoLine } from "../../../captures/dissect/index.ts";
import { buildFrame } from "./frame-builder.ts";
import { data, frameOf, init, packetOf, RAW, sack } from "./packets.ts";

const PATH = { from: "192.0.2.11", to: "192.0.2.99", tag: 0x1234 };
const BYTES = writePacket({ sourcePort: 1, destinationPort: 2, verificationTag: 3, chunks: [data(5, 100)] });

describe("info line", () => {
  test("chunks with what matters of them", () => {
    const line = infoLine(
      packetOf(
        PATH,
        { ...data(17, 200) },
        sack(9, [
          { start: 2, end: 3 },
          { start: 5, end: 5 },
        ]),
      ),
    );
    expect(line).toBe("DATA tsn=17 sid=2 ssn=4 ppid=0 (200 B) | SACK cum=9 gaps=2 a_rwnd=65536");
  });

  test("fragments, tags, causes, and packets without chunks", () => {
    const fragment = { ...data(1, 4), ending: false, unordered: true } as ReturnType<typeof data>;
    expect(infoLine(packetOf(PATH, fragment))).toBe(
      "DATA tsn=1 sid=2 ssn=4 ppid=0 (4 B) unordered first fragment",
    );
    expect(infoLine(packetOf(PATH, init(0xbeef)))).toBe("INIT tag=0x0000beef tsn=48879 a_rwnd=65536");
    const abort = {
      type: "ABORT",
      tagReflected: true,
      causes: [{ type: "OUT_OF_RESOURCE", code: 4 }],
    } as const;
    expect(infoLine(packetOf(PATH, abort))).toBe("ABORT causes=4 T");
    expect(infoLine(packetOf(PATH))).toBe("no chunks");
  });
});

test("gap blocks are absolute and wrap with the TSN", () => {
  const { chunks } = packetOf(
    PATH,
    sack(0xfffffffe, [
      { start: 1, end: 1 },
      { start: 3, end: 5 },
    ]),
  );
  expect(chunks[0]?.gaps).toEqual([
    [0xffffffff, 0xffffffff],
    [1, 3],
  ]);
});

test("addresses of an INIT, causes of an ERROR, a chunk type without a name", () => {
  const { chunks } = packetOf(
    PATH,
    init(1, "192.0.2.1", "192.0.2.2"),
    { type: "ERROR", causes: [{ type: "STALE_COOKIE", code: 3, stalenessUs: 1 }] },
    { type: "UNKNOWN", typeNumber: 200, flags: 7, value: new Uint8Array(3) },
    { type: "FORWARD_TSN", newCumulativeTsn: tsn(8), streams: [] },
  );
  expect(chunks).toMatchObject([
    { type: "INIT", addresses: ["192.0.2.1", "192.0.2.2"], initiateTag: 1 },
    { type: "ERROR", causes: [3] },
    { type: "UNKNOWN(200)", typeNumber: 200, flags: 7, lengthBytes: 7 },
    { type: "FORWARD_TSN", cumulativeTsn: 8 },
  ]);
});

describe("why there is no SCTP", () => {
  test.each<[string, Uint8Array, number, RegExp]>([
    ["an unknown link type", BYTES, 105, /link type 105 is not supported/],
    ["an empty frame", new Uint8Array(0), RAW, /empty/],
    ["ARP", Uint8Array.from([...new Uint8Array(12), 8, 6, 0, 0]), 1, /type 0x0806, not IP/],
    ["a short Ethernet frame", new Uint8Array(13), 1, /13 bytes are fewer/],
    ["a spanning tree frame", Uint8Array.from([...new Uint8Array(12), 0, 38, 66]), 1, /IEEE 802.3 length/],
    [
      "DNS",
      buildFrame({ linkType: RAW, version: 4, udp: [5353, 53] }, BYTES),
      RAW,
      /UDP from port 5353 to 53/,
    ],
    [
      "a first fragment",
      buildFrame({ linkType: RAW, version: 4, fragment: 0x2000 }, BYTES),
      RAW,
      /offset 0, more follow/,
    ],
    [
      "a last fragment",
      buildFrame({ linkType: RAW, version: 4, fragment: 3 }, BYTES),
      RAW,
      /offset 24, the last/,
    ],
    [
      "an IPv6 fragment",
      buildFrame({ linkType: RAW, version: 6, fragment: 9 }, BYTES),
      RAW,
      /offset 8, more follow/,
    ],
    [
      "half an IPv4 header",
      buildFrame({ linkType: RAW, version: 4 }, BYTES).subarray(0, 12),
      RAW,
      /12 bytes are fewer/,
    ],
    [
      "half an SCTP header",
      buildFrame({ linkType: RAW, version: 4 }, BYTES).subarray(0, 31),
      RAW,
      /11 bytes are fewer/,
    ],
  ])("%s", (_name, frame, linkType, reason) => {
    const { sctp, reason: given } = dissectFrame(frame, linkType);
    expect(sctp).toBeUndefined();
    expect(given).toMatch(reason);
  });

  test("an IPv6 fragment header on a whole datagram does not hide it", () => {
    expect(
      dissectFrame(buildFrame({ linkType: RAW, version: 6, fragment: 0 }, BYTES), RAW).sctp,
    ).toBeDefined();
  });

  test("the UDP ports are an option, at either end", () => {
    const frame = buildFrame({ linkType: RAW, version: 4, udp: [40000, 12345] }, BYTES);
    expect(dissectFrame(frame, RAW, { udpPorts: [12345] }).sctp).toMatchObject({
      transport: "udp",
      udpSourcePort: 40000,
      udpDestinationPort: 12345,
    });
    expect(dissectFrame(frame, RAW, { udpPorts: [40000] }).sctp).toBeDefined();
    expect(dissectFrame(frame, RAW).sctp).toBeUndefined();
  });
});

describe("cut and malformed", () => {
  test("padding behind the datagram is not SCTP", () => {
    const frame = Uint8Array.from([...buildFrame({ linkType: 1, version: 4 }, BYTES), 1, 2, 3, 4, 5, 6]);
    expect(dissectFrame(frame, 1).sctp).toMatchObject({
      checksumGood: true,
      truncated: false,
      sctpBytes: BYTES.length,
    });
  });

  test("a capture that kept only the beginning still tells of the DATA chunk", () => {
    const { sctp } = dissectFrame(frameOf(PATH, sack(4), data(5, 100)).subarray(0, 20 + 12 + 16 + 40), RAW);
    expect(sctp).toMatchObject({ truncated: true, checksumGood: false });
    expect(sctp?.chunks).toMatchObject([
      { type: "SACK", cumulativeTsn: 4 },
      { type: "DATA", tsn: 5, streamId: 2, ssn: 4, payloadBytes: 100, lengthBytes: 116 },
    ]);
    expect(sctp?.chunks[1]).not.toHaveProperty("malformed");
    expect(infoLine(sctp as NonNullable<typeof sctp>)).toMatch(/\[truncated\]$/);
  });

  test("another chunk that the capture cut says so", () => {
    const { sctp } = dissectFrame(
      frameOf(PATH, sack(4, [{ start: 2, end: 2 }])).subarray(0, 20 + 12 + 16),
      RAW,
    );
    expect(sctp?.chunks[0]).toMatchObject({ type: "SACK", malformed: "the capture cut this chunk off" });
  });

  test("a chunk whose length lies beyond the packet is malformed, and the packet truncated", () => {
    const frame = frameOf(PATH, data(5, 8));
    frame[20 + 12 + 3] = 200;
    const { sctp } = dissectFrame(frame, RAW);
    expect(sctp).toMatchObject({ truncated: true, chunks: [{ type: "DATA" }] });
    expect(sctp?.chunks[0]?.malformed).toMatch(/says length 200 where 24 bytes are left/);
  });

  test("chunks behind a malformed one of a credible length are still shown", () => {
    const frame = frameOf(PATH, sack(4), { type: "SHUTDOWN", cumulativeTsn: tsn(1) });
    frame[20 + 12 + 13] = 9;
    const { sctp } = dissectFrame(frame, RAW);
    expect(sctp?.truncated).toBe(false);
    expect(sctp?.chunks).toMatchObject(
      [{ malformed: /9 gap blocks/ }, { type: "SHUTDOWN", cumulativeTsn: 1 }].map((chunk) =>
        "malformed" in chunk ? { malformed: expect.stringMatching(chunk.malformed) } : chunk,
      ),
    );
  });

  test("a wrong checksum is said", () => {
    const frame = frameOf(PATH, sack(4));
    frame[frame.length - 1] = 1;
    const { sctp } = dissectFrame(frame, RAW);
    expect(sctp).toMatchObject({ checksumGood: false, truncated: false });
    expect(infoLine(sctp as NonNullable<typeof sctp>)).toMatch(/\[bad CRC32c\]$/);
  });
});
