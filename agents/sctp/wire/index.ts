/**
 * The front door of the wire codec: SCTP packets as bytes and as readonly values. Whatever a peer sends
 * is read without throwing; only our own values are asserted when they are written.
 */
export { parsePacket, parseChunkAt, writePacket, packetChecksum, sealPacket } from "./packet.ts";
export type { PacketFlaw, ParsedPacket, SctpPacket } from "./packet.ts";
export {
  chunkLength,
  chunkTypeName,
  chunkTypeNumber,
  describeChunk,
  writeChunk,
  writeChunkInto,
} from "./chunks/index.ts";
export { commonHeaderBytes, dataHeaderBytes, iDataHeaderBytes } from "./sizes.ts";
export { PacketArena } from "./packet-arena.ts";
export type { Chunk, ChunkAt } from "./chunks/index.ts";
export { WireFlaw } from "./codec.ts";
export { chunkAction, parameterAction } from "./unknown-action.ts";
export type { UnknownAction } from "./unknown-action.ts";
export { parseParameterAt, parseCauseAt } from "./parts.ts";
export { describeParameter, writeParameter } from "./params/index.ts";
export type { Parameter } from "./params/index.ts";
export { describeCause } from "./causes/index.ts";
export type { Cause } from "./causes/index.ts";
export { addressParameter } from "./params/ip-address.ts";
export type { AddressParameter } from "./params/ip-address.ts";
export type { TlvAt } from "./tlv.ts";

export type { AbortChunk } from "./chunks/abort.ts";
export type { AsconfChunk } from "./chunks/asconf.ts";
export type { AsconfAckChunk } from "./chunks/asconf-ack.ts";
export type { AuthChunk } from "./chunks/auth.ts";
export type { CookieEchoChunk } from "./chunks/cookie-echo.ts";
export type { DataChunk } from "./chunks/data.ts";
export type { CwrChunk, EcneChunk } from "./chunks/ecn.ts";
export type { ErrorChunk } from "./chunks/error.ts";
export type { ForwardTsnChunk } from "./chunks/forward-tsn.ts";
export type { HeartbeatAckChunk, HeartbeatChunk } from "./chunks/heartbeat.ts";
export type { IDataChunk } from "./chunks/i-data.ts";
export type { IForwardTsnChunk } from "./chunks/i-forward-tsn.ts";
export type { InitAckChunk, InitChunk } from "./chunks/init.ts";
export type { PadChunk } from "./chunks/pad.ts";
export type { ReConfigChunk } from "./chunks/re-config.ts";
export type { SackChunk } from "./chunks/sack.ts";
export type { ShutdownChunk } from "./chunks/shutdown.ts";
export type { UnknownChunk } from "./chunks/unknown.ts";
export type { CookieAckChunk, ShutdownAckChunk, ShutdownCompleteChunk } from "./chunks/without-value.ts";
