import type {
  PeerAddressOption,
  ProtocolParameters,
  ReliabilityPolicy,
  SchedulerName,
  SocketOption,
  SocketStatus,
} from "../sctp/index.ts";
import { schedulerNames, socketParameters } from "../sctp/index.ts";
import type { Request } from "./fields.ts";
import { FieldError, countField, isRequest, optionalCount, textField, textsField } from "./fields.ts";

const commonHeaderBytes = 12;

/** The options of the contract by their C names, from and to the words of the stack. */
interface OptionCodec {
  read?(value: unknown): SocketOption;
  write?(parameters: ProtocolParameters): unknown;
}

const toRequest = (value: unknown): Request => {
  if (!isRequest(value)) throw new FieldError('"value" must be an object');
  return value;
};

/** A plain integer, or the struct that C has for it. */
const toCount = (value: unknown, field: string): number =>
  isRequest(value) ? countField(value, field) : countField({ value }, "value");

/** Leaves out what is not there: the stack takes what is missing for "as it is". */
const given = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };

/** The constants of RFC 8260 section 4.3.2, by name: it gives them no numbers. */
const schedulerConstants: Readonly<Record<SchedulerName, string>> = {
  "first-come-first-served": "SCTP_SS_FCFS",
  "round-robin": "SCTP_SS_RR",
  "round-robin-per-packet": "SCTP_SS_RR_PKT",
  priority: "SCTP_SS_PRIO",
  "fair-bandwidth": "SCTP_SS_FB",
  "weighted-fair-queueing": "SCTP_SS_WFQ",
};

function schedulerOf(value: unknown): SchedulerName {
  const constant = isRequest(value) ? value["assoc_value"] : value;
  if (constant === "SCTP_SS_DEFAULT") return socketParameters.scheduler;
  // Section 3.5 has another name for it.
  const wanted = constant === "SCTP_SS_FC" ? "SCTP_SS_FB" : constant;
  const found = schedulerNames.find((name) => schedulerConstants[name] === wanted);
  if (found === undefined) throw new FieldError(`there is no scheduler ${JSON.stringify(constant)}`);
  return found;
}

