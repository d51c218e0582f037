import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tsn } from "../../../agents/sctp/base/serial.ts";
import { writePacket } from "../../../agents/sctp/wire/index.ts";
import type { Cause, Chunk } from "../../../agents/sctp/wire/index.ts";
import { decodeTree, dissectFrame } from "../../../captures/dissect/index.ts";
import type { DecodeNode } from "../../../captures/dissect/index.ts";
import { packet } from "../../sctp/wire/arbitrary.ts";
import { CAPTURES, readFixture } from "../../sctp/wire/fixtures.ts";
import { buildFrame } from "./frame-builder.ts";
import { data, frameOf, init, RAW, sack } from "./packets.ts";

const PATH = { from: "192.0.2.11", to: "192.0.2.99", tag: 0x1234 };
const LINK_TYPES = [0, 1, 12, 101, 113, 228, 229, 276, 5];

/** One line for each node, indented by its depth. */
function render(nodes: readonly DecodeNode[], depth = 0): string[] {
  return nodes.flatMap(({ label, value, start, end, flaw, children }) => [
    `${"  ".repeat(depth)}${label}${value === undefined ? "" : `: ${value}`} [${start}-${end}]${flaw === undefined ? "" : ` !! ${flaw}`}`,
    ...render(children, depth + 1),
  ]);
}

/** The first node whose range is not inside its parent's, behind its elder sister's. */
function firstMisplaced(nodes: readonly DecodeNode[], start: number, end: number): DecodeNode | undefined {
  let at = start;
  for (const node of nodes) {
    if (!(node.start >= at && node.end >= node.start && node.end <= end)) return node;
    const inside = firstMisplaced(node.children, node.start, node.end);
    if (inside !== undefined) return inside;
    at = node.end;
  }
  return undefined;
}

const expectNested = (nodes: readonly DecodeNode[], frame: Uint8Array): void =>
  expect(firstMisplaced(nodes, 0, frame.length)).toBeUndefined();

const flaws = (nodes: readonly DecodeNode[]): string[] =>
  nodes.flatMap(({ flaw, children }) => [...(flaw === undefined ? [] : [flaw]), ...flaws(children)]);

test("a DATA and a SACK in UDP, line by line", () => {
  const bytes = writePacket({
    sourcePort: 7000,
    destinationPort: 7001,
    verificationTag: 0x1234,
    chunks: [data(17, 5), sack(9, [{ start: 2, end: 3 }])],
  });
  const frame = buildFrame({ linkType: 1, version: 4, vlan: true, udp: [9899, 9899] }, bytes);
  expect(render(decodeTree(frame, 1)).join("\n")).toMatchInlineSnapshot(`
    "Ethernet II [0-18]
      Destination: 02:00:00:00:00:01 [0-6]
      Source: 02:00:00:00:00:02 [6-12]
      Type: 0x8100 (802.1Q) [12-14]
      802.1Q virtual LAN: 5 [14-18]
        Tag control information: 0x2005 (priority 1, VLAN 5) [14-16]
        Type: 0x0800 (IPv4) [16-18]
    Internet Protocol Version 4: 192.0.2.11 → 192.0.2.99 [18-38]
      Version and header length: 0x45 (version 4, 20 bytes) [18-19]
      Differentiated services: 0x02 [19-20]
      Total length: 84 [20-22]
      Identification: 0x0001 [22-24]
      Flags and fragment offset: 0x4000 (don't fragment) [24-26]
      Time to live: 64 [26-27]
      Protocol: 17 (UDP) [27-28]
      Header checksum: 0x0000 [28-30]
      Source address: 192.0.2.11 [30-34]
      Destination address: 192.0.2.99 [34-38]
    User Datagram Protocol: 9899 → 9899 [38-46]
      Source port: 9899 [38-40]
      Destination port: 9899 [40-42]
      Length: 64 [42-44]
      Checksum: 0x0000 [44-46]
    Stream Control Transmission Protocol: 7000 → 7001, tag 0x00001234 [46-102]
      Source port: 7000 [46-48]
      Destination port: 7001 [48-50]
      Verification tag: 0x00001234 [50-54]
      Checksum (CRC32c): 0x5a8d9b57 (good) [54-58]
      DATA chunk: tsn=17 sid=2 ssn=4 ppid=0 (5 B) [58-82]
        Type: 0 (DATA) [58-59]
        Flags: 0x03 (B: first fragment, E: last fragment) [59-60]
        Length: 21 [60-62]
        TSN: 17 [62-66]
        Stream identifier: 2 [66-68]
        Stream sequence number: 4 [68-70]
        Payload protocol identifier: 0 [70-74]
        User data: 5 bytes: 0000000000 [74-79]
        Padding: 3 bytes: 000000 [79-82]
      SACK chunk: cum=9 gaps=1 a_rwnd=65536 [82-102]
        Type: 3 (SACK) [82-83]
        Flags: 0x00 [83-84]
        Length: 20 [84-86]
        Cumulative TSN ack: 9 [86-90]
        Advertised receiver window credit (a_rwnd): 65536 (bytes) [90-94]
        Number of gap ack blocks: 1 [94-96]
        Number of duplicate TSNs: 0 [96-98]
        Gap ack block: 2 - 3 [98-102]
          Start offset: 2 [98-100]
          End offset: 3 [100-102]"
  `);
});

