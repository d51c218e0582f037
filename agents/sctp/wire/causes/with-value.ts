import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Causes whose value is a run of bytes: what was refused, copied as it was received with its own
 * header, or text of the upper layer. RFC 9260 sections 3.3.10.5, 3.3.10.6, 3.3.10.8, 3.3.10.11 to
 * 3.3.10.13 and RFC 5061 section 4.3. The value is not looked into: it may itself be malformed.
 *
 *   | code                          | length                        |
 *   | value, variable length                                        |
 */
interface CauseWithValue<Type extends string, Code extends number> {
  readonly type: Type;
  readonly code: Code;
  readonly value: Uint8Array;
}

/** Value: the address parameter. */
export type UnresolvableAddressCause = CauseWithValue<"UNRESOLVABLE_ADDRESS", 5>;
/** Value: the chunk. */
export type UnrecognizedChunkTypeCause = CauseWithValue<"UNRECOGNIZED_CHUNK_TYPE", 6>;
/** Value: the parameters. */
export type UnrecognizedParametersCause = CauseWithValue<"UNRECOGNIZED_PARAMETERS", 8>;
/** Value: the address parameters that are new. */
export type RestartWithNewAddressesCause = CauseWithValue<"RESTART_WITH_NEW_ADDRESSES", 11>;
/** Value: the upper layer's reason, or nothing. */
export type UserInitiatedAbortCause = CauseWithValue<"USER_INITIATED_ABORT", 12>;
/** Value: more about it, or nothing. */
export type ProtocolViolationCause = CauseWithValue<"PROTOCOL_VIOLATION", 13>;
/** Value of the five below: the parameter of the ASCONF chunk. */
export type DeleteLastAddressCause = CauseWithValue<"DELETE_LAST_ADDRESS", 0x00a0>;
export type ResourceShortageCause = CauseWithValue<"RESOURCE_SHORTAGE", 0x00a1>;
export type DeleteSourceAddressCause = CauseWithValue<"DELETE_SOURCE_ADDRESS", 0x00a2>;
export type IllegalAsconfAckCause = CauseWithValue<"ILLEGAL_ASCONF_ACK", 0x00a3>;
export type NoAuthorizationCause = CauseWithValue<"NO_AUTHORIZATION", 0x00a4>;

function withValue<Type extends string, Code extends number>(
  type: Type,
  code: Code,
  title: string,
): Codec<CauseWithValue<Type, Code>> {
  return {
    typeNumber: code,
    parse: ({ bytes }, start, end) => ({ type, code, value: bytes.subarray(start + HEADER_BYTES, end) }),
    length: (cause) => HEADER_BYTES + cause.value.length,
    write: (cause, { bytes }, start) => bytes.set(cause.value, start + HEADER_BYTES),
    describe: (cause) => (cause.value.length === 0 ? title : `${title} (${cause.value.length} B)`),
  };
}

export const unresolvableAddress: Codec<UnresolvableAddressCause> = withValue(
  "UNRESOLVABLE_ADDRESS",
  5,
  "Unresolvable Address",
);
export const unrecognizedChunkType: Codec<UnrecognizedChunkTypeCause> = withValue(
  "UNRECOGNIZED_CHUNK_TYPE",
  6,
  "Unrecognized Chunk Type",
);
export const unrecognizedParameters: Codec<UnrecognizedParametersCause> = withValue(
  "UNRECOGNIZED_PARAMETERS",
  8,
  "Unrecognized Parameters",
);
export const restartWithNewAddresses: Codec<RestartWithNewAddressesCause> = withValue(
  "RESTART_WITH_NEW_ADDRESSES",
  11,
  "Restart of an Association with New Addresses",
);
export const userInitiatedAbort: Codec<UserInitiatedAbortCause> = withValue(
  "USER_INITIATED_ABORT",
  12,
  "User-Initiated Abort",
);
export const protocolViolation: Codec<ProtocolViolationCause> = withValue(
  "PROTOCOL_VIOLATION",
  13,
  "Protocol Violation",
);
export const deleteLastAddress: Codec<DeleteLastAddressCause> = withValue(
  "DELETE_LAST_ADDRESS",
  0x00a0,
  "Request to Delete Last Remaining IP Address",
);
export const resourceShortage: Codec<ResourceShortageCause> = withValue(
  "RESOURCE_SHORTAGE",
  0x00a1,
  "Operation Refused Due to Resource Shortage",
);
export const deleteSourceAddress: Codec<DeleteSourceAddressCause> = withValue(
  "DELETE_SOURCE_ADDRESS",
  0x00a2,
  "Request to Delete Source IP Address",
);
export const illegalAsconfAck: Codec<IllegalAsconfAckCause> = withValue(
  "ILLEGAL_ASCONF_ACK",
  0x00a3,
  "Association Aborted Due to Illegal ASCONF-ACK",
);
export const noAuthorization: Codec<NoAuthorizationCause> = withValue(
  "NO_AUTHORIZATION",
  0x00a4,
  "Request Refused - No Authorization",
);
