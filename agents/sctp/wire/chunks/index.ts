import { assert } from "../../base/assert.ts";
import { byteSource, padded } from "../../base/bytes.ts";
import type { ByteSource } from "../../base/bytes.ts";
import { HEADER_BYTES, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { abort } from "./abort.ts";
import type { AbortChunk } from "./abort.ts";
import { asconfAck } from "./asconf-ack.ts";
import type { AsconfAckChunk } from "./asconf-ack.ts";
import { asconf } from "./asconf.ts";
import type { AsconfChunk } from "./asconf.ts";
import { auth } from "./auth.ts";
import type { AuthChunk } from "./auth.ts";
import { cookieEcho } from "./cookie-echo.ts";
import type { CookieEchoChunk } from "./cookie-echo.ts";
import { data } from "./data.ts";
import type { DataChunk } from "./data.ts";
import { cwr, ecne } from "./ecn.ts";
import type { CwrChunk, EcneChunk } from "./ecn.ts";
import { error } from "./error.ts";
import type { ErrorChunk } from "./error.ts";
import { forwardTsn } from "./forward-tsn.ts";
import type { ForwardTsnChunk } from "./forward-tsn.ts";
import { heartbeat, heartbeatAck } from "./heartbeat.ts";
import type { HeartbeatAckChunk, HeartbeatChunk } from "./heartbeat.ts";
import { iData } from "./i-data.ts";
import type { IDataChunk } from "./i-data.ts";
import { iForwardTsn } from "./i-forward-tsn.ts";
import type { IForwardTsnChunk } from "./i-forward-tsn.ts";
import { init, initAck } from "./init.ts";
import type { InitAckChunk, InitChunk } from "./init.ts";
import { pad } from "./pad.ts";
import type { PadChunk } from "./pad.ts";
import { reConfig } from "./re-config.ts";
import type { ReConfigChunk } from "./re-config.ts";
import { sack } from "./sack.ts";
import type { SackChunk } from "./sack.ts";
import { shutdown } from "./shutdown.ts";
import type { ShutdownChunk } from "./shutdown.ts";
import { unknownChunk } from "./unknown.ts";
import type { UnknownChunk } from "./unknown.ts";
import { cookieAck, shutdownAck, shutdownComplete } from "./without-value.ts";
import type { CookieAckChunk, ShutdownAckChunk, ShutdownCompleteChunk } from "./without-value.ts";

export type Chunk =
  | DataChunk
  | InitChunk
  | InitAckChunk
  | SackChunk
  | HeartbeatChunk
  | HeartbeatAckChunk
  | AbortChunk
  | ShutdownChunk
  | ShutdownAckChunk
  | ErrorChunk
  | CookieEchoChunk
  | CookieAckChunk
  | EcneChunk
  | CwrChunk
  | ShutdownCompleteChunk
  | AuthChunk
  | IDataChunk
  | AsconfAckChunk
  | ReConfigChunk
  | PadChunk
  | ForwardTsnChunk
  | AsconfChunk
  | IForwardTsnChunk
  | UnknownChunk;

const CODECS: { readonly [Type in Chunk["type"]]: Codec<Extract<Chunk, { type: Type }>> } = {
  DATA: data,
  INIT: init,
  INIT_ACK: initAck,
  SACK: sack,
  HEARTBEAT: heartbeat,
  HEARTBEAT_ACK: heartbeatAck,
  ABORT: abort,
  SHUTDOWN: shutdown,
  SHUTDOWN_ACK: shutdownAck,
  ERROR: error,
  COOKIE_ECHO: cookieEcho,
  COOKIE_ACK: cookieAck,
  ECNE: ecne,
  CWR: cwr,
  SHUTDOWN_COMPLETE: shutdownComplete,
  AUTH: auth,
  I_DATA: iData,
  ASCONF_ACK: asconfAck,
  RE_CONFIG: reConfig,
  PAD: pad,
  FORWARD_TSN: forwardTsn,
  ASCONF: asconf,
  I_FORWARD_TSN: iForwardTsn,
  UNKNOWN: unknownChunk,
};

/** By the number on the wire. */
const BY_NUMBER: readonly Codec<Chunk>[] = Array.from(
  { length: 256 },
  (_, typeNumber) =>
    (Object.values(CODECS).find((codec) => codec.typeNumber === typeNumber) ?? unknownChunk) as Codec<Chunk>,
);

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(CODECS).map(([name, codec]) => [codec.typeNumber, name]),
);

