import * as z from "zod";
import type { AuthenticationTerms, EndpointSnapshot, ProtocolParameters, Tsn } from "../../sctp/index.ts";
import { schedulerNames } from "../../sctp/index.ts";

/** What the parts of a snapshot look like; whatever does not is refused, unknown fields too. */

type AssociationSnapshot = EndpointSnapshot["associations"][number];
type Call = EndpointSnapshot["connecting"][number];
type Path = AssociationSnapshot["paths"][number];

const whole = (limit: number): z.ZodInt => z.int().min(0).max(limit);
const bit8 = whole(0xff);
const bit16 = whole(0xffff);
export const bit32: z.ZodInt = whole(0xffff_ffff);
const count = whole(Number.MAX_SAFE_INTEGER);
const tsn = z.custom<Tsn>((value) => bit32.safeParse(value).success, "a TSN is a number of 32 bits");
/** Milliseconds, or a figure that may be infinite, but a number. */
const real = z.number().or(z.literal([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]));
const duration = real.refine((value) => value >= 0, "a duration is not negative");
const bytes = (limit: number): z.ZodType<Uint8Array> =>
  z.instanceof(Uint8Array).refine(({ length }) => length <= limit, `at most ${limit} bytes`);
const text = z.string().max(64);
const address = text.min(2);
const optional = <T extends z.ZodType>(type: T): z.ZodUnion<readonly [T, z.ZodUndefined]> =>
  z.union([type, z.undefined()]);

const longestMessageBytes = 16 * 1024 * 1024;
/** Streams, chunks and messages of one association. */
const most = 65_536;

const extensions = z.strictObject({
  partialReliability: z.boolean(),
  interleaving: z.boolean(),
  authentication: z.boolean(),
  addressReconfiguration: z.boolean(),
  streamReconfiguration: z.boolean(),
  ecn: z.boolean(),
});

export const parametersShape: z.ZodType<ProtocolParameters> = z.strictObject({
  rtoInitialMs: duration,
  rtoMinMs: duration,
  rtoMaxMs: duration,
  maxBurst: count,
  validCookieLifeMs: duration,
  associationMaxRetrans: count,
  pathMaxRetrans: count,
  potentiallyFailedMaxRetrans: real,
  primarySwitchoverMaxRetrans: real,
  maxInitRetransmits: count,
  maxInitTimeoutMs: duration.exactOptional(),
  heartbeatIntervalMs: duration,
  heartbeatEnabled: z.boolean(),
  sackDelayMs: duration,
  sackFrequency: count,
  packetSizeBytes: bit16,
  outboundStreams: bit16,
  maxInboundStreams: bit16,
  receiveBufferBytes: count,
  fragmentInterleave: z.literal([0, 1, 2]),
  partialDeliveryPointBytes: count,
  sendBufferBytes: count,
  maxMessageBytes: count,
  maxPeerAddresses: count,
  maxAssociations: count,
  noDelay: z.boolean(),
  pathMtuDiscovery: z.boolean(),
  largestPacketBytes: bit16,
  scheduler: z.enum(schedulerNames),
  streamValues: z
    .array(z.tuple([bit16, bit16]))
    .max(most)
    .exactOptional(),
  maxOutboundStreams: bit16,
  acceptsStreamReset: z.boolean(),
  acceptsAssociationReset: z.boolean(),
  acceptsStreamChange: z.boolean(),
  extensions,
  authenticatedChunkTypes: z.array(bit8).max(256),
  asconfWithoutAuthentication: z.boolean(),
  iForwardTsnUnlisted: z.boolean(),
  refusesAddressChanges: z.boolean(),
  adaptationIndication: bit32.exactOptional(),
});

const terms: z.ZodType<AuthenticationTerms> = z.strictObject({
  random: bytes(most),
  chunkTypes: optional(z.array(bit8).max(256)),
  hmacIds: z.array(bit16).max(256),
});

