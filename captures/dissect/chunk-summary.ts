import { chunkTypeName, WireFlaw } from "../../agents/sctp/wire/index.ts";
import type { Chunk, ChunkAt, Parameter } from "../../agents/sctp/wire/index.ts";
import type { ChunkSummary } from "./summary.ts";

/** What every chunk has, whatever is in it. */
type Frame = Pick<ChunkSummary, "type" | "typeNumber" | "flags" | "lengthBytes">;

export const frameOf = (typeNumber: number, flags: number, lengthBytes: number): Frame => ({
  type: chunkTypeName(typeNumber),
  typeNumber,
  flags,
  lengthBytes,
});

/** The flat form of a chunk that was read. */
export function summarizeChunk(frame: Frame, chunk: Chunk): ChunkSummary {
  switch (chunk.type) {
    case "DATA":
      return {
        ...frame,
        tsn: chunk.tsn,
        streamId: chunk.streamId,
        ssn: chunk.ssn,
        ppid: chunk.ppid,
        payloadBytes: chunk.payload.length,
        beginning: chunk.beginning,
        ending: chunk.ending,
        unordered: chunk.unordered,
      };
    case "I_DATA":
      return {
        ...frame,
        tsn: chunk.tsn,
        streamId: chunk.streamId,
        ...(chunk.beginning ? { ppid: chunk.ppid } : {}),
        payloadBytes: chunk.payload.length,
        beginning: chunk.beginning,
        ending: chunk.ending,
        unordered: chunk.unordered,
      };
    case "INIT":
    case "INIT_ACK":
      return {
        ...frame,
        tsn: chunk.initialTsn,
        advertisedWindow: chunk.advertisedWindow,
        initiateTag: chunk.initiateTag,
        addresses: addressesOf(chunk.parameters),
      };
    case "SACK":
      return {
        ...frame,
        cumulativeTsn: chunk.cumulativeTsn,
        advertisedWindow: chunk.advertisedWindow,
        gaps: chunk.gaps.map(({ start, end }) => [
          (chunk.cumulativeTsn + start) >>> 0,
          (chunk.cumulativeTsn + end) >>> 0,
        ]),
        duplicateTsns: chunk.duplicates,
      };
    case "SHUTDOWN":
      return { ...frame, cumulativeTsn: chunk.cumulativeTsn };
    case "FORWARD_TSN":
    case "I_FORWARD_TSN":
      return { ...frame, cumulativeTsn: chunk.newCumulativeTsn };
    case "ABORT":
      return { ...frame, causes: chunk.causes.map(({ code }) => code), tagReflected: chunk.tagReflected };
    case "ERROR":
      return { ...frame, causes: chunk.causes.map(({ code }) => code) };
    case "SHUTDOWN_COMPLETE":
      return { ...frame, tagReflected: chunk.tagReflected };
    default:
      return frame;
  }
}

function addressesOf(parameters: readonly Parameter[]): string[] {
  const addresses: string[] = [];
  for (const parameter of parameters) {
    if (parameter.type === "IPV4_ADDRESS" || parameter.type === "IPV6_ADDRESS")
      addresses.push(parameter.address);
  }
  return addresses;
}

const DATA = 0;
const I_DATA = 64;

/**
 * The flat form of a chunk whose end is not among the bytes because the capture kept only the beginning
 * of each frame: DATA and I-DATA still tell everything but their payload.
 */
function summarizeCut(bytes: Uint8Array, at: ChunkAt): ChunkSummary {
  const frame = frameOf(at.typeNumber, at.flags, at.statedLength);
  const headerBytes = at.typeNumber === I_DATA ? 20 : 16;
  const readable = (at.typeNumber === DATA || at.typeNumber === I_DATA) && at.end - at.start >= headerBytes;
  if (!readable) return { ...frame, malformed: "the capture cut this chunk off" };
  const view = new DataView(bytes.buffer, bytes.byteOffset + at.start, headerBytes);
  const beginning = (at.flags & 0x02) !== 0;
  return {
    ...frame,
    tsn: view.getUint32(4),
    streamId: view.getUint16(8),
    ...(at.typeNumber === DATA ? { ssn: view.getUint16(10) } : {}),
    ...(at.typeNumber === DATA || beginning ? { ppid: view.getUint32(headerBytes - 4) } : {}),
    payloadBytes: at.statedLength - headerBytes,
    beginning,
    ending: (at.flags & 0x01) !== 0,
    unordered: (at.flags & 0x04) !== 0,
  };
}

/** The flat form of whatever lies at a place, good or not; `cut`: the capture kept only the beginning. */
export function summarizeAt(bytes: Uint8Array, at: ChunkAt, cut: boolean): ChunkSummary {
  const frame = frameOf(at.typeNumber, at.flags, at.statedLength);
  if (!(at.parsed instanceof WireFlaw)) return summarizeChunk(frame, at.parsed);
  if (cut && at.statedLength > at.end - at.start) return summarizeCut(bytes, at);
  return { ...frame, malformed: at.parsed.reason };
}
