import { padded } from "../base/bytes.ts";
import type { Extensions } from "../base/parameters.ts";
import type { Cause, InitAckChunk, InitChunk, Parameter } from "../wire/index.ts";
import { addressParameter, parameterAction, writeParameter } from "../wire/index.ts";
import { deniesForwardTsn } from "./extensions.ts";
import { randomBytes } from "../association/authentication.ts";

/** RFC 9260 sections 3.3.2 and 3.3.3: a smaller window is not allowed. */
const smallestWindowBytes = 1500;

/** What is wrong with an INIT or INIT ACK, if anything: ABORT goes back with these causes. */
export function initFlaw(chunk: InitChunk | InitAckChunk, offered: Extensions): readonly Cause[] | undefined {
  const streamless = chunk.outboundStreams === 0 || chunk.inboundStreams === 0;
  if (streamless || windowTooSmall(chunk)) return [{ type: "INVALID_MANDATORY_PARAMETER", code: 7 }];
  // Section 3.3.2.1.4: no longer allowed, and nothing to be looked up for a stranger.
  const named = chunk.parameters.find((each) => each.type === "HOST_NAME_ADDRESS");
  if (named === undefined) return offered.authentication ? authenticationFlaw(chunk.parameters) : undefined;
  return [{ type: "UNRESOLVABLE_ADDRESS", code: 5, value: writeParameter(named).subarray(0, 260) }];
}

/** RFC 4895 sections 3.2 and 6.1. The lists go into cookies, so they are bounded. */
function authenticationFlaw(parameters: readonly Parameter[]): readonly Cause[] | undefined {
  const good = parameters.every(
    (each) =>
      (each.type !== "RANDOM" || each.random.length === randomBytes) &&
      (each.type !== "CHUNK_LIST" || each.chunkTypes.length <= maxChunkTypes) &&
      (each.type !== "HMAC_ALGORITHM" || each.hmacIds.length <= maxHmacIds),
  );
  return good ? undefined : [{ type: "PROTOCOL_VIOLATION", code: 13, value: new Uint8Array(0) }];
}

const maxChunkTypes = 256;
const maxHmacIds = 32;

export const windowTooSmall = (chunk: InitChunk | InitAckChunk): boolean =>
  chunk.advertisedWindow < smallestWindowBytes;

/** The parameters of INIT or INIT ACK, sorted by what is done about them (section 3.2.1). */
export interface ScreenedParameters {
  /** Those that this stack acts upon, with repetition and excess taken out: their size is bounded. */
  readonly used: readonly Parameter[];
  /** Those that the peer wants reported, with their headers, as many as fit into `reportLimitBytes`. */
  readonly unrecognized: readonly Uint8Array[];
}

export interface ScreeningLimits {
  readonly maxPeerAddresses: number;
  /** Bytes that the reports may take in the answer, headers included. */
  readonly reportLimitBytes: number;
  readonly offered: Extensions;
}

const reportHeaderBytes = 4;

export function screenParameters(
  parameters: readonly Parameter[],
  limits: ScreeningLimits,
): ScreenedParameters {
  const used: Parameter[] = [];
  const unrecognized: Uint8Array[] = [];
  let reportBytes = 0;
  let addresses = 0;
  for (const parameter of parameters) {
    if (isRecognized(parameter, limits.offered)) {
      const isAddress = parameter.type === "IPV4_ADDRESS" || parameter.type === "IPV6_ADDRESS";
      if (
        isAddress ? addresses++ < limits.maxPeerAddresses : !used.some((each) => each.type === parameter.type)
      )
        used.push(...condensed(parameter));
      continue;
    }
    const value = writeParameter(parameter);
    const action = parameterAction(((value[0] ?? 0) << 8) | (value[1] ?? 0));
    const length = reportHeaderBytes + padded(value.length);
    if (action.report && reportBytes + length <= limits.reportLimitBytes) {
      unrecognized.push(value);
      reportBytes += length;
    }
    if (!action.skip) break;
  }
  return { used, unrecognized };
}

/** An extension that is not offered is one that we do not know. */
function isRecognized(parameter: Parameter, offered: Extensions): boolean {
  switch (parameter.type) {
    case "IPV4_ADDRESS":
    case "IPV6_ADDRESS":
    case "COOKIE_PRESERVATIVE":
    case "SUPPORTED_ADDRESS_TYPES":
    case "STATE_COOKIE":
    case "UNRECOGNIZED_PARAMETER":
    case "SUPPORTED_EXTENSIONS":
    case "ADAPTATION_LAYER_INDICATION":
    case "PADDING":
      return true;
    case "FORWARD_TSN_SUPPORTED":
      return offered.partialReliability;
    case "ECN_CAPABLE":
      return offered.ecn;
    case "RANDOM":
    case "CHUNK_LIST":
    case "HMAC_ALGORITHM":
      return offered.authentication;
    // Advice that is not taken (RFC 5061 section 5.4).
    case "SET_PRIMARY_ADDRESS":
      return offered.addressReconfiguration;
    default:
      return false;
  }
}

/** What is kept of a recognized parameter, bounded: it has to fit into a cookie. */
function condensed(parameter: Parameter): readonly Parameter[] {
  switch (parameter.type) {
    case "IPV4_ADDRESS":
    case "IPV6_ADDRESS":
    case "ADAPTATION_LAYER_INDICATION":
    case "FORWARD_TSN_SUPPORTED":
    case "ECN_CAPABLE":
    case "COOKIE_PRESERVATIVE":
    // These are part of the key as they are (RFC 4895 section 6.1).
    case "RANDOM":
    case "CHUNK_LIST":
    case "HMAC_ALGORITHM":
      return [parameter];
    case "SUPPORTED_ADDRESS_TYPES":
      return [
        { ...parameter, types: [...new Set(parameter.types)].filter((type) => type === 5 || type === 6) },
      ];
    case "SUPPORTED_EXTENSIONS":
      return [{ ...parameter, chunkTypes: [...new Set(parameter.chunkTypes)] }];
    case "UNRECOGNIZED_PARAMETER":
      return deniesForwardTsn(parameter) ? [{ ...parameter, value: parameter.value.slice(0, 4) }] : [];
    default:
      return [];
  }
}

/** For ERROR behind COOKIE ECHO: the parameters one behind the other (section 3.3.10.8). */
export function unrecognizedCause(parameters: readonly Uint8Array[]): Cause {
  const value = new Uint8Array(parameters.reduce((sum, each) => sum + padded(each.length), 0));
  let at = 0;
  for (const parameter of parameters) {
    value.set(parameter, at);
    at += padded(parameter.length);
  }
  return { type: "UNRECOGNIZED_PARAMETERS", code: 8, value };
}

/** The addresses as a cause lists them (section 3.3.10.11). */
export const restartCause = (added: readonly string[]): Cause => ({
  type: "RESTART_WITH_NEW_ADDRESSES",
  code: 11,
  value: Uint8Array.from(added.flatMap((address) => [...writeParameter(addressParameter(address))])),
});

export const adaptationOf = (parameters: readonly Parameter[]): number | undefined =>
  parameters.find((each) => each.type === "ADAPTATION_LAYER_INDICATION")?.codePoint;
