import type { Extensions, ProtocolParameters } from "../base/parameters.ts";
import { rfc9260Parameters } from "../base/parameters.ts";
import { sendBuffer } from "./options.ts";

/** The extensions that sockets can offer to a peer. */
export const socketExtensions: Extensions = {
  partialReliability: true,
  interleaving: true,
  authentication: true,
  addressReconfiguration: true,
  streamReconfiguration: true,
  ecn: true,
};

/**
 * What a socket starts with: the timers of RFC 9260 section 16; Nagle's algorithm until SCTP_NODELAY (RFC 6458
 * section 8.1.5), no partial delivery between other messages (section 8.1.20), buffers of a customary size, all
 * extensions offered but interleaving (RFC 8260 section 4.3.1), streams in turn (SCTP_SS_DEFAULT, section 4.3.2). No path counts as potentially failed (RFC 7829),
 * which is for users who ask for it.
 */
export const socketParameters: ProtocolParameters = {
  ...rfc9260Parameters,
  ...sendBuffer(256 * 1024),
  receiveBufferBytes: 256 * 1024,
  fragmentInterleave: 0,
  noDelay: false,
  scheduler: "round-robin",
  potentiallyFailedMaxRetrans: 0xffff,
  extensions: { ...socketExtensions, interleaving: false },
};
