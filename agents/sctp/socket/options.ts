import { unreachable } from "../base/assert.ts";
import { setPeerPrimary } from "./addresses.ts";
import type { AuthenticationOption } from "./authentication.ts";
import { isAuthenticationOption, setAuthentication } from "./authentication.ts";
import type { ProtocolParameters, SchedulerName } from "../base/parameters.ts";
import { commonHeaderBytes } from "../wire/index.ts";
import type { StackCore } from "./core.ts";
import type { Answer } from "./errno.ts";
import { answer, done, refuse } from "./errno.ts";
import type { AssociationId, EventName } from "./messages.ts";
import type { Socket, SocketAssociation } from "./socket.ts";

/**
 * The options that can be set, by their names in RFC 6458 section 8.1 and RFC 8260 section 4.3. What is left
 * out stays as it is, and so does what is 0, where RFC 6458 says so. All `Ms` are milliseconds.
 */
export type SocketOption =
  | {
      readonly name: "SCTP_RTOINFO";
      readonly initialMs?: number;
      readonly minMs?: number;
      readonly maxMs?: number;
    }
  | {
      readonly name: "SCTP_INITMSG";
      readonly outboundStreams?: number;
      readonly maxInboundStreams?: number;
      readonly maxAttempts?: number;
      readonly maxInitTimeoutMs?: number;
    }
  | {
      readonly name: "SCTP_ASSOCINFO";
      readonly maxRetransmissions?: number;
      readonly cookieLifeMs?: number;
    }
  | PeerAddressOption
  | { readonly name: "SCTP_DELAYED_SACK"; readonly delayMs?: number; readonly frequency?: number }
  | { readonly name: "SCTP_NODELAY"; readonly on: boolean }
  | { readonly name: "SCTP_MAX_BURST"; readonly packets: number }
  | { readonly name: "SCTP_CONTEXT"; readonly context: number }
  | { readonly name: "SCTP_EVENT"; readonly event: EventName; readonly on: boolean }
  /** What a peer may ask (RFC 6525 section 6.3.1). */
  | {
      readonly name: "SCTP_ENABLE_STREAM_RESET";
      readonly streamReset: boolean;
      readonly associationReset: boolean;
      readonly streamChange: boolean;
    }
  | { readonly name: "SCTP_PRIMARY_ADDR"; readonly address: string }
  /** Asks the peer to send to an address of ours (section 8.3.1, RFC 5061). */
  | { readonly name: "SCTP_SET_PEER_PRIMARY_ADDR"; readonly address: string }
  | AuthenticationOption
  | { readonly name: "SCTP_FRAGMENT_INTERLEAVE"; readonly level: 0 | 1 | 2 }
  | { readonly name: "SCTP_PARTIAL_DELIVERY_POINT"; readonly bytes: number }
  | { readonly name: "SCTP_INTERLEAVING_SUPPORTED"; readonly on: boolean }
  /** RFC 7496 section 4.5. */
  | { readonly name: "SCTP_PR_SUPPORTED"; readonly on: boolean }
  | { readonly name: "SCTP_STREAM_SCHEDULER"; readonly scheduler: SchedulerName }
  | StreamValueOption
  | { readonly name: "SO_RCVBUF"; readonly bytes: number }
  | { readonly name: "SO_SNDBUF"; readonly bytes: number };

/** RFC 8260 section 4.3.3, `struct sctp_stream_value`: a priority, the smaller the sooner, or a weight. */
export interface StreamValueOption {
  readonly name: "SCTP_STREAM_SCHEDULER_VALUE";
  readonly streamId: number;
  readonly value: number;
}

/** RFC 6458 section 8.1.12, `struct sctp_paddrparams`; without an address for all paths. */
export interface PeerAddressOption {
  readonly name: "SCTP_PEER_ADDR_PARAMS";
  readonly address?: string;
  readonly heartbeat?: "enable" | "disable";
  /** SPP_HB_DEMAND: one leaves now; needs an address. */
  readonly heartbeatDemand?: boolean;
  /** Counts only with `enable`. */
  readonly heartbeatIntervalMs?: number;
  /** SPP_HB_TIME_IS_ZERO. */
  readonly heartbeatIntervalIsZero?: boolean;
  readonly pathMaxRetransmissions?: number;
  /** Bytes for chunks in a packet; counts only where path MTU discovery is switched off with it. */
  readonly pathMtuBytes?: number;
  readonly pathMtuDiscovery?: "enable" | "disable";
}

