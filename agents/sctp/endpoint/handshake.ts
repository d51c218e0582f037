import { padded } from "../base/bytes.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import { noExtensions } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { Tsn } from "../base/serial.ts";
import { tsn } from "../base/serial.ts";
import type { Agreement } from "../association/state.ts";
import type { AddressParameter, Cause, Chunk, InitAckChunk, InitChunk, Parameter } from "../wire/index.ts";
import { parameterAction, writeParameter } from "../wire/index.ts";
import { isUsableAddress } from "./peer-address.ts";

const parameterHeaderBytes = 4;
const ipv4AddressType = 5;
const ipv6AddressType = 6;
/** RFC 9260 section 3.3.2: a smaller window is not allowed in INIT and INIT ACK. */
const smallestWindowBytes = 1500;

const addressParameter = (address: string): AddressParameter =>
  address.includes(":") ? { type: "IPV6_ADDRESS", address } : { type: "IPV4_ADDRESS", address };

/** Our side of INIT or INIT ACK (sections 3.3.2 and 3.3.3). */
export interface LocalOffer {
  readonly tag: number;
  readonly initialTsn: Tsn;
}

/** A tag is never 0 (section 5.3.1). */
export function newOffer(random: RandomSource): LocalOffer {
  let tag = 0;
  while (tag === 0) tag = random.uint32();
  return { tag, initialTsn: tsn(random.uint32()) };
}

export function initFields(
  offer: LocalOffer,
  localAddresses: readonly string[],
  parameters: ProtocolParameters,
): Omit<InitChunk, "type"> {
  // A single address is the one in the IP header; listing it would break behind a NAT (RFC 6951 section 5.7).
  const listed = localAddresses.length > 1 ? localAddresses.map(addressParameter) : [];
  const types = [
    ...new Set(localAddresses.map((one) => (one.includes(":") ? ipv6AddressType : ipv4AddressType))),
  ];
  return {
    initiateTag: offer.tag,
    advertisedWindow: parameters.receiveBufferBytes,
    outboundStreams: parameters.outboundStreams,
    inboundStreams: parameters.maxInboundStreams,
    initialTsn: offer.initialTsn,
    parameters: [...listed, { type: "SUPPORTED_ADDRESS_TYPES", types }],
  };
}

/** What is wrong with an INIT or INIT ACK, if anything: silence, or ABORT with these causes. */
export function initFlaw(chunk: InitChunk | InitAckChunk): "discard" | readonly Cause[] | undefined {
  if (chunk.initiateTag === 0) return "discard";
  const streamless = chunk.outboundStreams === 0 || chunk.inboundStreams === 0;
  if (streamless || chunk.advertisedWindow < smallestWindowBytes)
    return [{ type: "INVALID_MANDATORY_PARAMETER", code: 7 }];
  // Section 3.3.2.1.4: no longer allowed, and nothing to be looked up for a stranger.
  const named = chunk.parameters.some((each) => each.type === "HOST_NAME_ADDRESS");
  return named ? [{ type: "UNRESOLVABLE_ADDRESS", code: 5, value: new Uint8Array(0) }] : undefined;
}

/** The parameters of INIT or INIT ACK, sorted by what is done about them (section 3.2.1). */
export interface ScreenedParameters {
  /** Those that this stack acts upon, with repetition and excess taken out: their size is bounded. */
  readonly used: readonly Parameter[];
  /** Those that the peer wants reported, as many as fit into `reportLimitBytes`. */
  readonly reports: readonly Parameter[];
}

