import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** A socket of the addon; only the addon looks into it. */
export interface NativeSocket {
  readonly nativeSocket: unique symbol;
}

/** A packet socket of the addon for ARP, or for neighbour discovery, on one device. */
export interface LinkSocket {
  readonly linkSocket: unique symbol;
}

/** Flags of `open`. */
export const openFlags: { readonly raw: 1; readonly gso: 2; readonly gro: 4; readonly ect: 8 } = {
  raw: 1,
  gso: 2,
  gro: 4,
  ect: 8,
};

/** Values for each packet in `receiveFields`: offset, length, peer slot, port, flags (1: new peer, 2: CE). */
export const receiveFieldCount = 5;
/** Values for each packet in the fields of `send`: length, destination, port, flags (1: probe). */
export const sendFieldCount = 4;
/** The bounds of one `send`, and of the tables of addresses. */
export const maxSendPackets = 256;
export const maxDestinations = 1024;

/**
 * The addon in `agents/native`. A number that is an answer is 0 or a negative errno: nothing throws. IPv4 and
 * IPv6 addresses are numbers in text.
 */
export interface NativeIo {
  /** `slotBytes`: the longest datagram that is received whole, 64 to 65536. */
  open(family: 4 | 6, address: string, port: number, flags: number, slotBytes: number): NativeSocket | number;
  /**
   * Begins to receive. `onPackets`: the packets lie in the buffer, which is new each time, as the fields say,
   * which are good until it returns. `onIcmp`: one entry of the error queue (`struct sock_extended_err`).
   */
  start(
    socket: NativeSocket,
    receiveFields: Int32Array,
    onPackets: (bytes: ArrayBuffer, count: number) => void,
    onIcmp: (
      origin: number,
      type: number,
      code: number,
      info: number,
      address: string,
      port: number,
      quoted: ArrayBuffer,
    ) => void,
    onWritable: () => void,
  ): number;
  wantWritable(socket: NativeSocket, wanted: 0 | 1): number;
  localPort(socket: NativeSocket): number;
  /** Packets of others no longer arrive, and `destination` and port of `send` are not looked at. */
  connect(socket: NativeSocket, address: string, port: number): number;
  peerAddress(socket: NativeSocket, slot: number): string | number;
  setDestination(socket: NativeSocket, index: number, address: string): number;
  /**
   * Sends packets that lie one after the other in `bytes`. `results` becomes: sent, refused, the last errno of a
   * refusal, the last packet that was too big or -1. Fewer sent and refused than `count`: there is no room.
   */
  send(
    socket: NativeSocket,
    bytes: Uint8Array,
    fields: Int32Array,
    count: number,
    results: Int32Array,
  ): number;
  /** Datagrams that could not be handed over: truncated, empty, not IP. */
  receiveDrops(socket: NativeSocket): number;
  close(socket: NativeSocket): number;
  /** Needs CAP_NET_RAW. */
  linkOpen(device: string, family: 4 | 6): LinkSocket | number;
  /** Sends what follows the Ethernet header to a link-layer address. */
  linkSend(socket: LinkSocket, to: Uint8Array, bytes: Uint8Array): number;
  /** The link-layer address of a sender, 6 bytes, and what followed its Ethernet header; 0 where nothing is there. */
  linkReceive(socket: LinkSocket): ArrayBuffer | number;
  linkClose(socket: LinkSocket): number;
}

const fileName = "understudy-io.node";

/** Beside the bundle, or where the set-up of a checkout builds it. */
function usualPlaces(): string[] {
  const folder = join("native", `${process.platform}-${process.arch}`);
  return [
    join(import.meta.dirname, folder, fileName),
    join(import.meta.dirname, "../../dist", folder, fileName),
  ];
}

export type LoadedNativeIo =
  | { readonly ok: true; readonly io: NativeIo }
  | { readonly ok: false; readonly reason: string };

/** The addon, or one sentence that says why there is none. `path`: where it lies; default: the usual places. */
export function loadNativeIo(path?: string): LoadedNativeIo {
  const found = path ?? usualPlaces().find((place) => existsSync(place));
  if (found === undefined) {
    return {
      ok: false,
      reason: `the native addon was not built for ${process.platform} ${process.arch}: it needs gcc on the machine that runs the set-up`,
    };
  }
  try {
    return { ok: true, io: createRequire(import.meta.url)(found) as NativeIo };
  } catch (error) {
    return {
      ok: false,
      reason: `the native addon ${found} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
