import { hmac } from "@noble/hashes/hmac.js";
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { assert } from "../base/assert.ts";
import type { AuthChunk, Parameter } from "../wire/index.ts";
import { writeParameter } from "../wire/index.ts";

/** Authenticated chunks (RFC 4895): what both sides said, keys, and the HMAC of a packet. */

/** What one side said in INIT or INIT ACK (sections 3.1 to 3.3). */
export interface AuthenticationTerms {
  readonly random: Uint8Array;
  /** Chunk types that it takes only authenticated; undefined: it sent no list. */
  readonly chunkTypes: readonly number[] | undefined;
  /** HMAC identifiers that its peer has to use, the preferred one first. */
  readonly hmacIds: readonly number[];
}

export interface AgreedAuthentication {
  readonly local: AuthenticationTerms;
  readonly peer: AuthenticationTerms;
}

/** Bytes of a random number; anything else is a violation (section 6.1). */
export const randomBytes = 32;

const sha1Id = 1;
const sha256Id = 3;
/** The algorithms that we take, the preferred one first; they must not change (section 6.1). */
export const ourHmacIds: readonly number[] = [sha256Id, sha1Id];

/** INIT, INIT ACK, SHUTDOWN COMPLETE and AUTH are never authenticated, whatever a list says (section 3.2). */
const exempt = new Set([1, 2, 14, 15]);

export const mayBeAuthenticated = (chunkType: number): boolean => !exempt.has(chunkType);

export const authenticationParameters = (terms: AuthenticationTerms): readonly Parameter[] => [
  { type: "RANDOM", random: terms.random },
  ...(terms.chunkTypes === undefined ? [] : [{ type: "CHUNK_LIST", chunkTypes: terms.chunkTypes } as const]),
  { type: "HMAC_ALGORITHM", hmacIds: terms.hmacIds },
];

/** The terms in the parameters of an INIT or INIT ACK; undefined where its sender does not authenticate. */
export function termsIn(parameters: readonly Parameter[]): AuthenticationTerms | undefined {
  const random = parameters.find((each) => each.type === "RANDOM")?.random;
  const hmacIds = parameters.find((each) => each.type === "HMAC_ALGORITHM")?.hmacIds;
  const chunkTypes = parameters.find((each) => each.type === "CHUNK_LIST")?.chunkTypes;
  if (random === undefined || hmacIds === undefined || !hmacIds.some((id) => ourHmacIds.includes(id)))
    return undefined;
  // Copies: what is agreed on outlives the packet.
  return { random: random.slice(), chunkTypes, hmacIds };
}

/** Key vector of one side: its parameters with their headers, without padding (section 6.1). */
function keyVector(terms: AuthenticationTerms): Uint8Array {
  const parts = authenticationParameters(terms).map(writeParameter);
  return concatenated(...parts);
}

function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The order of two vectors as numbers; equal numbers go by length. */
function compareVectors(a: Uint8Array, b: Uint8Array): number {
  const width = Math.max(a.length, b.length);
  for (let at = 0; at < width; at++) {
    const digitA = a[at - width + a.length] ?? 0;
    const digitB = b[at - width + b.length] ?? 0;
    if (digitA !== digitB) return digitA - digitB;
  }
  return a.length - b.length;
}

/** The association shared key that belongs to an endpoint pair shared key (section 6.1). */
export function associationKey(agreed: AgreedAuthentication, secret: Uint8Array): Uint8Array {
  const local = keyVector(agreed.local);
  const peer = keyVector(agreed.peer);
  return compareVectors(local, peer) <= 0
    ? concatenated(secret, local, peer)
    : concatenated(secret, peer, local);
}

const headerBytes = 8;

/** Bytes of the HMAC of an algorithm; undefined where we do not have it. */
export function hmacBytes(hmacId: number): number | undefined {
  if (hmacId === sha1Id) return sha1.outputLen;
  return hmacId === sha256Id ? sha256.outputLen : undefined;
}

/** HMAC over the AUTH chunk at `authAt`, as if its HMAC were zeros, and everything up to `end` (section 6.2). */
export function hmacOf(
  bytes: Uint8Array,
  authAt: number,
  end: number,
  hmacId: number,
  key: Uint8Array,
): Uint8Array {
  const length = hmacBytes(hmacId);
  assert(length !== undefined, "only HMAC algorithms that we have are used");
  const zerosEnd = authAt + headerBytes + length;
  return hmac
    .create(hmacId === sha1Id ? sha1 : sha256, key)
    .update(bytes.subarray(authAt, authAt + headerBytes))
    .update(new Uint8Array(length))
    .update(bytes.subarray(zerosEnd, end))
    .digest();
}

/** Whether the AUTH chunk, which lies in `packet`, fits what is behind it. Takes the same time wherever it differs. */
export function isAuthentic(packet: Uint8Array, chunk: AuthChunk, key: Uint8Array): boolean {
  if (chunk.hmac.length !== hmacBytes(chunk.hmacId)) return false;
  const authAt = chunk.hmac.byteOffset - packet.byteOffset - headerBytes;
  const expected = hmacOf(packet, authAt, packet.length, chunk.hmacId, key);
  let difference = 0;
  for (let at = 0; at < expected.length; at++) difference |= (expected[at] ?? 0) ^ (chunk.hmac[at] ?? 0);
  return difference === 0;
}
