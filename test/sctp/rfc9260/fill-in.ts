import type { Sketch } from "./sketches.ts";
import { ipv4 } from "./sketches.ts";

/** What the scripted peer says of itself. */
interface Speaker {
  readonly tag: number;
  readonly cookie: Uint8Array;
  readonly addresses: readonly string[];
  readonly setting: {
    readonly peerWindow?: number;
    readonly peerInitialTsn?: number;
    readonly peerParameters?: readonly Readonly<Record<string, unknown>>[];
  };
}

/** What in a sketch counts from the endpoint's first TSN, in its own numbers. */
export function translated(
  sketch: Sketch,
  theirs: (tsn: unknown) => number,
): Readonly<Record<string, unknown>> {
  if (sketch.type === "SACK" || sketch.type === "SHUTDOWN")
    return { cumulativeTsn: theirs(sketch["cumulativeTsn"]) };
  if (sketch.type === "ECNE") return { lowestTsn: theirs(sketch["lowestTsn"]) };
  return {};
}

/** What a sketch leaves out: the usual values of a well-behaved peer. */
export function ordinary(sketch: Sketch, peer: Speaker): Readonly<Record<string, unknown>> {
  const { peerWindow, peerInitialTsn = 1, peerParameters = [] } = peer.setting;
  switch (sketch.type) {
    case "DATA":
      return {
        streamId: 0,
        ssn: sketch["unordered"] === true ? 0 : ((sketch["tsn"] as number) - peerInitialTsn) & 0xffff,
        ppid: 0,
        unordered: false,
        beginning: true,
        ending: true,
        immediate: false,
        payload: new Uint8Array((sketch["size"] as number | undefined) ?? 100).fill(Number(sketch["tsn"])),
      };
    case "I_DATA":
      return { ...wholeIData, payload: new Uint8Array((sketch["size"] as number | undefined) ?? 100) };
    case "FORWARD_TSN":
    case "I_FORWARD_TSN":
      return { streams: [] };
    case "SACK":
      return { advertisedWindow: peerWindow ?? 65_536 };
    case "INIT":
    case "INIT_ACK":
      return {
        initiateTag: peer.tag,
        advertisedWindow: peerWindow ?? 65_536,
        outboundStreams: 10,
        inboundStreams: 10,
        initialTsn: peerInitialTsn,
        parameters: [
          ...(peer.addresses.length > 1 ? peer.addresses.map(ipv4) : []),
          ...(sketch.type === "INIT_ACK" ? [{ type: "STATE_COOKIE", cookie: COOKIE }] : []),
          ...peerParameters,
        ],
      };
    case "COOKIE_ECHO":
      return { cookie: peer.cookie };
    case "HEARTBEAT":
    case "HEARTBEAT_ACK":
      return { info: Uint8Array.from([1, 2, 3, 4]) };
    case "SHUTDOWN_COMPLETE":
      return { tagReflected: false };
    case "ABORT":
      return { tagReflected: false, causes: [] };
    default:
      return {};
  }
}

/** The first message of a stream, in one chunk. */
const wholeIData = {
  streamId: 0,
  messageId: 0,
  fsn: 0,
  ppid: 0,
  unordered: false,
  beginning: true,
  ending: true,
  immediate: false,
};

/** What the scripted peer sends as a cookie: to the endpoint, it is only bytes. */
export const COOKIE: Uint8Array = Uint8Array.from({ length: 40 }, (_, index) => index);