const message: z.ZodType<Call["waiting"][number]> = z.strictObject({
  streamId: bit16,
  ppid: bit32,
  unordered: z.boolean(),
  payload: bytes(longestMessageBytes),
  immediate: z.boolean().exactOptional(),
  reliability: z
    .union([
      z.strictObject({ policy: z.literal("timed"), lifetimeMs: duration }),
      z.strictObject({ policy: z.literal("limited-retransmissions"), maxRetransmits: count }),
      z.strictObject({ policy: z.literal("priority"), priority: bit32 }),
    ])
    .exactOptional(),
  context: bit32.exactOptional(),
  transferred: z.boolean().exactOptional(),
});

export const callShape: z.ZodType<Call> = z.strictObject({
  offer: z.strictObject({
    tag: bit32.min(1),
    initialTsn: tsn,
    outboundStreams: bit16,
    inboundStreams: bit16,
    authentication: optional(terms),
  }),
  peerPort: bit16,
  addresses: z.array(address).min(1).max(256),
  parameters: parametersShape,
  timeoutsMs: z.array(duration).max(256),
  attempts: count,
  deadlineMs: real,
  cookieIncrementMs: duration,
  cookieEchoedAtMs: real,
  renewedAtMs: optional(real),
  unansweredEchoes: count,
  sequence: count,
  userState: bytes(longestMessageBytes),
  waiting: z.array(message).max(most),
  shutdownWanted: z.boolean(),
  adaptation: optional(bit32),
});

const timer = <Kind extends string>(kind: Kind): z.ZodType<`${Kind} ${string}`> =>
  z.custom<`${Kind} ${string}`>((value) => typeof value === "string" && value.startsWith(`${kind} `), {
    error: `a timer named "${kind} ADDRESS"`,
  });

const congestion: z.ZodType<Path["congestion"]> = z.strictObject({
  windowBytes: count,
  slowStartThresholdBytes: count,
  partialBytesAcked: count,
  onePacketOnly: z.boolean(),
});

const pathShape: z.ZodType<Path> = z.strictObject({
  address,
  t3Timer: timer("t3"),
  heartbeatTimer: timer("heartbeat"),
  mtuTimer: timer("mtu"),
  settings: z.strictObject({
    heartbeatEnabled: z.boolean(),
    heartbeatIntervalMs: duration,
    pathMaxRetrans: count,
    potentiallyFailedMaxRetrans: real,
    pathMtuDiscovery: z.boolean(),
  }),
  heardAt: optional(address),
  remotePort: optional(bit16),
  confirmed: z.boolean(),
  reachability: z.enum(["active", "potentially-failed", "inactive"]),
  errorCount: count,
  packetSizeBytes: bit16,
  mtu: z.strictObject({
    ceilingBytes: count,
    probe: optional(z.strictObject({ nonce: bytes(64), sizeBytes: bit16 })),
    lost: count,
    timeouts: count,
  }),
  rto: z.strictObject({ rtoMs: duration, smoothedRttMs: optional(duration), rttVariationMs: duration }),
  congestion,
  timedOut: optional(z.strictObject({ local: address, congestion })),
  flightBytes: count,
  heartbeat: optional(z.strictObject({ nonce: bytes(64), sentAtMs: real, from: address })),
  lastSentAtMs: real,
  lastDataSentAtMs: real,
  timedTsn: optional(tsn),
  sacked: z.strictObject({
    bytes: count,
    flightBeforeBytes: count,
    earliest: optional(tsn),
    earliestAcked: z.boolean(),
  }),
});

const recovery: z.ZodType<NonNullable<AssociationSnapshot["recovery"]>> = z.strictObject({
  startedAtMs: real,
  firstUnknownTsn: optional(tsn),
  probe: optional(z.strictObject({ tsn, tries: count, sentTo: address, due: z.boolean() })),
  resetFromTsn: optional(tsn),
  lowestTsn: optional(tsn),
  repeated: z.array(z.strictObject({ tsn, firstAtMs: real, count })).max(256),
});

