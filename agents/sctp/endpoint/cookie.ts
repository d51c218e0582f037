import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { assert } from "../base/assert.ts";
import { addressBytes, byteSource, ipv4Text, ipv6Text } from "../base/bytes.ts";
import type { InitAckChunk, InitChunk } from "../wire/index.ts";
import { chunkLength, parseChunkAt, writeChunk } from "../wire/index.ts";
import type { TieTags } from "./tie-tags.ts";

/**
 * A state cookie (RFC 9260 section 5.1.3):
 *
 *   | 16 bytes of HMAC-SHA-256 over all that follows                |
 *   | created at, milliseconds, 64-bit floating point               |
 *   | life, milliseconds                                            |
 *   | local tie-tag                 | peer's tie-tag (32 bits each) |
 *   | peer's port                   | local port                    |
 *   | IP version    | 0             | addresses of ours left out    |
 *   | peer's address, 4 or 16 of 16 bytes                           |
 *   | INIT chunk of the peer        | our INIT ACK chunk            |
 */
const macBytes = 16;
const lifeAt = macBytes + 8;
const tieTagsAt = lifeAt + 4;
const portsAt = tieTagsAt + 8;
const versionAt = portsAt + 4;
const leftOutAt = versionAt + 2;
const addressAt = versionAt + 4;
const fixedBytes = addressAt + 16;

/** Both chunks of the handshake, so that no state is kept before COOKIE ECHO. */
export interface CookieContent {
  readonly createdAtMs: number;
  readonly lifeMs: number;
  /** Of an association with the same peer that existed when the cookie was made. */
  readonly tieTags: TieTags;
  /** Where INIT ACK went: what the peer proves by echoing the cookie (section 5.4, rule 2). */
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly localPort: number;
  /** Bit n: INIT ACK did not list the n-th of our addresses, since nobody was there; the peer is told later (RFC 5061). */
  readonly leftOut: number;
  /** With the parameters that this stack acts upon. */
  readonly peerInit: InitChunk;
  /** With the parameters that count for the agreement. */
  readonly localInitAck: InitAckChunk;
}

export function sealCookie(content: CookieContent, key: Uint8Array): Uint8Array {
  const initBytes = chunkLength(content.peerInit);
  const cookie = new Uint8Array(fixedBytes + initBytes + chunkLength(content.localInitAck));
  const { view } = byteSource(cookie);
  view.setFloat64(macBytes, content.createdAtMs);
  view.setUint32(lifeAt, content.lifeMs);
  view.setUint32(tieTagsAt, content.tieTags.local);
  view.setUint32(tieTagsAt + 4, content.tieTags.peer);
  view.setUint16(portsAt, content.peerPort);
  view.setUint16(portsAt + 2, content.localPort);
  const version = content.peerAddress.includes(":") ? 6 : 4;
  view.setUint8(versionAt, version);
  view.setUint16(leftOutAt, content.leftOut);
  cookie.set(addressBytes(content.peerAddress, version === 6 ? 16 : 4), addressAt);
  cookie.set(writeChunk(content.peerInit), fixedBytes);
  cookie.set(writeChunk(content.localInitAck), fixedBytes + initBytes);
  cookie.set(seal(cookie, key), 0);
  return cookie;
}

const seal = (cookie: Uint8Array, key: Uint8Array): Uint8Array =>
  hmac(sha256, key, cookie.subarray(macBytes)).subarray(0, macBytes);

/** The content of a cookie that was sealed with `key`; undefined for any other bytes. */
export function openCookie(cookie: Uint8Array, key: Uint8Array): CookieContent | undefined {
  if (cookie.length <= fixedBytes || !sameMac(cookie.subarray(0, macBytes), seal(cookie, key)))
    return undefined;
  const { view } = byteSource(cookie);
  const init = parseChunkAt(cookie, fixedBytes);
  assert("type" in init.parsed && init.parsed.type === "INIT", "a sealed cookie begins with INIT");
  const initAck = parseChunkAt(cookie, init.next);
  assert("type" in initAck.parsed && initAck.parsed.type === "INIT_ACK", "and ends with INIT ACK");
  return {
    createdAtMs: view.getFloat64(macBytes),
    lifeMs: view.getUint32(lifeAt),
    tieTags: { local: view.getUint32(tieTagsAt), peer: view.getUint32(tieTagsAt + 4) },
    peerAddress: view.getUint8(versionAt) === 6 ? ipv6Text(view, addressAt) : ipv4Text(view, addressAt),
    peerPort: view.getUint16(portsAt),
    localPort: view.getUint16(portsAt + 2),
    leftOut: view.getUint16(leftOutAt),
    peerInit: init.parsed,
    localInitAck: initAck.parsed,
  };
}

/** Takes the same time wherever the first difference is. */
function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < macBytes; index++) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}
