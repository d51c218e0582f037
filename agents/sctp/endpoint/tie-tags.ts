import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Agreement } from "../association/state.ts";

/** What stands in a cookie for the tags of an association that existed when it was made; both 0: there was none. */
export interface TieTags {
  readonly local: number;
  readonly peer: number;
}

export const noTieTags: TieTags = { local: 0, peer: 0 };

/**
 * The tie-tags of an association (RFC 9260 section 5.2.2). A cookie can be read by whoever gets INIT ACK,
 * so the tags themselves must not be in it (RFC 5062 section 3.3): these are made from them with the
 * cookie key, and every computer that plays the endpoint makes the same ones.
 */
export function tieTagsOf({ localTag, peerTag }: Agreement, key: Uint8Array): TieTags {
  const tags = new Uint8Array(11);
  const view = new DataView(tags.buffer);
  // A cookie is longer, so no seal of a cookie can be one of these.
  tags.set([0x74, 0x69, 0x65]);
  view.setUint32(3, localTag);
  view.setUint32(7, peerTag);
  const digest = hmac(sha256, key, tags);
  const result = new DataView(digest.buffer, digest.byteOffset, digest.length);
  return { local: result.getUint32(0) || 1, peer: result.getUint32(4) || 1 };
}
