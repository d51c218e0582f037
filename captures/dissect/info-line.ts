import type { ChunkSummary, SctpSummary } from "./summary.ts";

/** The packet in one line for a list: its chunks, separated by bars, and what is wrong with it. */
export function infoLine(summary: SctpSummary): string {
  const parts = summary.chunks.map(chunkLine);
  if (summary.truncated) parts.push("[truncated]");
  else if (!summary.checksumGood) parts.push("[bad CRC32c]");
  return parts.length === 0 ? "no chunks" : parts.join(" | ");
}

function chunkLine(chunk: ChunkSummary): string {
  const line = [chunk.type, ...detailsOf(chunk)].join(" ");
  return chunk.malformed === undefined ? line : `${line} [malformed]`;
}

function detailsOf(chunk: ChunkSummary): string[] {
  const details: string[] = [];
  if (chunk.initiateTag !== undefined)
    details.push(`tag=0x${chunk.initiateTag.toString(16).padStart(8, "0")}`);
  if (chunk.cumulativeTsn !== undefined) details.push(`cum=${chunk.cumulativeTsn}`);
  if (chunk.gaps !== undefined) details.push(`gaps=${chunk.gaps.length}`);
  if (chunk.duplicateTsns !== undefined && chunk.duplicateTsns.length > 0) {
    details.push(`dups=${chunk.duplicateTsns.length}`);
  }
  if (chunk.tsn !== undefined) details.push(`tsn=${chunk.tsn}`);
  if (chunk.streamId !== undefined) details.push(`sid=${chunk.streamId}`);
  if (chunk.ssn !== undefined) details.push(`ssn=${chunk.ssn}`);
  if (chunk.ppid !== undefined) details.push(`ppid=${chunk.ppid}`);
  if (chunk.advertisedWindow !== undefined) details.push(`a_rwnd=${chunk.advertisedWindow}`);
  if (chunk.payloadBytes !== undefined) details.push(`(${chunk.payloadBytes} B)`, ...fragmentWords(chunk));
  if (chunk.causes !== undefined && chunk.causes.length > 0) details.push(`causes=${chunk.causes.join(",")}`);
  if (chunk.tagReflected === true) details.push("T");
  return details;
}

/** Nothing for a whole ordered message, which is the rule. */
function fragmentWords(chunk: ChunkSummary): string[] {
  const words = chunk.unordered === true ? ["unordered"] : [];
  if (chunk.beginning === true && chunk.ending === true) return words;
  if (chunk.beginning === true) return [...words, "first fragment"];
  return [...words, chunk.ending === true ? "last fragment" : "middle fragment"];
}