/** Whom an option of a one-to-many socket is for (section 7.2); a one-to-one socket has one scope only. */
export type OptionScope = AssociationId | "future" | "current" | "all";

/** Smallest packet that carries a useful DATA chunk; less would make a peer's wish our denial of service. */
const smallestPacketBytes = 512 - 20;

type Change = Partial<ProtocolParameters>;
const nothing: Change = {};

export function setOption(
  core: StackCore,
  socket: Socket,
  option: SocketOption,
  scope: OptionScope,
): Answer<undefined> {
  const targets = targetsOf(socket, scope);
  if (targets === undefined) return refuse("EINVAL");
  if (option.name === "SCTP_EVENT") {
    if (option.on) socket.events.add(option.event);
    else socket.events.delete(option.event);
    return done;
  }
  if (option.name === "SCTP_CONTEXT") {
    socket.context = option.context >>> 0;
    return done;
  }
  if (option.name === "SCTP_PRIMARY_ADDR") return setPrimary(core, targets.associations, option.address);
  if (option.name === "SCTP_SET_PEER_PRIMARY_ADDR") {
    // Section 8.3.1: it is for one association.
    if (socket.style === "one-to-many" && typeof scope !== "number") return refuse("EINVAL");
    return setPeerPrimary(core, targets.associations[0], option.address);
  }
  if (isAuthenticationOption(option)) return setAuthentication(core, socket, option, targets);
  if (option.name === "SCTP_STREAM_SCHEDULER_VALUE") return setStreamValue(core, socket, targets, option);
  // RFC 8260 section 4.3.1, RFC 7496 section 4.5: of an association it can only be asked.
  if (isAgreedInHandshake(option) && (!targets.future || hasOwnAssociation(socket))) return refuse("EINVAL");
  const change = changeOf(option, socket.parameters);
  if (!change.ok) return change;
  if (option.name === "SCTP_PEER_ADDR_PARAMS" && option.address !== undefined)
    return setForPath(core, targets.associations, option.address, option, change.value);
  if (targets.future) configureFuture(socket, change.value);
  for (const { port, handle } of targets.associations) {
    port.endpoint.configureAssociation(handle, change.value, core.nowMs);
    core.touched.add(port);
  }
  return done;
}

const isAgreedInHandshake = ({ name }: SocketOption): boolean =>
  name === "SCTP_INTERLEAVING_SUPPORTED" || name === "SCTP_PR_SUPPORTED";

/** Of a one-to-one socket: what is set is for its association. */
const hasOwnAssociation = (socket: Socket): boolean =>
  socket.style === "one-to-one" && socket.associations.size > 0;

function configureFuture(socket: Socket, change: Change): void {
  socket.parameters = { ...socket.parameters, ...change };
  if (socket.port?.owner === socket) socket.port.configure(socket.parameters);
}

interface Targets {
  readonly future: boolean;
  readonly associations: readonly SocketAssociation[];
}

function targetsOf(socket: Socket, scope: OptionScope): Targets | undefined {
  const all = [...socket.associations.values()];
  if (socket.style === "one-to-one" || scope === "all") return { future: true, associations: all };
  if (scope === "future") return { future: true, associations: [] };
  if (scope === "current") return { future: false, associations: all };
  const named = socket.associations.get(scope);
  return named === undefined ? undefined : { future: false, associations: [named] };
}

type ParameterOption = Exclude<
  SocketOption,
  | AuthenticationOption
  | {
      name:
        | "SCTP_EVENT"
        | "SCTP_CONTEXT"
        | "SCTP_PRIMARY_ADDR"
        | "SCTP_SET_PEER_PRIMARY_ADDR"
        | "SCTP_STREAM_SCHEDULER_VALUE";
    }