test("parameters and causes inside each other", () => {
  const refused: Chunk = {
    type: "ASCONF_ACK",
    serialNumber: 1,
    parameters: [
      {
        type: "ERROR_CAUSE_INDICATION",
        correlationId: 7,
        causes: [
          {
            type: "DELETE_LAST_ADDRESS",
            code: 0xa0,
            value: Uint8Array.of(0xc0, 2, 0, 16, 0, 0, 0, 7, 0, 5, 0, 8, 192, 0, 2, 1),
          },
        ],
      },
    ],
  };
  const lines = render(decodeTree(frameOf(PATH, init(1, "192.0.2.1"), refused), RAW));
  expect(lines.slice(lines.findIndex((line) => line.includes("INIT chunk"))).join("\n"))
    .toMatchInlineSnapshot(`
    "  INIT chunk: tag=0x00000001 a_rwnd=65536 os=4 mis=4 tsn=1 [32-60]
        Type: 1 (INIT) [32-33]
        Flags: 0x00 [33-34]
        Length: 28 [34-36]
        Initiate tag: 0x00000001 [36-40]
        Advertised receiver window credit (a_rwnd): 65536 (bytes) [40-44]
        Number of outbound streams: 4 [44-46]
        Number of inbound streams: 4 [46-48]
        Initial TSN: 1 [48-52]
        Parameter: IPv4 Address 192.0.2.1 [52-60]
          Type: 0x0005 [52-54]
          Length: 8 [54-56]
          Address: 192.0.2.1 [56-60]
      ASCONF_ACK chunk: serial=1 parameters=1 [60-96]
        Type: 128 (ASCONF_ACK) [60-61]
        Flags: 0x00 [61-62]
        Length: 36 [62-64]
        Serial number: 1 [64-68]
        Parameter: Error Cause Indication id=7 Request to Delete Last Remaining IP Address (16 B) [68-96]
          Type: 0xc003 [68-70]
          Length: 28 [70-72]
          Correlation ID: 7 [72-76]
          Error cause: Request to Delete Last Remaining IP Address (16 B) [76-96]
            Cause code: 160 [76-78]
            Cause length: 20 [78-80]
            Parameter: Delete IP Address 192.0.2.1 id=7 [80-96]
              Type: 0xc002 [80-82]
              Length: 16 [82-84]
              Correlation ID: 7 [84-88]
              Parameter: IPv4 Address 192.0.2.1 [88-96]
                Type: 0x0005 [88-90]
                Length: 8 [90-92]
                Address: 192.0.2.1 [92-96]"
  `);
});

