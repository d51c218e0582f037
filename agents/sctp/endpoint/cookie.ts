import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { assert } from "../base/assert.ts";
import type { InitAckChunk, InitChunk } from "../wire/index.ts";
import { parsePacket, writePacket } from "../wire/index.ts";

const macBytes = 32;
const addressAt = macBytes + 8 + 4 + 4 + 4;
/** Longest text of an IPv6 address, with IPv4 at its end. */
const addressBytes = 45;
const fixedBytes = addressAt + 1 + addressBytes;

/**
 * What a state cookie carries (RFC 9260 section 5.1.3): both chunks of the handshake, so that no state
 * is kept before COOKIE ECHO, and the tie-tags of section 5.2.2.
 */
export interface CookieContent {
  readonly createdAtMs: number;
  readonly lifeMs: number;
  /** Tags of an association with the same peer that existed when the cookie was made; else 0. */
  readonly tieLocalTag: number;
  readonly tiePeerTag: number;
  /** Where INIT came from and INIT ACK went: what the peer proves by echoing the cookie (section 5.4, rule 2). */
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly localPort: number;
  readonly peerInit: InitChunk;
  /** Our INIT ACK without the cookie. */
  readonly localInitAck: InitAckChunk;
}

export function sealCookie(content: CookieContent, key: Uint8Array): Uint8Array {
  const ports = { sourcePort: content.peerPort, destinationPort: content.localPort, verificationTag: 0 };
  const init = writePacket({ ...ports, chunks: [content.peerInit] });
  const initAck = writePacket({ ...ports, chunks: [content.localInitAck] });
  const cookie = new Uint8Array(fixedBytes + init.length + initAck.length);
  const view = new DataView(cookie.buffer);
  view.setFloat64(macBytes, content.createdAtMs);
  view.setUint32(macBytes + 8, content.lifeMs);
  view.setUint32(macBytes + 12, content.tieLocalTag);
  view.setUint32(macBytes + 16, content.tiePeerTag);
  assert(content.peerAddress.length <= addressBytes, "an address has at most 45 letters");
  view.setUint8(addressAt, content.peerAddress.length);
  for (let index = 0; index < content.peerAddress.length; index++)
    view.setUint8(addressAt + 1 + index, content.peerAddress.charCodeAt(index));
  cookie.set(init, fixedBytes);
  cookie.set(initAck, fixedBytes + init.length);
  cookie.set(hmac(sha256, key, cookie.subarray(macBytes)), 0);
  return cookie;
}

/** The content of a cookie that was sealed with `key`; undefined for any other bytes. */
export function openCookie(cookie: Uint8Array, key: Uint8Array): CookieContent | undefined {
  if (cookie.length < fixedBytes) return undefined;
  if (!sameMac(cookie.subarray(0, macBytes), hmac(sha256, key, cookie.subarray(macBytes)))) return undefined;
  const view = new DataView(cookie.buffer, cookie.byteOffset, cookie.length);
  const first = cookie.subarray(fixedBytes);
  const initBytes = 12 + ((new DataView(first.buffer, first.byteOffset).getUint16(14) + 3) & ~3);
  const init = parsePacket(first.subarray(0, initBytes));
  const initAck = parsePacket(first.subarray(initBytes));
  if (!init.ok || !initAck.ok) return undefined;
  const [peerInit] = init.packet.chunks;
  const [localInitAck] = initAck.packet.chunks;
  if (peerInit?.type !== "INIT" || localInitAck?.type !== "INIT_ACK") return undefined;
  return {
    createdAtMs: view.getFloat64(macBytes),
    lifeMs: view.getUint32(macBytes + 8),
    tieLocalTag: view.getUint32(macBytes + 12),
    tiePeerTag: view.getUint32(macBytes + 16),
    peerAddress: String.fromCharCode(
      ...cookie.subarray(addressAt + 1, addressAt + 1 + view.getUint8(addressAt)),
    ),
    peerPort: init.packet.sourcePort,
    localPort: init.packet.destinationPort,
    peerInit,
    localInitAck,
  };
}

/** Takes the same time wherever the first difference is. */
function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < macBytes; index++) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}