const codecFor = (chunk: Chunk): Codec<Chunk> => CODECS[chunk.type] as Codec<Chunk>;

/** For example `DATA`, `COOKIE_ACK`; `UNKNOWN(200)` for a type without a name. */
export const chunkTypeName = (typeNumber: number): string =>
  NAMES.get(typeNumber) ?? `UNKNOWN(${typeNumber})`;

/** Number on the wire of a chunk's type. */
export const chunkTypeNumber = (chunk: Chunk): number =>
  chunk.type === "UNKNOWN" ? chunk.typeNumber : codecFor(chunk).typeNumber;

/** One short line, for example `SACK cum=9 gaps=2 a_rwnd=65536`. */
export const describeChunk = (chunk: Chunk): string => codecFor(chunk).describe(chunk);

/** A chunk and where it lies in the bytes. */
export interface ChunkAt {
  readonly typeNumber: number;
  readonly flags: number;
  /** What the length field says; it may be a lie. */
  readonly statedLength: number;
  readonly start: number;
  /** Behind the last byte of the chunk that is there, padding not counted. */
  readonly end: number;
  /** Where the next chunk begins; the end of the bytes behind the last one. */
  readonly next: number;
  readonly parsed: Chunk | WireFlaw;
}

/** Reads the chunk whose header is at `start`, in a packet that ends at `limit`; `start` < `limit`. */
export function parseChunkIn(source: ByteSource, start: number, limit: number): ChunkAt {
  const left = limit - start;
  const { view } = source;
  const typeNumber = view.getUint8(start);
  if (left < HEADER_BYTES) {
    const parsed = new WireFlaw(start, `${left} bytes are left where a chunk header of 4 bytes should be`);
    return { typeNumber, flags: 0, statedLength: 0, start, end: limit, next: limit, parsed };
  }
  const flags = view.getUint8(start + 1);
  const statedLength = view.getUint16(start + 2);
  if (statedLength < HEADER_BYTES || statedLength > left) {
    const lack =
      statedLength < HEADER_BYTES ? ", less than its header of 4 bytes" : ` where ${left} bytes are left`;
    const parsed = new WireFlaw(start + 2, `${chunkTypeName(typeNumber)} says length ${statedLength}${lack}`);
    return { typeNumber, flags, statedLength, start, end: limit, next: limit, parsed };
  }
  const end = start + statedLength;
  const parsed = BY_NUMBER[typeNumber]!.parse(source, start, end);
  // The padding of the last chunk may be missing: it carries nothing.
  const next = Math.min(start + padded(statedLength), limit);
  return { typeNumber, flags, statedLength, start, end, next, parsed };
}

/** Bytes that the chunk takes in a packet: header and padding included. */
export const chunkLength = (chunk: Chunk): number => padded(codecFor(chunk).length(chunk));

/** Writes the chunk into zeroed bytes; gives its length without padding. */
export function writeChunkInto(chunk: Chunk, out: ByteSource, start: number): number {
  const codec = codecFor(chunk);
  const length = codec.length(chunk);
  assert(length <= 0xffff, "a chunk is at most 65535 bytes long");
  out.view.setUint8(start, codec.typeNumber);
  out.view.setUint16(start + 2, length);
  codec.write(chunk, out, start);
  return length;
}

/** One chunk with its header and without padding, as an Unrecognized Chunk Type cause carries it. */
export function writeChunk(chunk: Chunk): Uint8Array {
  const out = byteSource(new Uint8Array(codecFor(chunk).length(chunk)));
  writeChunkInto(chunk, out, 0);
  return out.bytes;
}