describe("flaws", () => {
  test("a bad checksum, a lying length and a cut capture are flagged where they are", () => {
    const frame = frameOf(PATH, data(5, 8));
    frame[20 + 12 + 3] = 200;
    expect(flaws(decodeTree(frame, RAW))).toEqual([
      "the packet is longer than the bytes that are here",
      "DATA says length 200 where 24 bytes are left",
    ]);
    const damaged = frameOf(PATH, data(5, 8));
    damaged[damaged.length - 1] = 1;
    expect(flaws(decodeTree(damaged, RAW))).toEqual(["the checksum does not match the bytes of the packet"]);
    expect(flaws(decodeTree(frameOf(PATH, data(5, 80)).subarray(0, 60), RAW))[0]).toMatch(
      /longer than the bytes that were captured/,
    );
  });

  test("good packets have none", () => {
    for (const name of CAPTURES) {
      for (const { bytes, linkType } of readFixture(name))
        expect(flaws(decodeTree(bytes, linkType))).toEqual([]);
    }
  });

  test("causes that hold causes without end are shown to a depth and no further", () => {
    let value = new Uint8Array(0);
    // Unrecognized Parameters that hold an Error Cause Indication that holds Unrecognized Parameters ...
    for (let depth = 0; depth < 3000; depth += 1) {
      const inner = new Uint8Array(12 + value.length);
      const view = new DataView(inner.buffer);
      view.setUint16(0, 0xc003);
      view.setUint16(2, inner.length);
      view.setUint16(8, 8);
      view.setUint16(10, inner.length - 8);
      inner.set(value, 12);
      value = inner;
    }
    const cause: Cause = { type: "UNRECOGNIZED_PARAMETERS", code: 8, value };
    const tree = decodeTree(frameOf(PATH, { type: "ERROR", causes: [cause] }), RAW);
    const depthOf = (nodes: readonly DecodeNode[]): number =>
      nodes.length === 0 ? 0 : 1 + Math.max(...nodes.map(({ children }) => depthOf(children)));
    expect(depthOf(tree)).toBeLessThan(16);
  });
});

test("every range of every packet of the captures nests", () => {
  for (const name of CAPTURES) {
    for (const { bytes, linkType } of readFixture(name)) {
      expectNested(decodeTree(bytes, linkType), bytes);
    }
  }
});

test("generated packets: ranges nest, and every chunk has its node", () => {
  fc.assert(
    fc.property(packet, (original) => {
      const frame = buildFrame({ linkType: RAW, version: 6 }, writePacket(original));
      const tree = decodeTree(frame, RAW);
      expectNested(tree, frame);
      const sctp = tree.find(({ label }) => label === "Stream Control Transmission Protocol");
      expect(sctp?.children.filter(({ label }) => label.endsWith(" chunk"))).toHaveLength(
        original.chunks.length,
      );
    }),
    { numRuns: 1000 },
  );
});

describe("hostile frames never throw", () => {
  const check = (bytes: Uint8Array, linkType: number): void => {
    const { sctp, reason } = dissectFrame(bytes, linkType);
    expect(sctp === undefined).toBe(reason !== undefined);
    expectNested(decodeTree(bytes, linkType), bytes);
  };

  test("any bytes at all", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...LINK_TYPES), check), {
      numRuns: 5000,
    });
  });

  test("good frames with bytes changed, cut anywhere", () => {
    const shapes = fc.record({
      linkType: fc.constantFrom(0, 1, 101, 113, 276),
      version: fc.constantFrom(4 as const, 6 as const),
      vlan: fc.boolean(),
      extensions: fc.boolean(),
      udp: fc.constantFrom([9899, 9899] as const, [40000, 9899] as const),
    });
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(shapes, packet, changes, fc.nat(), (shape, original, edits, cut) => {
        const frame = buildFrame(shape, writePacket(original));
        for (const [place, value] of edits) frame[place % frame.length] = value;
        check(frame, shape.linkType);
        check(frame.subarray(0, cut % (frame.length + 1)), shape.linkType);
      }),
      { numRuns: 3000 },
    );
  });

  test("bytes of the SCTP packet changed behind a good header", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(packet, changes, (original, edits) => {
        const bytes = writePacket({
          ...original,
          chunks: [...original.chunks, { type: "SHUTDOWN", cumulativeTsn: tsn(1) }],
        });
        for (const [place, value] of edits) bytes[12 + (place % (bytes.length - 12))] = value;
        check(buildFrame({ linkType: RAW, version: 4 }, bytes), RAW);
      }),
      { numRuns: 5000 },
    );
  });
});
