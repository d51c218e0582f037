import type { Chunk, SctpPacket } from "../wire/index.ts";
import { writePacket } from "../wire/index.ts";

/**
 * The answer to a packet that belongs to no association (RFC 9260 section 8.4), or undefined where
 * silence is the rule. It reflects the sender's tag, with the T bit set.
 */
export function answerOutOfTheBlue(packet: SctpPacket): Uint8Array | undefined {
  const answer = answerChunk(packet.chunks);
  if (answer === undefined) return undefined;
  return writePacket({
    sourcePort: packet.destinationPort,
    destinationPort: packet.sourcePort,
    verificationTag: packet.verificationTag,
    chunks: [answer],
  });
}

function answerChunk(chunks: readonly Chunk[]): Chunk | undefined {
  const silent = (chunk: Chunk): boolean =>
    chunk.type === "ABORT" ||
    chunk.type === "SHUTDOWN_COMPLETE" ||
    chunk.type === "COOKIE_ACK" ||
    chunk.type === "INIT_ACK" ||
    (chunk.type === "ERROR" && chunk.causes.some((cause) => cause.type === "STALE_COOKIE"));
  if (chunks.length === 0 || chunks.some(silent)) return undefined;
  if (chunks.some((chunk) => chunk.type === "SHUTDOWN_ACK"))
    return { type: "SHUTDOWN_COMPLETE", tagReflected: true };
  return { type: "ABORT", tagReflected: true, causes: [] };
}