>;

function changeOf(option: ParameterOption, current: ProtocolParameters): Answer<Change> {
  switch (option.name) {
    case "SCTP_RTOINFO": {
      const rtoInitialMs = kept(option.initialMs, current.rtoInitialMs);
      const rtoMinMs = kept(option.minMs, current.rtoMinMs);
      const rtoMaxMs = kept(option.maxMs, current.rtoMaxMs);
      const inOrder = rtoMinMs <= rtoInitialMs && rtoInitialMs <= rtoMaxMs;
      return inOrder ? answer({ rtoInitialMs, rtoMinMs, rtoMaxMs }) : refuse("EINVAL");
    }
    case "SCTP_INITMSG":
      return answer({
        outboundStreams: kept(option.outboundStreams, current.outboundStreams),
        maxInboundStreams: kept(option.maxInboundStreams, current.maxInboundStreams),
        maxInitRetransmits: kept(option.maxAttempts, current.maxInitRetransmits),
        maxInitTimeoutMs: kept(option.maxInitTimeoutMs, current.maxInitTimeoutMs ?? current.rtoMaxMs),
      });
    case "SCTP_ASSOCINFO":
      return answer({
        associationMaxRetrans: kept(option.maxRetransmissions, current.associationMaxRetrans),
        validCookieLifeMs: kept(option.cookieLifeMs, current.validCookieLifeMs),
      });
    case "SCTP_PEER_ADDR_PARAMS":
      return peerAddressChange(option);
    case "SCTP_DELAYED_SACK": {
      const sackDelayMs = kept(option.delayMs, current.sackDelayMs);
      const sackFrequency = kept(option.frequency, current.sackFrequency);
      // RFC 9260 section 6.2: never more than 500 ms.
      return sackDelayMs > 500 ? refuse("EINVAL") : answer({ sackDelayMs, sackFrequency });
    }
    case "SCTP_NODELAY":
      return answer({ noDelay: option.on });
    case "SCTP_MAX_BURST":
      return answer({ maxBurst: kept(option.packets, current.maxBurst) });
    case "SCTP_FRAGMENT_INTERLEAVE":
      return answer({
        fragmentInterleave: option.level,
        // A user that does not take messages that interleave cannot be offered them (RFC 8260 section 2.2.1).
        ...(option.level < 2 ? interleaving(current, false) : nothing),
      });
    case "SCTP_PARTIAL_DELIVERY_POINT":
      return option.bytes > current.receiveBufferBytes
        ? refuse("EINVAL")
        : answer({ partialDeliveryPointBytes: option.bytes });
    case "SCTP_INTERLEAVING_SUPPORTED":
      // Level 2 comes first (RFC 8260 section 4.3.1).
      return option.on && current.fragmentInterleave < 2
        ? refuse("EINVAL")
        : answer(interleaving(current, option.on));
    case "SCTP_PR_SUPPORTED":
      return answer({ extensions: { ...current.extensions, partialReliability: option.on } });
    case "SCTP_STREAM_SCHEDULER":
      return answer({ scheduler: option.scheduler });
    case "SCTP_ENABLE_STREAM_RESET":
      return answer({
        acceptsStreamReset: option.streamReset,
        acceptsAssociationReset: option.associationReset,
        acceptsStreamChange: option.streamChange,
      });
    case "SO_RCVBUF":
      return option.bytes < 1500 ? refuse("EINVAL") : answer({ receiveBufferBytes: option.bytes });
    case "SO_SNDBUF":
      return option.bytes < 1 ? refuse("EINVAL") : answer(sendBuffer(option.bytes));
    default:
      return unreachable(option);
  }
}

/** Section 8.1.7: a message is at most as large as the send buffer. */
export const sendBuffer = (
  bytes: number,
): Pick<ProtocolParameters, "sendBufferBytes" | "maxMessageBytes"> => ({
  sendBufferBytes: bytes,
  maxMessageBytes: bytes,
});

const interleaving = ({ extensions }: ProtocolParameters, on: boolean): Change => ({
  extensions: { ...extensions, interleaving: on },
});

