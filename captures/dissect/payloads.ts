import { byteSource } from "../../agents/sctp/base/bytes.ts";
import { parsePacket } from "../../agents/sctp/wire/index.ts";
import type { DissectOptions } from "./layers.ts";
import { walkFrame } from "./walk-frame.ts";

/** The first fragment of a user message, or all of it. */
export interface FirstFragment {
  readonly tsn: number;
  readonly payload: Uint8Array;
}

/**
 * What the DATA and I-DATA chunks of a captured frame carry that begin a message (RFC 9260 section 3.3.1); none
 * for a frame without SCTP. Link types as in `dissectFrame`. Never throws.
 */
export function firstFragments(
  bytes: Uint8Array,
  linkType: number,
  options: DissectOptions = {},
): FirstFragment[] {
  const { sctp } = walkFrame(byteSource(bytes), linkType, options);
  const parsed = sctp === undefined ? undefined : parsePacket(bytes.subarray(sctp.start, sctp.end));
  if (parsed?.ok !== true) return [];
  return parsed.packet.chunks.flatMap((chunk): FirstFragment[] => {
    if ((chunk.type !== "DATA" && chunk.type !== "I_DATA") || !chunk.beginning) return [];
    return [{ tsn: chunk.tsn, payload: chunk.payload }];
  });
}