export function screenParameters(
  parameters: readonly Parameter[],
  reportLimitBytes: number,
  maxPeerAddresses: number,
): ScreenedParameters {
  const used: Parameter[] = [];
  const reports: Parameter[] = [];
  let reportBytes = 0;
  let addresses = 0;
  for (const parameter of parameters) {
    const typeNumber = unsupportedType(parameter);
    if (typeNumber === undefined) {
      const isAddress = parameter.type === "IPV4_ADDRESS" || parameter.type === "IPV6_ADDRESS";
      if (isAddress && addresses++ < maxPeerAddresses) used.push(parameter);
      if (parameter.type === "SUPPORTED_EXTENSIONS" && !used.some((each) => each.type === parameter.type))
        used.push({ ...parameter, chunkTypes: [...new Set(parameter.chunkTypes)] });
      continue;
    }
    const action = parameterAction(typeNumber);
    const report = { type: "UNRECOGNIZED_PARAMETER", value: writeParameter(parameter) } as const;
    const length = parameterHeaderBytes + padded(report.value.length);
    if (action.report && reportBytes + length <= reportLimitBytes) {
      reports.push(report);
      reportBytes += length;
    }
    if (!action.skip) break;
  }
  return { used, reports };
}

/** The type number of a parameter that this stack does not act upon. */
function unsupportedType(parameter: Parameter): number | undefined {
  switch (parameter.type) {
    case "IPV4_ADDRESS":
    case "IPV6_ADDRESS":
    case "COOKIE_PRESERVATIVE":
    case "SUPPORTED_ADDRESS_TYPES":
    case "STATE_COOKIE":
    case "UNRECOGNIZED_PARAMETER":
    case "SUPPORTED_EXTENSIONS":
    case "PADDING":
      return undefined;
    default: {
      const [high = 0, low = 0] = writeParameter(parameter);
      return high * 0x100 + low;
    }
  }
}

/** Where the peer says that it is, its source address first; bounded, and without what nobody may send to. */
export function peerAddresses(
  source: string,
  parameters: readonly Parameter[],
  localAddresses: readonly string[],
  limit: number,
): readonly string[] {
  const addresses = new Set([source]);
  for (const parameter of parameters) {
    if (addresses.size === limit) break;
    if (parameter.type !== "IPV4_ADDRESS" && parameter.type !== "IPV6_ADDRESS") continue;
    if (isUsableAddress(parameter.address, source, localAddresses)) addresses.add(parameter.address);
  }
  return [...addresses];
}

/** The addresses as a cause lists them (section 3.3.10.11). */
export const restartCause = (added: readonly string[]): Cause => ({
  type: "RESTART_WITH_NEW_ADDRESSES",
  code: 11,
  value: Uint8Array.from(added.flatMap((address) => [...writeParameter(addressParameter(address))])),
});

export interface AgreementParts {
  readonly localPort: number;
  readonly peerPort: number;
  readonly localAddresses: readonly string[];
  readonly peerAddress: string;
  readonly local: Omit<InitChunk, "type">;
  readonly peer: InitChunk | InitAckChunk;
  readonly maxPeerAddresses: number;
}

/** What INIT and INIT ACK agreed on, seen from our side (section 5.1.1: the smaller number of streams counts). */
export function agree(parts: AgreementParts): Agreement {
  const { local, peer } = parts;
  const extensions = peer.parameters.find((each) => each.type === "SUPPORTED_EXTENSIONS");
  return {
    localPort: parts.localPort,
    peerPort: parts.peerPort,
    localTag: local.initiateTag,
    peerTag: peer.initiateTag,
    localInitialTsn: local.initialTsn,
    peerInitialTsn: peer.initialTsn,
    localAddresses: parts.localAddresses,
    peerAddresses: peerAddresses(
      parts.peerAddress,
      peer.parameters,
      parts.localAddresses,
      parts.maxPeerAddresses,
    ),
    outboundStreams: Math.min(local.outboundStreams, peer.inboundStreams),
    inboundStreams: Math.min(local.inboundStreams, peer.outboundStreams),
    peerWindowBytes: peer.advertisedWindow,
    peerExtensions: extensions === undefined ? [] : [...new Set(extensions.chunkTypes)],
    extensions: noExtensions,
  };
}

export function stateCookie(chunk: InitAckChunk): Uint8Array | undefined {
  return chunk.parameters.find((each) => each.type === "STATE_COOKIE")?.cookie;
}

export const isAlone = (chunks: readonly Chunk[]): boolean => chunks.length === 1;
