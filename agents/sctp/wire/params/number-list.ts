import { readUint16s, writeUint16s } from "../../base/bytes.ts";
import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Lists of 16-bit numbers: Supported Address Types (RFC 9260 section 3.3.2.1.5), Requested HMAC
 * Algorithm (RFC 4895 section 3.3).
 *
 *   | type = 12 or 0x8004           | length = 4 + 2 N              |
 *   | number 1                      | number 2 ...                  |
 */
export interface SupportedAddressTypesParameter {
  readonly type: "SUPPORTED_ADDRESS_TYPES";
  /** Type numbers of address parameters: 5 is IPv4, 6 is IPv6. */
  readonly types: readonly number[];
}

export interface HmacAlgorithmParameter {
  readonly type: "HMAC_ALGORITHM";
  /** 1 is SHA-1, 3 is SHA-256; the sender prefers the first. */
  readonly hmacIds: readonly number[];
}

export const supportedAddressTypes: Codec<SupportedAddressTypesParameter> = {
  typeNumber: 12,
  parse: ({ view }, start, end) => ({
    type: "SUPPORTED_ADDRESS_TYPES",
    types: readUint16s(view, start + HEADER_BYTES, end),
  }),
  length: (parameter) => HEADER_BYTES + 2 * parameter.types.length,
  write: (parameter, { view }, start) => writeUint16s(view, start + HEADER_BYTES, parameter.types),
  describe: (parameter) => `Supported Address Types ${parameter.types.join(",")}`,
};

export const hmacAlgorithm: Codec<HmacAlgorithmParameter> = {
  typeNumber: 0x8004,
  parse: ({ view }, start, end) => ({
    type: "HMAC_ALGORITHM",
    hmacIds: readUint16s(view, start + HEADER_BYTES, end),
  }),
  length: (parameter) => HEADER_BYTES + 2 * parameter.hmacIds.length,
  write: (parameter, { view }, start) => writeUint16s(view, start + HEADER_BYTES, parameter.hmacIds),
  describe: (parameter) => `Requested HMAC Algorithm ${parameter.hmacIds.join(",")}`,
};
