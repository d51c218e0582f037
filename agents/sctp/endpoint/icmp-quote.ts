import { byteSource } from "../base/bytes.ts";

/** What an ICMP message quotes of an SCTP packet of ours. */
export interface QuotedHeader {
  readonly localPort: number;
  readonly peerPort: number;
  /** The verification tag: the peer's. */
  readonly tag: number;
  /** Our own tag, where the packet was an INIT and enough of it is quoted. */
  readonly initiateTag: number | undefined;
}

const initChunkAt = 12;
const initChunkType = 1;

/** Undefined where it is too short, or has the tag 0 and is not an INIT (RFC 9260 section 10, rule ICMP6). */
export function quotedHeader(quoted: Uint8Array): QuotedHeader | undefined {
  if (quoted.length < 8) return undefined;
  const { view } = byteSource(quoted);
  const tag = view.getUint32(4);
  const header = { localPort: view.getUint16(0), peerPort: view.getUint16(2), tag };
  if (tag !== 0) return { ...header, initiateTag: undefined };
  if (quoted.length < initChunkAt + 8 || view.getUint8(initChunkAt) !== initChunkType) return undefined;
  return { ...header, initiateTag: view.getUint32(initChunkAt + 4) };
}
