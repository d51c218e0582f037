import { assert } from "../../base/assert.ts";
import { byteSource } from "../../base/bytes.ts";
import type { ByteSource } from "../../base/bytes.ts";
import type { Codec, WireFlaw } from "../codec.ts";
import { parseTlvs, tlvsLength, writeTlvs } from "../tlv.ts";
import { adaptationLayerIndication } from "./adaptation-layer-indication.ts";
import type { AdaptationLayerIndicationParameter } from "./adaptation-layer-indication.ts";
import { addIncomingStreams, addOutgoingStreams } from "./add-streams.ts";
import type { AddIncomingStreamsParameter, AddOutgoingStreamsParameter } from "./add-streams.ts";
import { addIpAddress, deleteIpAddress, setPrimaryAddress } from "./address-change.ts";
import type {
  AddIpAddressParameter,
  DeleteIpAddressParameter,
  SetPrimaryAddressParameter,
} from "./address-change.ts";
import { chunkList, supportedExtensions } from "./chunk-types.ts";
import type { ChunkListParameter, SupportedExtensionsParameter } from "./chunk-types.ts";
import { cookiePreservative } from "./cookie-preservative.ts";
import type { CookiePreservativeParameter } from "./cookie-preservative.ts";
import { errorCauseIndication } from "./error-cause-indication.ts";
import type { ErrorCauseIndicationParameter } from "./error-cause-indication.ts";
import { incomingSsnReset } from "./incoming-ssn-reset.ts";
import type { IncomingSsnResetParameter } from "./incoming-ssn-reset.ts";
import { ipv4Address, ipv6Address } from "./ip-address.ts";
import type { Ipv4AddressParameter, Ipv6AddressParameter } from "./ip-address.ts";
import { hmacAlgorithm, supportedAddressTypes } from "./number-list.ts";
import type { HmacAlgorithmParameter, SupportedAddressTypesParameter } from "./number-list.ts";
import { hostNameAddress, padding, random, stateCookie, unrecognizedParameter } from "./opaque.ts";
import type {
  HostNameAddressParameter,
  PaddingParameter,
  RandomParameter,
  StateCookieParameter,
  UnrecognizedParameter,
} from "./opaque.ts";
import { outgoingSsnReset } from "./outgoing-ssn-reset.ts";
import type { OutgoingSsnResetParameter } from "./outgoing-ssn-reset.ts";
import { reconfigurationResponse } from "./reconfiguration-response.ts";
import type { ReconfigurationResponseParameter } from "./reconfiguration-response.ts";
import { ssnTsnReset } from "./ssn-tsn-reset.ts";
import type { SsnTsnResetParameter } from "./ssn-tsn-reset.ts";
import { successIndication } from "./success-indication.ts";
import type { SuccessIndicationParameter } from "./success-indication.ts";
import { unknownParameter } from "./unknown.ts";
import type { UnknownParameter } from "./unknown.ts";
import { ecnCapable, forwardTsnSupported } from "./without-value.ts";
import type { EcnCapableParameter, ForwardTsnSupportedParameter } from "./without-value.ts";

/** A parameter of an INIT, INIT ACK, ASCONF, ASCONF ACK or RE-CONFIG chunk. */
export type Parameter =
  | Ipv4AddressParameter
  | Ipv6AddressParameter
  | StateCookieParameter
  | UnrecognizedParameter
  | CookiePreservativeParameter
  | HostNameAddressParameter
  | SupportedAddressTypesParameter
  | OutgoingSsnResetParameter
  | IncomingSsnResetParameter
  | SsnTsnResetParameter
  | ReconfigurationResponseParameter
  | AddOutgoingStreamsParameter
  | AddIncomingStreamsParameter
  | EcnCapableParameter
  | RandomParameter
  | ChunkListParameter
  | HmacAlgorithmParameter
  | PaddingParameter
  | SupportedExtensionsParameter
  | ForwardTsnSupportedParameter
  | AddIpAddressParameter
  | DeleteIpAddressParameter
  | ErrorCauseIndicationParameter
  | SetPrimaryAddressParameter
  | SuccessIndicationParameter
  | AdaptationLayerIndicationParameter
  | UnknownParameter;

