import { describe, expect, test } from "vitest";
import { describeChunk, packetChecksum, parsePacket, writePacket } from "../../../agents/sctp/wire/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { CAPTURES, sctpPackets } from "./fixtures.ts";

const chunksOf = (name: string): Chunk[] =>
  sctpPackets(name).flatMap((bytes) => {
    const parsed = parsePacket(bytes);
    return parsed.ok ? parsed.packet.chunks : [];
  });

describe.each(CAPTURES)("%s", (name) => {
  test("every packet is read without a flaw and with a good checksum", () => {
    for (const bytes of sctpPackets(name)) {
      const parsed = parsePacket(bytes);
      expect(parsed).toMatchObject({ ok: true, checksumGood: true });
      expect(parsed.ok && parsed.flaw).toBeUndefined();
      expect(parsed.ok && parsed.checksum).toBe(packetChecksum(bytes));
    }
  });
});

// The sender of the community-id capture counts the padding of an INIT's last parameter into its length.
test.each(CAPTURES.filter((name) => name.startsWith("tcpdump/")))(
  "%s: what was read is written back byte for byte",
  (name) => {
    for (const bytes of sctpPackets(name)) {
      const parsed = parsePacket(bytes);
      expect(parsed.ok && [...writePacket(parsed.packet)]).toEqual([...bytes]);
    }
  },
);

test("a capture of before CRC32c is read and its checksum called bad", () => {
  for (const bytes of sctpPackets("tcpdump/isup.pcap")) {
    expect(parsePacket(bytes)).toMatchObject({ ok: true, checksumGood: false });
  }
});

test("the chunks of the captures say what they should", () => {
  const lines = sctpPackets("community-id/sctp.pcap").map((bytes) => {
    const parsed = parsePacket(bytes);
    return parsed.ok ? parsed.packet.chunks.map(describeChunk).join(" | ") : parsed.reason;
  });
  expect(lines).toEqual([
    "INIT tag=0x43232544 a_rwnd=65535 os=17 mis=17 tsn=1560164255",
    "INIT_ACK tag=0x00000eb0 a_rwnd=4096 os=17 mis=17 tsn=13844",
    "COOKIE_ECHO (100 B)",
    "COOKIE_ACK",
    "DATA tsn=1560164255 sid=0 ssn=0 ppid=0 (512 B) | DATA tsn=1560164256 sid=1 ssn=0 ppid=0 (512 B)",
  ]);
  const types = new Set(CAPTURES.flatMap(chunksOf).map((chunk) => chunk.type));
  expect([...types].toSorted()).toEqual([
    "COOKIE_ACK",
    "COOKIE_ECHO",
    "DATA",
    "HEARTBEAT",
    "HEARTBEAT_ACK",
    "INIT",
    "INIT_ACK",
    "SACK",
    "SHUTDOWN",
    "SHUTDOWN_ACK",
    "SHUTDOWN_COMPLETE",
  ]);
});