const sctpOptions: Readonly<Record<string, OptionCodec>> = {
  SCTP_RTOINFO: {
    read(value) {
      const fields = toRequest(value);
      const [initialMs, minMs, maxMs] = [
        optionalCount(fields, "srto_initial"),
        optionalCount(fields, "srto_min"),
        optionalCount(fields, "srto_max"),
      ];
      return { name: "SCTP_RTOINFO", ...given({ initialMs, minMs, maxMs }) };
    },
    write: ({ rtoInitialMs, rtoMinMs, rtoMaxMs }) => ({
      srto_initial: rtoInitialMs,
      srto_min: rtoMinMs,
      srto_max: rtoMaxMs,
    }),
  },
  SCTP_INITMSG: {
    read(value) {
      const fields = toRequest(value);
      return {
        name: "SCTP_INITMSG",
        ...given({
          outboundStreams: optionalCount(fields, "sinit_num_ostreams"),
          maxInboundStreams: optionalCount(fields, "sinit_max_instreams"),
          maxAttempts: optionalCount(fields, "sinit_max_attempts"),
          maxInitTimeoutMs: optionalCount(fields, "sinit_max_init_timeo"),
        }),
      };
    },
    write: ({ outboundStreams, maxInboundStreams, maxInitRetransmits, maxInitTimeoutMs, rtoMaxMs }) => ({
      sinit_num_ostreams: outboundStreams,
      sinit_max_instreams: maxInboundStreams,
      sinit_max_attempts: maxInitRetransmits,
      sinit_max_init_timeo: maxInitTimeoutMs ?? rtoMaxMs,
    }),
  },
  SCTP_PEER_ADDR_PARAMS: {
    read: (value) => peerAddressOption(toRequest(value)),
    write: (parameters) => ({
      spp_hbinterval: parameters.heartbeatIntervalMs,
      spp_pathmaxrxt: parameters.pathMaxRetrans,
      spp_pathmtu: parameters.packetSizeBytes - commonHeaderBytes,
      spp_flags: [
        parameters.heartbeatEnabled ? "SPP_HB_ENABLE" : "SPP_HB_DISABLE",
        parameters.pathMtuDiscovery ? "SPP_PMTUD_ENABLE" : "SPP_PMTUD_DISABLE",
      ],
    }),
  },
  SCTP_ASSOCINFO: {
    read(value) {
      const fields = toRequest(value);
      const maxRetransmissions = optionalCount(fields, "sasoc_asocmaxrxt");
      const cookieLifeMs = optionalCount(fields, "sasoc_cookie_life");
      return { name: "SCTP_ASSOCINFO", ...given({ maxRetransmissions, cookieLifeMs }) };
    },
    write: ({ associationMaxRetrans, validCookieLifeMs }) => ({
      sasoc_asocmaxrxt: associationMaxRetrans,
      sasoc_cookie_life: validCookieLifeMs,
    }),
  },
  SCTP_DELAYED_SACK: {
    read(value) {
      const fields = toRequest(value);
      const delayMs = optionalCount(fields, "sack_delay");
      const frequency = optionalCount(fields, "sack_freq");
      return { name: "SCTP_DELAYED_SACK", ...given({ delayMs, frequency }) };
    },
    write: ({ sackDelayMs, sackFrequency }) => ({ sack_delay: sackDelayMs, sack_freq: sackFrequency }),
  },
  SCTP_NODELAY: {
    read: (value) => ({ name: "SCTP_NODELAY", on: toCount(value, "assoc_value") > 0 }),
    write: ({ noDelay }) => (noDelay ? 1 : 0),
  },
  SCTP_MAX_BURST: {
    read: (value) => ({ name: "SCTP_MAX_BURST", packets: toCount(value, "assoc_value") }),
    write: ({ maxBurst }) => ({ assoc_value: maxBurst }),
  },
  SCTP_FRAGMENT_INTERLEAVE: {
    read(value) {
      const level = toCount(value, "assoc_value");
      if (level !== 0 && level !== 1 && level !== 2) throw new FieldError("the level is 0, 1 or 2");
      return { name: "SCTP_FRAGMENT_INTERLEAVE", level };
    },
    write: ({ fragmentInterleave }) => fragmentInterleave,
  },
  SCTP_PARTIAL_DELIVERY_POINT: {
    read: (value) => ({ name: "SCTP_PARTIAL_DELIVERY_POINT", bytes: toCount(value, "assoc_value") }),
    write: ({ partialDeliveryPointBytes }) => partialDeliveryPointBytes,
  },
  SCTP_INTERLEAVING_SUPPORTED: {
    read: (value) => ({ name: "SCTP_INTERLEAVING_SUPPORTED", on: toCount(value, "assoc_value") > 0 }),
    write: ({ extensions }) => ({ assoc_value: extensions.interleaving ? 1 : 0 }),
  },
  SCTP_PR_SUPPORTED: {
    read: (value) => ({ name: "SCTP_PR_SUPPORTED", on: toCount(value, "assoc_value") > 0 }),
    write: ({ extensions }) => ({ assoc_value: extensions.partialReliability ? 1 : 0 }),
  },
  SCTP_STREAM_SCHEDULER: {
    read: (value) => ({ name: "SCTP_STREAM_SCHEDULER", scheduler: schedulerOf(value) }),
    write: ({ scheduler }) => ({ assoc_value: schedulerConstants[scheduler] }),
  },
  SCTP_STREAM_SCHEDULER_VALUE: {
    read(value) {
      const fields = toRequest(value);
      const streamId = countField(fields, "stream_id");
      return { name: "SCTP_STREAM_SCHEDULER_VALUE", streamId, value: countField(fields, "stream_value") };
    },
  },
  SCTP_PRIMARY_ADDR: {
    read: (value) => ({ name: "SCTP_PRIMARY_ADDR", address: textField(toRequest(value), "ssp_addr") }),
  },
  SCTP_CONTEXT: {
    read: (value) => ({ name: "SCTP_CONTEXT", context: toCount(value, "assoc_value") }),
  },
};

const socketOptions: Readonly<Record<string, OptionCodec>> = {
  SO_RCVBUF: {
    read: (value) => ({ name: "SO_RCVBUF", bytes: toCount(value, "value") }),
    write: ({ receiveBufferBytes }) => receiveBufferBytes,
  },
  SO_SNDBUF: {
    read: (value) => ({ name: "SO_SNDBUF", bytes: toCount(value, "value") }),
    write: ({ sendBufferBytes }) => sendBufferBytes,
  },
};

export function optionCodec(level: string, name: string): OptionCodec | undefined {
  const options = level === "IPPROTO_SCTP" ? sctpOptions : level === "SOL_SOCKET" ? socketOptions : {};
  return Object.hasOwn(options, name) ? options[name] : undefined;
}

