import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Parameters whose value is a run of bytes that SCTP does not look into: State Cookie (RFC 9260 section
 * 3.3.3.1.1), Unrecognized Parameter (3.3.3.1.2), Host Name Address (3.3.2.1.4, deprecated), Random
 * (RFC 4895 section 3.1), Padding (RFC 4820 section 4).
 *
 *   | type = 7, 8, 11, 0x8002, 0x8005 | length                      |
 *   | value, variable length                                        |
 */
export interface StateCookieParameter {
  readonly type: "STATE_COOKIE";
  readonly cookie: Uint8Array;
}

export interface UnrecognizedParameter {
  readonly type: "UNRECOGNIZED_PARAMETER";
  /** The parameter that was not understood, with its header. */
  readonly value: Uint8Array;
}

export interface HostNameAddressParameter {
  readonly type: "HOST_NAME_ADDRESS";
  readonly hostName: Uint8Array;
}

export interface RandomParameter {
  readonly type: "RANDOM";
  readonly random: Uint8Array;
}

export interface PaddingParameter {
  readonly type: "PADDING";
  readonly padding: Uint8Array;
}

function opaque<T>(
  typeNumber: number,
  title: string,
  wrap: (value: Uint8Array) => T,
  unwrap: (parameter: T) => Uint8Array,
): Codec<T> {
  return {
    typeNumber,
    parse: ({ bytes }, start, end) => wrap(bytes.subarray(start + HEADER_BYTES, end)),
    length: (parameter) => HEADER_BYTES + unwrap(parameter).length,
    write: (parameter, { bytes }, start) => bytes.set(unwrap(parameter), start + HEADER_BYTES),
    describe: (parameter) => `${title} (${unwrap(parameter).length} B)`,
  };
}

export const stateCookie: Codec<StateCookieParameter> = opaque(
  7,
  "State Cookie",
  (cookie) => ({ type: "STATE_COOKIE", cookie }),
  (parameter) => parameter.cookie,
);
export const unrecognizedParameter: Codec<UnrecognizedParameter> = opaque(
  8,
  "Unrecognized Parameter",
  (value) => ({ type: "UNRECOGNIZED_PARAMETER", value }),
  (parameter) => parameter.value,
);
export const hostNameAddress: Codec<HostNameAddressParameter> = opaque(
  11,
  "Host Name Address",
  (hostName) => ({ type: "HOST_NAME_ADDRESS", hostName }),
  (parameter) => parameter.hostName,
);
export const random: Codec<RandomParameter> = opaque(
  0x8002,
  "Random",
  (value) => ({ type: "RANDOM", random: value }),
  (parameter) => parameter.random,
);
export const padding: Codec<PaddingParameter> = opaque(
  0x8005,
  "Padding",
  (value) => ({ type: "PADDING", padding: value }),
  (parameter) => parameter.padding,
);
