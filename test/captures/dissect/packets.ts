import { writePacket } from "../../../agents/sctp/wire/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { tsn, ssn } from "../../../agents/sctp/base/serial.ts";
import { dissectFrame } from "../../../captures/dissect/index.ts";
import type { SctpSummary } from "../../../captures/dissect/index.ts";
import { buildFrame } from "./frame-builder.ts";

export const RAW = 101;

export interface PacketShape {
  readonly from: string;
  readonly to: string;
  readonly ports?: readonly [source: number, destination: number];
  readonly tag: number;
}

export function frameOf(shape: PacketShape, ...chunks: Chunk[]): Uint8Array {
  const [sourcePort, destinationPort] = shape.ports ?? [7000, 7000];
  const bytes = writePacket({ sourcePort, destinationPort, verificationTag: shape.tag, chunks });
  return buildFrame({ linkType: RAW, version: 4, source: shape.from, destination: shape.to }, bytes);
}

export function packetOf(shape: PacketShape, ...chunks: Chunk[]): SctpSummary {
  const { sctp } = dissectFrame(frameOf(shape, ...chunks), RAW);
  if (sctp === undefined) throw new Error("the test made a frame without SCTP");
  return sctp;
}

export const init = (initiateTag: number, ...addresses: string[]): Chunk => ({
  type: "INIT",
  initiateTag,
  advertisedWindow: 65536,
  outboundStreams: 4,
  inboundStreams: 4,
  initialTsn: tsn(initiateTag),
  parameters: addresses.map((address) => ({ type: "IPV4_ADDRESS", address })),
});

export const initAck = (initiateTag: number, ...addresses: string[]): Chunk => ({
  ...(init(initiateTag, ...addresses) as Extract<Chunk, { type: "INIT" }>),
  type: "INIT_ACK",
});

export const data = (number: number, sizeBytes = 8): Chunk => ({
  type: "DATA",
  tsn: tsn(number),
  streamId: 2,
  ssn: ssn(4),
  ppid: 0,
  unordered: false,
  beginning: true,
  ending: true,
  immediate: false,
  payload: new Uint8Array(sizeBytes),
});

export const sack = (cumulativeTsn: number, gaps: readonly { start: number; end: number }[] = []): Chunk => ({
  type: "SACK",
  cumulativeTsn: tsn(cumulativeTsn),
  advertisedWindow: 65536,
  gaps,
  duplicates: [],
});