function peerAddressOption(fields: Request): PeerAddressOption {
  const flags = textsField(fields, "spp_flags") ?? [];
  const has = (flag: string): boolean => flags.includes(flag);
  for (const [on, off] of [
    ["SPP_HB_ENABLE", "SPP_HB_DISABLE"],
    ["SPP_PMTUD_ENABLE", "SPP_PMTUD_DISABLE"],
  ] as const) {
    if (has(on) && has(off)) throw new FieldError(`${on} and ${off} exclude each other`);
  }
  const heartbeat = has("SPP_HB_ENABLE")
    ? ("enable" as const)
    : has("SPP_HB_DISABLE")
      ? ("disable" as const)
      : undefined;
  const discovery = has("SPP_PMTUD_ENABLE")
    ? ("enable" as const)
    : has("SPP_PMTUD_DISABLE")
      ? ("disable" as const)
      : undefined;
  const address = fields["spp_address"] === undefined ? undefined : textField(fields, "spp_address");
  return {
    name: "SCTP_PEER_ADDR_PARAMS",
    heartbeatDemand: has("SPP_HB_DEMAND"),
    heartbeatIntervalIsZero: has("SPP_HB_TIME_IS_ZERO"),
    ...given({
      address: address === "" || address === "0.0.0.0" ? undefined : address,
      heartbeat,
      heartbeatIntervalMs: optionalCount(fields, "spp_hbinterval"),
      pathMaxRetransmissions: optionalCount(fields, "spp_pathmaxrxt"),
      pathMtuBytes: optionalCount(fields, "spp_pathmtu"),
      pathMtuDiscovery: discovery,
    }),
  };
}

/** `struct sctp_status`, without the fields that the stack does not have. */
export const statusFields = (status: SocketStatus): Request => ({
  sstat_assoc_id: status.association ?? 0,
  sstat_state: status.state,
  sstat_rwnd: status.peerWindowBytes,
  sstat_unackdata: status.unacknowledgedChunks,
  sstat_penddata: status.pendingChunks,
  sstat_instrms: status.inboundStreams,
  sstat_outstrms: status.outboundStreams,
  sstat_fragmentation_point: status.fragmentationPointBytes,
  ...(status.primaryAddress === undefined ? undefined : { sstat_primary: primaryFields(status) }),
});

const policyConstants = {
  SCTP_PR_SCTP_TTL: "timed",
  SCTP_PR_SCTP_RTX: "limited-retransmissions",
  SCTP_PR_SCTP_PRIO: "priority",
} as const satisfies Readonly<Record<string, ReliabilityPolicy>>;

/**
 * `struct sctp_prstatus` (RFC 7496 section 4.3) of the policy in `asked`, or of SCTP_PR_SCTP_ALL; of all
 * streams, or of the one in `sprstat_sid`.
 */
export function abandonedFields(status: SocketStatus, asked: unknown, ofOneStream: boolean): Request {
  const fields = toRequest(asked);
  const constant = textField(fields, "sprstat_policy");
  const found = Object.entries(policyConstants).find(([name]) => name === constant)?.[1];
  if (found === undefined && constant !== "SCTP_PR_SCTP_ALL")
    throw new FieldError(`there is no policy "${constant}"`);
  const streamId = ofOneStream ? countField(fields, "sprstat_sid") : undefined;
  if (streamId !== undefined && streamId >= status.outboundStreams) throw new FieldError("no such stream");
  const counted = status.abandonedMessages.filter(
    (each) =>
      (found === undefined || each.policy === found) &&
      (streamId === undefined || each.streamId === streamId),
  );
  return {
    sprstat_policy: constant,
    ...(streamId === undefined ? undefined : { sprstat_sid: streamId }),
    sprstat_abandoned_unsent: counted.reduce((sum, { unsent }) => sum + unsent, 0),
    sprstat_abandoned_sent: counted.reduce((sum, { sent }) => sum + sent, 0),
  };
}

function primaryFields({ primaryAddress, paths }: SocketStatus): Request {
  const path = paths.find((each) => each.address === primaryAddress);
  if (path === undefined) return { spinfo_address: primaryAddress };
  const state = path.reachability === "inactive" ? "SCTP_INACTIVE" : "SCTP_ACTIVE";
  return {
    spinfo_address: path.address,
    spinfo_state: path.confirmed ? state : "SCTP_UNCONFIRMED",
    spinfo_cwnd: path.windowBytes,
    spinfo_srtt: path.smoothedRttMs ?? 0,
    spinfo_rto: path.rtoMs,
    spinfo_mtu: path.packetSizeBytes - commonHeaderBytes,
  };
}
