import type { AuthChunk, Chunk } from "../wire/index.ts";
import { chunkTypeNumber } from "../wire/index.ts";
import type { AgreedAuthentication } from "./authentication.ts";
import {
  associationKey,
  hmacBytes,
  hmacOf,
  isAuthentic,
  mayBeAuthenticated,
  ourHmacIds,
} from "./authentication.ts";
import type { KeyRing } from "./key-ring.ts";

const headerBytes = 8;
const empty: Uint8Array = new Uint8Array(0);

/** What passed of a packet, and what is to be done about the rest. */
export interface Admitted {
  /** Chunks that may be processed; AUTH is not among them. */
  readonly chunks: readonly Chunk[];
  /** The peer is to be told that we do not take this algorithm (section 6.3). */
  readonly unsupportedHmacId?: number;
  /** The peer authenticates with another key than before. */
  readonly newKeyId?: number;
}

/** Authentication of one association (RFC 4895 section 6): which chunks, with which key. */
export class Authenticator {
  readonly #agreed: AgreedAuthentication;
  readonly #ring: KeyRing;
  readonly #wanted: ReadonlySet<number>;
  readonly #required: ReadonlySet<number>;
  readonly #hmacId: number;
  /** Association keys that were worked out. */
  readonly #keys: Map<number, Uint8Array> = new Map<number, Uint8Array>();
  /** Key that the peer used last. */
  peerKeyId: number;

  /** `always`: chunk types that both sides authenticate without a word in their lists. */
  constructor(agreed: AgreedAuthentication, ring: KeyRing, always: readonly number[]) {
    this.#agreed = agreed;
    this.#ring = ring;
    const typesOf = (list: readonly number[] | undefined): ReadonlySet<number> =>
      new Set([...(list ?? []), ...always].filter(mayBeAuthenticated));
    this.#wanted = typesOf(agreed.peer.chunkTypes);
    this.#required = typesOf(agreed.local.chunkTypes);
    this.#hmacId = agreed.peer.hmacIds.find((id) => ourHmacIds.includes(id)) ?? 1;
    this.peerKeyId = ring.activeKeyId;
  }

  /** Whether the peer takes chunks of this type only behind AUTH. */
  peerRequires(chunkType: number): boolean {
    return this.#wanted.has(chunkType);
  }

  requires(chunkType: number): boolean {
    return this.#required.has(chunkType);
  }

  /** Bytes of the AUTH chunks that we send. */
  get chunkBytes(): number {
    return headerBytes + (hmacBytes(this.#hmacId) ?? 0);
  }

  /** The AUTH chunk that stands in a packet until the packet is complete. */
  placeholder(): AuthChunk {
    const hmac = new Uint8Array(this.chunkBytes - headerBytes);
    return { type: "AUTH", sharedKeyId: this.#ring.activeKeyId, hmacId: this.#hmacId, hmac };
  }

  /** Completes the AUTH chunk at `authAt` of a packet that ends at `end`. */
  sign(bytes: Uint8Array, authAt: number, end: number): void {
    const keyId = (bytes[authAt + 4]! << 8) | bytes[authAt + 5]!;
    const key = this.#keyOf(keyId) ?? associationKey(this.#agreed, empty);
    bytes.set(hmacOf(bytes, authAt, end, this.#hmacId, key), authAt + headerBytes);
  }

  #keyOf(keyId: number): Uint8Array | undefined {
    const known = this.#keys.get(keyId);
    if (known !== undefined) return known;
    const secret = this.#ring.get(keyId);
    if (secret === undefined) return undefined;
    const key = associationKey(this.#agreed, secret);
    this.#keys.set(keyId, key);
    return key;
  }

  /** A key was replaced or deleted. */
  forgetKey(keyId: number): void {
    this.#keys.delete(keyId);
  }

  /**
   * Sorts out what may be processed of a packet (section 6.3). Chunks that have to be authenticated and
   * are not are passed over; behind an AUTH chunk that is not right nothing counts.
   */
  admit(chunks: readonly Chunk[], packet: Uint8Array): Admitted {
    const admitted: Chunk[] = [];
    let authenticated = false;
    let newKeyId: number | undefined;
    for (const chunk of chunks) {
      if (chunk.type !== "AUTH") {
        if (authenticated || !this.#required.has(chunkTypeNumber(chunk))) admitted.push(chunk);
        continue;
      }
      // The first one covers all that follows.
      if (authenticated) continue;
      if (!this.#agreed.local.hmacIds.includes(chunk.hmacId))
        return { chunks: admitted, unsupportedHmacId: chunk.hmacId };
      const key = this.#keyOf(chunk.sharedKeyId);
      if (key === undefined || !isAuthentic(packet, chunk, key)) return { chunks: admitted };
      authenticated = true;
      if (chunk.sharedKeyId !== this.peerKeyId) newKeyId = chunk.sharedKeyId;
    }
    if (newKeyId === undefined) return { chunks: admitted };
    this.peerKeyId = newKeyId;
    return { chunks: admitted, newKeyId };
  }
}