const CODECS: { readonly [Type in Parameter["type"]]: Codec<Extract<Parameter, { type: Type }>> } = {
  IPV4_ADDRESS: ipv4Address,
  IPV6_ADDRESS: ipv6Address,
  STATE_COOKIE: stateCookie,
  UNRECOGNIZED_PARAMETER: unrecognizedParameter,
  COOKIE_PRESERVATIVE: cookiePreservative,
  HOST_NAME_ADDRESS: hostNameAddress,
  SUPPORTED_ADDRESS_TYPES: supportedAddressTypes,
  OUTGOING_SSN_RESET_REQUEST: outgoingSsnReset,
  INCOMING_SSN_RESET_REQUEST: incomingSsnReset,
  SSN_TSN_RESET_REQUEST: ssnTsnReset,
  RECONFIGURATION_RESPONSE: reconfigurationResponse,
  ADD_OUTGOING_STREAMS: addOutgoingStreams,
  ADD_INCOMING_STREAMS: addIncomingStreams,
  ECN_CAPABLE: ecnCapable,
  RANDOM: random,
  CHUNK_LIST: chunkList,
  HMAC_ALGORITHM: hmacAlgorithm,
  PADDING: padding,
  SUPPORTED_EXTENSIONS: supportedExtensions,
  FORWARD_TSN_SUPPORTED: forwardTsnSupported,
  ADD_IP_ADDRESS: addIpAddress,
  DELETE_IP_ADDRESS: deleteIpAddress,
  ERROR_CAUSE_INDICATION: errorCauseIndication,
  SET_PRIMARY_ADDRESS: setPrimaryAddress,
  SUCCESS_INDICATION: successIndication,
  ADAPTATION_LAYER_INDICATION: adaptationLayerIndication,
  UNKNOWN: unknownParameter,
};

const BY_NUMBER: ReadonlyMap<number, Codec<Parameter>> = new Map(
  Object.values(CODECS).map((codec) => [codec.typeNumber, codec as Codec<Parameter>]),
);

export const parameterCodecOf = (typeNumber: number): Codec<Parameter> =>
  BY_NUMBER.get(typeNumber) ?? (unknownParameter as Codec<Parameter>);

const codecFor = (parameter: Parameter): Codec<Parameter> => CODECS[parameter.type] as Codec<Parameter>;

export const describeParameter = (parameter: Parameter): string => codecFor(parameter).describe(parameter);

export const parseParameters = (source: ByteSource, start: number, end: number): Parameter[] | WireFlaw =>
  parseTlvs(source, start, end, parameterCodecOf);

export const parametersLength = (parameters: readonly Parameter[]): number =>
  tlvsLength(parameters, (parameter) => codecFor(parameter).length(parameter));

export const writeParameters = (parameters: readonly Parameter[], out: ByteSource, start: number): void =>
  writeTlvs(parameters, out, start, writeInto);

/** Writes one parameter with its header; gives its length without padding. */
function writeInto(parameter: Parameter, out: ByteSource, start: number): number {
  const codec = codecFor(parameter);
  const length = codec.length(parameter);
  assert(length <= 0xffff, "a parameter is at most 65535 bytes long");
  out.view.setUint16(start, codec.typeNumber);
  out.view.setUint16(start + 2, length);
  codec.write(parameter, out, start);
  return length;
}

/** One parameter with its header and without padding, as an Unrecognized Parameter carries it. */
export function writeParameter(parameter: Parameter): Uint8Array {
  const out = byteSource(new Uint8Array(codecFor(parameter).length(parameter)));
  writeInto(parameter, out, 0);
  return out.bytes;
}
