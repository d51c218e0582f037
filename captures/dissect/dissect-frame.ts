import { byteSource, padded } from "../../agents/sctp/base/bytes.ts";
import { chunkTypeNumber, parseChunkAt, parsePacket, WireFlaw } from "../../agents/sctp/wire/index.ts";
import type { Chunk } from "../../agents/sctp/wire/index.ts";
import { frameOf, summarizeAt, summarizeChunk } from "./chunk-summary.ts";
import type { DissectOptions, FrameLayers } from "./layers.ts";
import type { ChunkSummary, SctpSummary } from "./summary.ts";
import { walkFrame } from "./walk-frame.ts";

export interface Dissection {
  readonly sctp?: SctpSummary;
  /** Why there is no SCTP packet, in one sentence. */
  readonly reason?: string;
}

/**
 * Finds the SCTP packet in a captured frame and gives its flat form. Link types: Ethernet 1, null 0, raw
 * 101 and 12, IPv4 228, IPv6 229, Linux cooked 113 and 276. Never throws, whatever the bytes are.
 */
export function dissectFrame(bytes: Uint8Array, linkType: number, options: DissectOptions = {}): Dissection {
  const layers = walkFrame(byteSource(bytes), linkType, options);
  const sctp = summarizeSctp(bytes, layers);
  if (sctp !== undefined) return { sctp };
  return { reason: layers.reason ?? "no SCTP packet was found" };
}

/** The flat form of the SCTP packet that the layers lead to. */
export function summarizeSctp(frame: Uint8Array, layers: FrameLayers): SctpSummary | undefined {
  const { network, udp, sctp } = layers;
  if (network === undefined || sctp === undefined) return undefined;
  const bytes = frame.subarray(sctp.start, sctp.end);
  const parsed = parsePacket(bytes);
  if (!parsed.ok) return undefined;
  const { chunks, beyondEnd } = summarizeChunks(bytes, parsed.packet.chunks, sctp.cut);
  return {
    sourceAddress: network.source,
    destinationAddress: network.destination,
    transport: udp === undefined ? "ip" : "udp",
    ...(udp === undefined ? {} : { udpSourcePort: udp.sourcePort, udpDestinationPort: udp.destinationPort }),
    sourcePort: parsed.packet.sourcePort,
    destinationPort: parsed.packet.destinationPort,
    verificationTag: parsed.packet.verificationTag,
    checksum: parsed.checksum,
    checksumGood: parsed.checksumGood,
    sctpBytes: bytes.length,
    chunks,
    truncated: sctp.cut || beyondEnd,
  };
}

/** `good` are the chunks up to the first malformed one; those behind it are read one by one. */
function summarizeChunks(
  bytes: Uint8Array,
  good: readonly Chunk[],
  cut: boolean,
): { chunks: ChunkSummary[]; beyondEnd: boolean } {
  const chunks: ChunkSummary[] = [];
  let beyondEnd = false;
  let at = 12;
  for (const chunk of good) {
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    chunks.push(summarizeChunk(frameOf(chunkTypeNumber(chunk), bytes[at + 1] ?? 0, length), chunk));
    at += padded(length);
  }
  while (at < bytes.length) {
    const place = parseChunkAt(bytes, at);
    chunks.push(summarizeAt(bytes, place, cut));
    if (place.parsed instanceof WireFlaw && place.statedLength > place.end - place.start) beyondEnd = true;
    at = place.next;
  }
  return { chunks, beyondEnd };
}