const kept = (wanted: number | undefined, current: number): number =>
  wanted === undefined || wanted === 0 ? current : wanted;

function peerAddressChange(option: PeerAddressOption): Answer<Change> {
  const { heartbeat, heartbeatIntervalMs = 0, pathMaxRetransmissions = 0, pathMtuBytes = 0 } = option;
  const zero = option.heartbeatIntervalIsZero === true;
  // Section 8.1.12: a HEARTBEAT on demand goes to an address that is named.
  if (option.heartbeatDemand === true && option.address === undefined) return refuse("EINVAL");
  const switchesOff = option.pathMtuDiscovery === "disable";
  const packetSizeBytes = commonHeaderBytes + pathMtuBytes;
  if (switchesOff && pathMtuBytes > 0 && packetSizeBytes < smallestPacketBytes) return refuse("EINVAL");
  return answer({
    ...(heartbeat === undefined ? nothing : { heartbeatEnabled: heartbeat === "enable" }),
    ...(heartbeat === "enable" && heartbeatIntervalMs > 0 ? { heartbeatIntervalMs } : nothing),
    ...(zero ? { heartbeatIntervalMs: 0 } : nothing),
    ...(pathMaxRetransmissions > 0 ? { pathMaxRetrans: pathMaxRetransmissions } : nothing),
    ...(option.pathMtuDiscovery === undefined ? nothing : { pathMtuDiscovery: !switchesOff }),
    ...(switchesOff && pathMtuBytes > 0 ? { packetSizeBytes } : nothing),
  });
}

function setForPath(
  core: StackCore,
  associations: readonly SocketAssociation[],
  address: string,
  option: PeerAddressOption,
  change: Change,
): Answer<undefined> {
  const { heartbeatEnabled, heartbeatIntervalMs, pathMaxRetrans, pathMtuDiscovery, packetSizeBytes } = change;
  let known = false;
  for (const { port, handle } of associations) {
    const settings = {
      ...(heartbeatEnabled === undefined ? undefined : { heartbeatEnabled }),
      ...(heartbeatIntervalMs === undefined ? undefined : { heartbeatIntervalMs }),
      ...(pathMaxRetrans === undefined ? undefined : { pathMaxRetrans }),
      ...(pathMtuDiscovery === undefined ? undefined : { pathMtuDiscovery }),
      ...(packetSizeBytes === undefined ? undefined : { packetSizeBytes }),
    };
    if (!port.endpoint.configurePath(handle, address, settings, core.nowMs)) continue;
    known = true;
    if (option.heartbeatDemand === true) port.endpoint.requestHeartbeat(handle, address, core.nowMs);
    core.touched.add(port);
  }
  return known ? done : refuse("EINVAL");
}

function setPrimary(
  core: StackCore,
  associations: readonly SocketAssociation[],
  address: string,
): Answer<undefined> {
  let known = false;
  for (const { port, handle } of associations) {
    if (!port.endpoint.setPrimary(handle, address)) continue;
    known = true;
    core.touched.add(port);
  }
  return known ? done : refuse("EINVAL");
}

/** No stream that the association has: `EINVAL`. What one has been given before stays for the other streams. */
function setStreamValue(
  core: StackCore,
  socket: Socket,
  { future, associations }: Targets,
  { streamId, value }: StreamValueOption,
): Answer<undefined> {
  if (!isUint16(streamId) || !isUint16(value)) return refuse("EINVAL");
  const streams = associations.map(({ port, handle }) => port.endpoint.statistics(handle)?.outboundStreams);
  if (streams.some((count) => count !== undefined && streamId >= count)) return refuse("EINVAL");
  const streamValues = [[streamId, value]] as const;
  if (future) {
    const others = (socket.parameters.streamValues ?? []).filter(([other]) => other !== streamId);
    configureFuture(socket, { streamValues: [...others, ...streamValues] });
  }
  for (const { port, handle } of associations) {
    port.endpoint.configureAssociation(handle, { streamValues }, core.nowMs);
    core.touched.add(port);
  }
  return done;
}

const isUint16 = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffff;
