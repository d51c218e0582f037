import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import type { Tsn } from "../base/serial.ts";
import { tsn } from "../base/serial.ts";
import type { AuthenticationTerms } from "../association/authentication.ts";
import { authenticationParameters, ourHmacIds, randomBytes } from "../association/authentication.ts";
import type { InitAckChunk, InitChunk, Parameter } from "../wire/index.ts";
import { addressParameter } from "../wire/index.ts";
import { announcement } from "./extensions.ts";

const ipv4AddressType = 5;
const ipv6AddressType = 6;

/** Our side of INIT or INIT ACK (RFC 9260 sections 3.3.2 and 3.3.3). */
export interface LocalOffer {
  readonly tag: number;
  readonly initialTsn: Tsn;
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  /** Where we authenticate chunks (RFC 4895). */
  readonly authentication: AuthenticationTerms | undefined;
}

/** A tag is never 0 (section 5.3.1). */
export function newOffer(random: RandomSource, parameters: ProtocolParameters): LocalOffer {
  let tag = 0;
  while (tag === 0) tag = random.uint32();
  const { outboundStreams, maxInboundStreams, extensions } = parameters;
  return {
    tag,
    initialTsn: tsn(random.uint32()),
    outboundStreams,
    inboundStreams: maxInboundStreams,
    authentication: extensions.authentication ? newTerms(random, parameters) : undefined,
  };
}

/** Whoever offers ASCONF takes it only authenticated (RFC 5061 section 4.2.7). */
function newTerms(
  random: RandomSource,
  { authenticatedChunkTypes, extensions }: ProtocolParameters,
): AuthenticationTerms {
  const asconfTypes = extensions.addressReconfiguration ? [0xc1, 0x80] : [];
  const chunkTypes = [...new Set([...authenticatedChunkTypes, ...asconfTypes])];
  return {
    random: random.bytes(randomBytes),
    chunkTypes: chunkTypes.length === 0 ? undefined : chunkTypes,
    hmacIds: ourHmacIds,
  };
}

const authentication = (terms: AuthenticationTerms | undefined): readonly Parameter[] =>
  terms === undefined ? [] : authenticationParameters(terms);

export const addressType = (address: string): number =>
  address.includes(":") ? ipv6AddressType : ipv4AddressType;

/** A single address is the one in the IP header; listing it would break behind a NAT (RFC 6951 section 5.7). */
const addressParameters = (addresses: readonly string[]): readonly Parameter[] =>
  addresses.length > 1 ? addresses.map(addressParameter) : [];

function fixedFields(
  offer: LocalOffer,
  parameters: ProtocolParameters,
): Omit<InitChunk, "type" | "parameters"> {
  return {
    initiateTag: offer.tag,
    advertisedWindow: parameters.receiveBufferBytes,
    outboundStreams: offer.outboundStreams,
    inboundStreams: offer.inboundStreams,
    initialTsn: offer.initialTsn,
  };
}

const indication = ({ adaptationIndication }: ProtocolParameters): readonly Parameter[] =>
  adaptationIndication === undefined
    ? []
    : [{ type: "ADAPTATION_LAYER_INDICATION", codePoint: adaptationIndication }];

/** Our INIT. `cookieIncrementMs`: how much longer the cookie should live (section 5.2.6); 0: as long as usual. */
export function initChunk(
  offer: LocalOffer,
  localAddresses: readonly string[],
  parameters: ProtocolParameters,
  cookieIncrementMs: number,
): InitChunk {
  const types = [...new Set(localAddresses.map(addressType))];
  const preservative = { type: "COOKIE_PRESERVATIVE", incrementMs: cookieIncrementMs } as const;
  return {
    type: "INIT",
    ...fixedFields(offer, parameters),
    parameters: [
      ...addressParameters(localAddresses),
      ...(cookieIncrementMs > 0 ? [preservative] : []),
      { type: "SUPPORTED_ADDRESS_TYPES", types },
      ...indication(parameters),
      ...announcement(parameters.extensions),
      ...authentication(offer.authentication),
    ],
  };
}

/** Our INIT ACK, without the cookie. It must not announce more streams than the peer takes (section 3.3.3). */
export function initAckChunk(
  offer: LocalOffer,
  localAddresses: readonly string[],
  parameters: ProtocolParameters,
  peerInboundStreams: number,
): InitAckChunk {
  return {
    type: "INIT_ACK",
    ...fixedFields(offer, parameters),
    outboundStreams: Math.min(offer.outboundStreams, peerInboundStreams),
    parameters: [
      ...addressParameters(localAddresses),
      ...indication(parameters),
      ...announcement(parameters.extensions),
      ...authentication(offer.authentication),
    ],
  };
}

/** Parameters of ours that count for the agreement: a cookie carries no others. */
export const countsForAgreement = ({ type }: Parameter): boolean =>
  type !== "IPV4_ADDRESS" && type !== "IPV6_ADDRESS" && type !== "ADAPTATION_LAYER_INDICATION";
