import type { Chunk, SctpPacket } from "../wire/index.ts";
import { writePacket } from "../wire/index.ts";

/**
 * The answer to a packet that belongs to no association (RFC 9260 section 8.4, rules 2 and 5 to 8), or
 * undefined where silence is the rule. It reflects the sender's tag, with the T bit set.
 */
export function answerOutOfTheBlue(packet: SctpPacket): Uint8Array | undefined {
  // RFC 4895 section 6.3: as if there were no AUTH.
  const answer = answerChunk(packet.chunks.filter(({ type }) => type !== "AUTH"));
  if (answer === undefined) return undefined;
  return writePacket({
    sourcePort: packet.destinationPort,
    destinationPort: packet.sourcePort,
    verificationTag: packet.verificationTag,
    chunks: [answer],
  });
}

function answerChunk(chunks: readonly Chunk[]): Chunk | undefined {
  const contains = (type: Chunk["type"]): boolean => chunks.some((chunk) => chunk.type === type);
  if (chunks.length === 0 || contains("ABORT")) return undefined;
  if (contains("SHUTDOWN_ACK")) return { type: "SHUTDOWN_COMPLETE", tagReflected: true };
  if (contains("SHUTDOWN_COMPLETE") || contains("COOKIE_ACK") || chunks.some(saysStaleCookie))
    return undefined;
  return { type: "ABORT", tagReflected: true, causes: [] };
}

export const saysStaleCookie = (chunk: Chunk): boolean =>
  chunk.type === "ERROR" && chunk.causes.some((cause) => cause.type === "STALE_COOKIE");
