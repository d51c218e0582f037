import { addressBytes, ipv4Text, ipv6Text } from "../../base/bytes.ts";
import { HEADER_BYTES, tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * IPv4 Address and IPv6 Address, RFC 9260 sections 3.3.2.1.1 and 3.3.2.1.2.
 *
 *   | type = 5 or 6                 | length = 8 or 20              |
 *   | address, 4 or 16 bytes                                        |
 */
export interface Ipv4AddressParameter {
  readonly type: "IPV4_ADDRESS";
  /** Dotted decimal. */
  readonly address: string;
}

export interface Ipv6AddressParameter {
  readonly type: "IPV6_ADDRESS";
  /** In the form of RFC 5952. */
  readonly address: string;
}

export type AddressParameter = Ipv4AddressParameter | Ipv6AddressParameter;

/** The parameter that carries an address. */
export const addressParameter = (address: string): AddressParameter =>
  address.includes(":") ? { type: "IPV6_ADDRESS", address } : { type: "IPV4_ADDRESS", address };

export const ipv4Address: Codec<Ipv4AddressParameter> = {
  typeNumber: 5,
  parse: ({ view }, start, end) =>
    tooShort("IPv4 Address", start, end, 8) ?? {
      type: "IPV4_ADDRESS",
      address: ipv4Text(view, start + HEADER_BYTES),
    },
  length: () => 8,
  write: (parameter, { bytes }, start) => bytes.set(addressBytes(parameter.address, 4), start + HEADER_BYTES),
  describe: (parameter) => `IPv4 Address ${parameter.address}`,
};

export const ipv6Address: Codec<Ipv6AddressParameter> = {
  typeNumber: 6,
  parse: ({ view }, start, end) =>
    tooShort("IPv6 Address", start, end, 20) ?? {
      type: "IPV6_ADDRESS",
      address: ipv6Text(view, start + HEADER_BYTES),
    },
  length: () => 20,
  write: (parameter, { bytes }, start) =>
    bytes.set(addressBytes(parameter.address, 16), start + HEADER_BYTES),
  describe: (parameter) => `IPv6 Address ${parameter.address}`,
};
