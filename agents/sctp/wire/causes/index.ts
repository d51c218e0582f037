import type { ByteSource } from "../../base/bytes.ts";
import type { Codec, WireFlaw } from "../codec.ts";
import { parseTlvs, tlvsLength, writeTlvs } from "../tlv.ts";
import { invalidStreamIdentifier } from "./invalid-stream-identifier.ts";
import type { InvalidStreamIdentifierCause } from "./invalid-stream-identifier.ts";
import { missingMandatoryParameter } from "./missing-mandatory-parameter.ts";
import type { MissingMandatoryParameterCause } from "./missing-mandatory-parameter.ts";
import { noUserData } from "./no-user-data.ts";
import type { NoUserDataCause } from "./no-user-data.ts";
import { staleCookie } from "./stale-cookie.ts";
import type { StaleCookieCause } from "./stale-cookie.ts";
import { unknownCause } from "./unknown.ts";
import type { UnknownCause } from "./unknown.ts";
import { unsupportedHmacIdentifier } from "./unsupported-hmac-identifier.ts";
import type { UnsupportedHmacIdentifierCause } from "./unsupported-hmac-identifier.ts";
import * as valued from "./with-value.ts";
import * as bare from "./without-value.ts";

/** An error cause of an ERROR or ABORT chunk (RFC 9260 section 3.3.10); `code` is its number on the wire. */
export type Cause =
  | InvalidStreamIdentifierCause
  | MissingMandatoryParameterCause
  | StaleCookieCause
  | bare.OutOfResourceCause
  | valued.UnresolvableAddressCause
  | valued.UnrecognizedChunkTypeCause
  | bare.InvalidMandatoryParameterCause
  | valued.UnrecognizedParametersCause
  | NoUserDataCause
  | bare.CookieWhileShuttingDownCause
  | valued.RestartWithNewAddressesCause
  | valued.UserInitiatedAbortCause
  | valued.ProtocolViolationCause
  | valued.DeleteLastAddressCause
  | valued.ResourceShortageCause
  | valued.DeleteSourceAddressCause
  | valued.IllegalAsconfAckCause
  | valued.NoAuthorizationCause
  | UnsupportedHmacIdentifierCause
  | UnknownCause;

const CODECS: { readonly [Type in Cause["type"]]: Codec<Extract<Cause, { type: Type }>> } = {
  INVALID_STREAM_IDENTIFIER: invalidStreamIdentifier,
  MISSING_MANDATORY_PARAMETER: missingMandatoryParameter,
  STALE_COOKIE: staleCookie,
  OUT_OF_RESOURCE: bare.outOfResource,
  UNRESOLVABLE_ADDRESS: valued.unresolvableAddress,
  UNRECOGNIZED_CHUNK_TYPE: valued.unrecognizedChunkType,
  INVALID_MANDATORY_PARAMETER: bare.invalidMandatoryParameter,
  UNRECOGNIZED_PARAMETERS: valued.unrecognizedParameters,
  NO_USER_DATA: noUserData,
  COOKIE_WHILE_SHUTTING_DOWN: bare.cookieWhileShuttingDown,
  RESTART_WITH_NEW_ADDRESSES: valued.restartWithNewAddresses,
  USER_INITIATED_ABORT: valued.userInitiatedAbort,
  PROTOCOL_VIOLATION: valued.protocolViolation,
  DELETE_LAST_ADDRESS: valued.deleteLastAddress,
  RESOURCE_SHORTAGE: valued.resourceShortage,
  DELETE_SOURCE_ADDRESS: valued.deleteSourceAddress,
  ILLEGAL_ASCONF_ACK: valued.illegalAsconfAck,
  NO_AUTHORIZATION: valued.noAuthorization,
  UNSUPPORTED_HMAC_IDENTIFIER: unsupportedHmacIdentifier,
  UNKNOWN: unknownCause,
};

const BY_NUMBER: ReadonlyMap<number, Codec<Cause>> = new Map(
  Object.values(CODECS).map((codec) => [codec.typeNumber, codec as Codec<Cause>]),
);

export const causeCodecOf = (code: number): Codec<Cause> =>
  BY_NUMBER.get(code) ?? (unknownCause as Codec<Cause>);

const codecFor = (cause: Cause): Codec<Cause> => CODECS[cause.type] as Codec<Cause>;

export const describeCause = (cause: Cause): string => codecFor(cause).describe(cause);

export const parseCauses = (source: ByteSource, start: number, end: number): Cause[] | WireFlaw =>
  parseTlvs(source, start, end, causeCodecOf);

export const causesLength = (causes: readonly Cause[]): number =>
  tlvsLength(causes, (cause) => codecFor(cause).length(cause));

export const writeCauses = (causes: readonly Cause[], out: ByteSource, start: number): void =>
  writeTlvs(causes, out, start, writeCause);

/** Writes one cause with its header; gives its length without padding. */
function writeCause(cause: Cause, out: ByteSource, start: number): number {
  const codec = codecFor(cause);
  const length = codec.length(cause);
  out.view.setUint16(start, cause.code);
  out.view.setUint16(start + 2, length);
  codec.write(cause, out, start);
  return length;
}
