import { describe, expect, test } from "vitest";
import {
  describeChunk,
  describeParameter,
  packetChecksum,
  parsePacket,
  writePacket,
} from "../../../agents/sctp/wire/index.ts";
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
test.each(CAPTURES.filter((name) => name !== "community-id/sctp.pcap"))(
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
    "ABORT",
    "ASCONF",
    "ASCONF_ACK",
    "AUTH",
    "COOKIE_ACK",
    "COOKIE_ECHO",
    "DATA",
    "FORWARD_TSN",
    "HEARTBEAT",
    "HEARTBEAT_ACK",
    "INIT",
    "INIT_ACK",
    "RE_CONFIG",
    "SACK",
    "SHUTDOWN",
    "SHUTDOWN_ACK",
    "SHUTDOWN_COMPLETE",
  ]);
});

test("the extensions in the captures of usrsctp are read to their values", () => {
  const chunks = chunksOf("usrsctp/shutdown.pcap");
  const parameters = chunks.flatMap((chunk) => ("parameters" in chunk ? chunk.parameters : []));
  expect([...new Set(parameters.map(describeParameter))]).toMatchInlineSnapshot(`
    [
      "ECN Capable",
      "Forward-TSN-Supported",
      "Supported Extensions 192,15,193,128,130",
      "Random (32 B)",
      "Requested HMAC Algorithm 1",
      "Chunk List 0,64,128,193",
      "Supported Address Types 5",
      "State Cookie (324 B)",
      "Outgoing SSN Reset Request request=872707999 response=1102580635 last=872708007 streams=1",
      "Re-configuration Response response=872707999 result=1",
      "Add Outgoing Streams Request request=872708000 streams=2",
      "Re-configuration Response response=872708000 result=1",
      "Add IP Address 10.91.7.3 id=16777216",
      "Delete IP Address 10.91.7.3 id=16777216",
    ]
  `);
  expect([...new Set(chunks.filter((chunk) => chunk.type !== "DATA").map(describeChunk))])
    .toMatchInlineSnapshot(`
    [
      "INIT tag=0xe4f3d67b a_rwnd=131072 os=10 mis=2048 tsn=872707999",
      "INIT_ACK tag=0x9a5fcdb1 a_rwnd=131072 os=10 mis=2048 tsn=1102580636",
      "COOKIE_ECHO (324 B)",
      "COOKIE_ACK",
      "AUTH key=0 hmac=1",
      "SACK cum=872707999 gaps=0 a_rwnd=130616",
      "SACK cum=872708001 gaps=0 a_rwnd=130616",
      "SACK cum=872708003 gaps=0 a_rwnd=131072",
      "SACK cum=872708005 gaps=0 a_rwnd=129400",
      "SACK cum=872708007 gaps=0 a_rwnd=131072",
      "RE_CONFIG Outgoing SSN Reset Request request=872707999 response=1102580635 last=872708007 streams=1",
      "RE_CONFIG Re-configuration Response response=872707999 result=1",
      "RE_CONFIG Add Outgoing Streams Request request=872708000 streams=2",
      "RE_CONFIG Re-configuration Response response=872708000 result=1",
      "ASCONF serial=872707999 parameters=1",
      "ASCONF_ACK serial=872707999 parameters=0",
      "HEARTBEAT (36 B)",
      "HEARTBEAT_ACK (36 B)",
      "ASCONF serial=872708000 parameters=1",
      "ASCONF_ACK serial=872708000 parameters=0",
      "FORWARD_TSN cum=872708011 streams=4",
      "SACK cum=872708007 gaps=1 a_rwnd=130716",
      "SACK cum=872708007 gaps=1 a_rwnd=130360",
      "SACK cum=872708007 gaps=1 a_rwnd=130004",
      "SACK cum=872708007 gaps=1 a_rwnd=129598",
      "SACK cum=872708015 gaps=0 a_rwnd=131072",
      "SHUTDOWN cum=1102580635",
      "SHUTDOWN_ACK",
      "SHUTDOWN_COMPLETE",
    ]
  `);
});
