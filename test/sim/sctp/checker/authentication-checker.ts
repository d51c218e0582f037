import { createHmac } from "node:crypto";
import type { Side } from "../knobs.ts";
import { otherSide } from "../knobs.ts";
import type { AuthenticationOnWire, AuthOnWire } from "./extension-reader.ts";
import type { PacketOnWire } from "./packet-reader.ts";
import { hold } from "./violation.ts";

/** Chunk types that no list can ask for: INIT, INIT ACK, SHUTDOWN COMPLETE and AUTH (RFC 4895 section 3.2). */
const exempt: ReadonlySet<number> = new Set([1, 2, 14, 15]);
const algorithms: Readonly<Record<number, { readonly name: string; readonly bytes: number }>> = {
  1: { name: "sha1", bytes: 20 },
  3: { name: "sha256", bytes: 32 },
};
const headerBytes = 8;

/** RFC 4895, worked out again from what INIT and INIT ACK say: what has to be authenticated, and whether it is. */
export class AuthenticationChecker {
  /** What each side said under a tag of its own: more than one thing only where it called more than once. */
  readonly #terms: Map<string, AuthenticationOnWire[]> = new Map<string, AuthenticationOnWire[]>();
  readonly #secrets: Map<number, Uint8Array> = new Map([[0, new Uint8Array(0)]]);
  readonly #held: Readonly<Record<Side, Set<number>>> = { a: new Set([0]), b: new Set([0]) };
  readonly #active: Record<Side, number> = { a: 0, b: 0 };

  setUp(side: Side, tag: number, terms: AuthenticationOnWire | undefined): void {
    if (terms === undefined) return;
    const known = this.#terms.get(`${side} ${tag}`) ?? [];
    if (!known.some(({ vector }) => vector.equals(terms.vector)))
      this.#terms.set(`${side} ${tag}`, [...known, terms]);
  }

  keySet(side: Side, keyId: number, secret: Uint8Array): void {
    this.#secrets.set(keyId, secret);
    this.#held[side].add(keyId);
  }

  keyActivated(side: Side, keyId: number): void {
    this.#active[side] = keyId;
  }

  keyDeleted(side: Side, keyId: number): void {
    this.#held[side].delete(keyId);
  }

  /** Whether a side takes chunks of this type only authenticated, in the association with this tag of its own. */
  requires(side: Side, tag: number, chunkType: number): boolean {
    return this.#terms.get(`${side} ${tag}`)?.some(({ chunkTypes }) => chunkTypes.has(chunkType)) === true;
  }

  /** What a side sends in an association has AUTH in front of all that its peer takes only so. */
  packetSent(side: Side, association: number, packet: PacketOnWire, bytes: Uint8Array): void {
    const own = this.#terms.get(`${side} ${association}`);
    const peer = this.#terms.get(`${otherSide(side)} ${packet.tag}`);
    if (own === undefined || peer === undefined) return;
    const name = `${side} ${association}`;
    const needs = packet.types.findIndex(
      (type) => !exempt.has(type) && peer.some(({ chunkTypes }) => chunkTypes.has(type)),
    );
    const authAt = packet.types.indexOf(15);
    hold(
      needs < 0 || (authAt >= 0 && authAt < needs),
      "AUTH stands in front of what has to be authenticated (RFC 4895 section 6.2)",
      () => `${name}: chunk types ${packet.types.join(", ")}`,
    );
    const auth = packet.chunks[authAt];
    if (auth?.kind !== "auth") return;
    hold(
      auth.keyId === this.#active[side],
      "what is sent is authenticated with the active key",
      () => `${name}: key ${auth.keyId}, active is ${this.#active[side]}`,
    );
    const good = own.some((mine) => peer.some((theirs) => this.#isGood(auth, bytes, mine, theirs)));
    hold(good, "the HMAC of AUTH is right (RFC 4895 section 6.2)", () => `${name}: key ${auth.keyId}`);
  }

  #isGood(
    { keyId, hmacId, at }: AuthOnWire,
    bytes: Uint8Array,
    own: AuthenticationOnWire,
    peer: AuthenticationOnWire,
  ): boolean {
    const algorithm = algorithms[hmacId];
    const secret = this.#secrets.get(keyId);
    if (algorithm === undefined || secret === undefined) return false;
    const hmacAt = at + headerBytes;
    const digest = hmacOver(bytes, at, algorithm, associationKey(secret, own.vector, peer.vector));
    return digest.equals(bytes.subarray(hmacAt, hmacAt + algorithm.bytes));
  }

  /** What a side may process of a packet that arrived undamaged: nothing behind an AUTH with a key that it has not. */
  admitted(side: Side, packet: PacketOnWire): PacketOnWire {
    const authAt = packet.types.indexOf(15);
    const auth = packet.chunks[authAt];
    if (auth?.kind !== "auth" || this.#held[side].has(auth.keyId)) return packet;
    return { ...packet, chunks: packet.chunks.slice(0, authAt), types: packet.types.slice(0, authAt) };
  }

  /** Writes the right HMAC into the AUTH chunk of a packet of `side`; mutants use it. */
  sign(side: Side, association: number, tag: number, packet: Uint8Array, auth: AuthOnWire): void {
    const own = this.#terms.get(`${side} ${association}`)?.[0];
    const peer = this.#terms.get(`${otherSide(side)} ${tag}`)?.[0];
    const algorithm = algorithms[auth.hmacId];
    const secret = this.#secrets.get(auth.keyId);
    if (own === undefined || peer === undefined || algorithm === undefined || secret === undefined) return;
    const key = associationKey(secret, own.vector, peer.vector);
    packet.set(hmacOver(packet, auth.at, algorithm, key), auth.at + headerBytes);
  }
}

/** Section 6.1: the secret, then the key vector that is the smaller number, then the other one. */
function associationKey(secret: Uint8Array, one: Buffer, other: Buffer): Buffer {
  const width = Math.max(one.length, other.length);
  const wide = (vector: Buffer): Buffer => Buffer.concat([Buffer.alloc(width - vector.length), vector]);
  const order = Buffer.compare(wide(one), wide(other)) || one.length - other.length;
  return Buffer.concat(order <= 0 ? [secret, one, other] : [secret, other, one]);
}

function hmacOver(
  bytes: Uint8Array,
  at: number,
  algorithm: { readonly name: string; readonly bytes: number },
  key: Buffer,
): Buffer {
  return createHmac(algorithm.name, key)
    .update(bytes.subarray(at, at + headerBytes))
    .update(Buffer.alloc(algorithm.bytes))
    .update(bytes.subarray(at + headerBytes + algorithm.bytes))
    .digest();
}
