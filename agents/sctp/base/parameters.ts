/** Extensions of RFC 9260 that one side can offer, or that both sides agreed on. */
export interface Extensions {
  /** RFC 3758. */
  readonly partialReliability: boolean;
  /** RFC 8260: I-DATA in the place of DATA. */
  readonly interleaving: boolean;
  /** RFC 4895. */
  readonly authentication: boolean;
  /** RFC 5061; needs authentication. */
  readonly addressReconfiguration: boolean;
  /** RFC 6525. */
  readonly streamReconfiguration: boolean;
  /** RFC 9260 appendix A. */
  readonly ecn: boolean;
}

export const noExtensions: Extensions = {
  partialReliability: false,
  interleaving: false,
  authentication: false,
  addressReconfiguration: false,
  streamReconfiguration: false,
  ecn: false,
};

/** The stream schedulers of RFC 8260 section 3, in the order of their values in RFC 8260 section 4.3.2. */
export const schedulerNames = [
  "first-come-first-served",
  "round-robin",
  "round-robin-per-packet",
  "priority",
  "fair-bandwidth",
  "weighted-fair-queueing",
] as const;
export type SchedulerName = (typeof schedulerNames)[number];

/** Protocol parameters with the names of RFC 9260 section 16, units last, and the limits of this stack. */
export interface ProtocolParameters {
  readonly rtoInitialMs: number;
  readonly rtoMinMs: number;
  readonly rtoMaxMs: number;
  readonly maxBurst: number;
  readonly validCookieLifeMs: number;
  readonly associationMaxRetrans: number;
  readonly pathMaxRetrans: number;
  /** PFMR of RFC 7829: a path with more consecutive errors than this is potentially failed. */
  readonly potentiallyFailedMaxRetrans: number;
  /** PSMR of RFC 7829: after more errors in a row another path becomes the primary one. Infinity: never. */
  readonly primarySwitchoverMaxRetrans: number;
  readonly maxInitRetransmits: number;
  /** The longest time-out of INIT; without it `rtoMaxMs` (RFC 6458 section 5.3.1). */
  readonly maxInitTimeoutMs?: number;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatEnabled: boolean;
  readonly sackDelayMs: number;
  /** Packets with DATA that may go unacknowledged before a SACK is due. */
  readonly sackFrequency: number;
  /** Largest SCTP packet, common header included: the path MTU without IP and UDP headers. */
  readonly packetSizeBytes: number;
  readonly outboundStreams: number;
  readonly maxInboundStreams: number;
  /** Receive buffer: what the advertised window starts with. */
  readonly receiveBufferBytes: number;
  /** Whether messages may come between the parts of a partial delivery (RFC 6458 section 8.1.20). */
  readonly fragmentInterleave: 0 | 1 | 2;
  /**
   * A message of which so much has come is handed on in parts (RFC 6458 section 8.1.21); with as much as the
   * receive buffer or more, only what would not fit into that (RFC 9260 section 6.9).
   */
  readonly partialDeliveryPointBytes: number;
  /** User data that may wait or be outstanding before `send` answers `queue-full`. */
  readonly sendBufferBytes: number;
  readonly maxMessageBytes: number;
  readonly maxPeerAddresses: number;
  readonly maxAssociations: number;
  /** RFC 6458 section 8.1.5: false: small messages wait while something is in flight, to fill a packet. */
  readonly noDelay: boolean;
  /** RFC 8899: whether each path is probed for the largest packet, or `packetSizeBytes` is what all of them take. */
  readonly pathMtuDiscovery: boolean;
  /** Largest SCTP packet that the search for the path MTU tries. */
  readonly largestPacketBytes: number;
  readonly scheduler: SchedulerName;
  /** Priorities or weights by stream, where they are not 0 (RFC 8260 section 4.3.3). */
  readonly streamValues?: readonly (readonly [streamId: number, value: number])[];
  /** Streams to which a peer may raise the number of ours (RFC 6525 section 5.2.6). */
  readonly maxOutboundStreams: number;
  /** What a peer may ask (RFC 6525 section 6.3.1): by default nothing. */
  readonly acceptsStreamReset: boolean;
  readonly acceptsAssociationReset: boolean;
  readonly acceptsStreamChange: boolean;
  /** What is offered to the peer; used where both sides offer it. */
  readonly extensions: Extensions;
  /** Chunk types that are taken only authenticated, where both sides offer that (RFC 4895 section 3.2). */
  readonly authenticatedChunkTypes: readonly number[];
  /** Whether ASCONF is used with a peer that cannot authenticate it, against RFC 5061 section 4.1.1. */
  readonly asconfWithoutAuthentication: boolean;
  /**
   * Whether a peer with I-DATA and FORWARD TSN is taken for one with I-FORWARD-TSN though it does not list that,
   * against RFC 8260 section 2.3.1: Linux 6.1 is one.
   */
  readonly iForwardTsnUnlisted: boolean;
  /** Whether the peer's requests to add or delete addresses are refused. */
  readonly refusesAddressChanges: boolean;
  /** What INIT and INIT ACK say about our adaptation layer (RFC 5061 section 4.2.6); without it nothing. */
  readonly adaptationIndication?: number;
}

/** The defaults that RFC 9260 section 16 recommends. */
export const rfc9260Parameters: ProtocolParameters = {
  rtoInitialMs: 1000,
  rtoMinMs: 1000,
  rtoMaxMs: 60_000,
  maxBurst: 4,
  validCookieLifeMs: 60_000,
  associationMaxRetrans: 10,
  pathMaxRetrans: 5,
  potentiallyFailedMaxRetrans: 0,
  primarySwitchoverMaxRetrans: Number.POSITIVE_INFINITY,
  maxInitRetransmits: 8,
  heartbeatIntervalMs: 30_000,
  heartbeatEnabled: true,
  sackDelayMs: 200,
  sackFrequency: 2,
  // 1500 less IPv4 (20) and UDP (8).
  packetSizeBytes: 1472,
  outboundStreams: 16,
  maxInboundStreams: 2048,
  receiveBufferBytes: 512 * 1024,
  fragmentInterleave: 1,
  partialDeliveryPointBytes: 128 * 1024,
  sendBufferBytes: 512 * 1024,
  maxMessageBytes: 256 * 1024,
  maxPeerAddresses: 16,
  maxAssociations: 4096,
  noDelay: true,
  pathMtuDiscovery: false,
  largestPacketBytes: 1472,
  scheduler: "first-come-first-served",
  maxOutboundStreams: 2048,
  acceptsStreamReset: false,
  acceptsAssociationReset: false,
  acceptsStreamChange: false,
  extensions: noExtensions,
  authenticatedChunkTypes: [],
  asconfWithoutAuthentication: false,
  iForwardTsnUnlisted: false,
  refusesAddressChanges: false,
};

/**
 * Shorter timers, as telecom operators set them: a lost machine is noticed after tenths of a second.
 * The delayed SACK stays well below RTO.Min, or needless retransmissions follow.
 */
export const telecomParameters: ProtocolParameters = {
  ...rfc9260Parameters,
  rtoInitialMs: 300,
  rtoMinMs: 100,
  rtoMaxMs: 400,
  heartbeatIntervalMs: 1000,
  sackDelayMs: 20,
};