const flight: z.ZodType<AssociationSnapshot["flight"]> = z.strictObject({
  transmissions: z
    .array(
      z.strictObject({
        sequence: count,
        path: optional(address),
        sentFrom: optional(address),
        sentAtMs: real,
        sendCount: count,
        inFlight: z.boolean(),
        gapAcked: z.boolean(),
        missing: count,
        retransmit: optional(z.enum(["t3", "fast", "takeover"])),
        fastRetransmitted: z.boolean(),
      }),
    )
    .max(most),
});

const streams = z.array(bit16).max(most);
const byStream = z.array(z.tuple([bit16, real])).max(most);

const scheduler: z.ZodType<AssociationSnapshot["scheduler"]> = z.strictObject({
  name: z.enum(schedulerNames),
  active: streams,
  current: optional(bit16),
  inTurn: real,
  values: byStream,
  served: byStream,
  paused: streams,
  allPaused: z.boolean(),
  pausedFrom: real,
  held: streams,
});

export const routeShape: z.ZodType<AssociationSnapshot["replyRoute"]> = z.strictObject({
  local: address,
  remote: address,
  remotePort: optional(bit16).exactOptional(),
});

const timerNames = [
  "t1-cookie",
  "t2-shutdown",
  "t5-guard",
  "sack",
  "asconf",
  "window-probe",
  "reconfiguration",
  "probe",
  "peer-reset",
] as const;
const deadlines = z
  .array(z.tuple([z.union([z.enum(timerNames), timer("t3"), timer("heartbeat"), timer("mtu")]), real]))
  .max(1024);

const abandonedMessages = z.strictObject({
  streamId: bit16,
  policy: z.literal(["timed", "limited-retransmissions", "priority"]),
  unsent: count,
  sent: count,
});

/** All but the state, the waiting chunks and the keys, which are written in other ways. */
export const associationShape: z.ZodType<Omit<AssociationSnapshot, "state" | "control" | "keys">> =
  z.strictObject({
    localAddress: address,
    sources: z.array(address).max(256),
    nowMs: real,
    replyRoute: routeShape,
    parameters: parametersShape,
    peerAdvertisedBytes: bit32,
    window: z.strictObject({ holdsDeliveries: z.boolean(), heldBytes: count, advertisedBytes: real }),
    windowClosed: z.boolean(),
    windowProbes: count,
    errorCount: count,
    receivedSequence: count,
    phaseSequence: count,
    sendBlocked: z.boolean(),
    forwardTsnDue: z.boolean(),
    forwardTsn: z.strictObject({ upTo: optional(tsn), sentTo: optional(address), lacking: count }),
    abandonedMessages: z.array(abandonedMessages).max(3 * most),
    shutdownPath: optional(address),
    fastRecoveryExit: optional(tsn),
    ecn: z.strictObject({ marked: optional(tsn), reducedUpTo: optional(tsn) }),
    probedAtMs: real,
    requestDue: z.boolean(),
    requestInProgress: z.boolean(),
    requestPath: optional(address),
    deliveredMeanwhile: optional(z.array(z.tuple([bit16, tsn])).max(most)),
    skippedMeanwhile: optional(z.array(z.tuple([bit16, z.strictObject({ ssn: count, tsn })])).max(most)),
    asconfDue: z.boolean(),
    asconfPath: optional(address),
    wantedPrimary: optional(address),
    recovery: optional(recovery),
    lostAddresses: optional(z.array(address).max(256)),
    lostSinceSequence: optional(count),
    leftUntilMs: optional(z.array(z.tuple([address, real])).max(256)),
    peerKeyId: bit16,
    paths: z.array(pathShape).min(1).max(256),
    flight,
    scheduler,
    sack: z.strictObject({
      packetsWaiting: count,
      due: z.boolean(),
      begun: z.boolean(),
      duplicates: z.array(tsn).max(1024),
    }),
    deadlines,
  });

export const addressesShape: z.ZodType<readonly string[]> = z.array(address).max(256);
export const retiredTagsShape: z.ZodType<EndpointSnapshot["retiredTags"]> = z
  .array(z.tuple([bit32, real]))
  .max(1_000_000);
