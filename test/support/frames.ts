import { tsn } from "../../agents/sctp/base/serial.ts";
import type { Ssn } from "../../agents/sctp/base/serial.ts";
import type { Chunk, Parameter } from "../../agents/sctp/wire/index.ts";
import { writePacket } from "../../agents/sctp/wire/index.ts";
import type { ChunkSummary, SctpSummary } from "../../captures/dissect/summary.ts";

/** LINKTYPE_ETHERNET. */
export const ethernet = 1;

const ipv4 = (address: string): number[] => address.split(".").map(Number);

/** What a DATA chunk carries; undefined: zeros. */
export type PayloadOf = (chunk: ChunkSummary) => Uint8Array | undefined;

/** The chunk that a summary describes; contents that a summary does not carry are zero. */
function chunkOf(summary: ChunkSummary, payloadOf: PayloadOf): Chunk {
  const initFields = {
    initiateTag: summary.initiateTag ?? 1,
    advertisedWindow: 65_536,
    outboundStreams: 2,
    inboundStreams: 2,
    initialTsn: tsn(summary.tsn ?? 1),
  };
  const addresses = (summary.addresses ?? []).map((address): Parameter => ({
    type: "IPV4_ADDRESS",
    address,
  }));
  const cookie = new Uint8Array(32);
  switch (summary.type) {
    case "DATA":
      return {
        type: "DATA",
        tsn: tsn(summary.tsn ?? 0),
        streamId: summary.streamId ?? 0,
        ssn: (summary.ssn ?? 0) as Ssn,
        ppid: summary.ppid ?? 0,
        unordered: summary.unordered ?? false,
        beginning: summary.beginning ?? true,
        ending: summary.ending ?? true,
        immediate: false,
        payload: payloadOf(summary) ?? new Uint8Array(summary.payloadBytes ?? 0),
      };
    case "INIT":
      return { type: "INIT", ...initFields, parameters: addresses };
    case "INIT_ACK":
      return {
        type: "INIT_ACK",
        ...initFields,
        parameters: [...addresses, { type: "STATE_COOKIE", cookie }],
      };
    case "SACK":
      return {
        type: "SACK",
        cumulativeTsn: tsn(summary.cumulativeTsn ?? 0),
        advertisedWindow: summary.advertisedWindow ?? 0,
        gaps: [],
        duplicates: (summary.duplicateTsns ?? []).map((duplicate) => tsn(duplicate)),
      };
    case "COOKIE_ECHO":
      return { type: "COOKIE_ECHO", cookie };
    case "COOKIE_ACK":
      return { type: "COOKIE_ACK" };
    case "HEARTBEAT":
      return { type: "HEARTBEAT", info: new Uint8Array(8) };
    case "HEARTBEAT_ACK":
      return { type: "HEARTBEAT_ACK", info: new Uint8Array(8) };
    case "ABORT":
      return { type: "ABORT", tagReflected: false, causes: [] };
    default:
      throw new Error(`the frame builder has no ${summary.type}`);
  }
}

function ipv4HeaderChecksum(header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An Ethernet frame with SCTP in UDP in IPv4, as a capture of the summary's packet would show it. */
export function frameOf(sctp: SctpSummary, payloadOf: PayloadOf = () => undefined): Uint8Array {
  const packet = writePacket({
    sourcePort: sctp.sourcePort,
    destinationPort: sctp.destinationPort,
    verificationTag: sctp.verificationTag,
    chunks: sctp.chunks.map((chunk) => chunkOf(chunk, payloadOf)),
  });
  const frame = new Uint8Array(14 + 20 + 8 + packet.length);
  const view = new DataView(frame.buffer);
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0], 0);
  view.setUint8(14, 0x45);
  view.setUint16(16, 28 + packet.length);
  view.setUint16(20, 0x4000);
  view.setUint8(22, 64);
  view.setUint8(23, 17);
  frame.set(ipv4(sctp.sourceAddress), 26);
  frame.set(ipv4(sctp.destinationAddress), 30);
  view.setUint16(24, ipv4HeaderChecksum(frame.subarray(14, 34)));
  view.setUint16(34, sctp.udpSourcePort ?? 9899);
  view.setUint16(36, sctp.udpDestinationPort ?? 9899);
  view.setUint16(38, 8 + packet.length);
  frame.set(packet, 42);
  return frame;
}
