import type { ByteSource } from "../../base/bytes.ts";
import { tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { parseTlvAt } from "../tlv.ts";
import { ipv4Address, ipv6Address } from "./ip-address.ts";
import type { AddressParameter } from "./ip-address.ts";
import { unknownParameter } from "./unknown.ts";
import type { UnknownParameter } from "./unknown.ts";

/**
 * Add IP Address, Delete IP Address and Set Primary Address, RFC 5061 sections 4.2.1, 4.2.2 and 4.2.4.
 *
 *   | type = 0xC001, 0xC002, 0xC004 | length                        |
 *   | request correlation ID                                        |
 *   | one address parameter                                         |
 */
interface AddressChange<Type extends string> {
  readonly type: Type;
  readonly correlationId: number;
  readonly address: AddressParameter;
}

export type AddIpAddressParameter = AddressChange<"ADD_IP_ADDRESS">;
export type DeleteIpAddressParameter = AddressChange<"DELETE_IP_ADDRESS">;
export type SetPrimaryAddressParameter = AddressChange<"SET_PRIMARY_ADDRESS">;

type AddressCodec = Codec<AddressParameter | UnknownParameter>;

function addressCodecOf(typeNumber: number): AddressCodec {
  if (typeNumber === ipv4Address.typeNumber) return ipv4Address as AddressCodec;
  return (typeNumber === ipv6Address.typeNumber ? ipv6Address : unknownParameter) as AddressCodec;
}

/** Reads the one address parameter at `start`; anything else there is a flaw. */
export function parseAddress(source: ByteSource, start: number, end: number): AddressParameter | WireFlaw {
  const { parsed, typeNumber } = parseTlvAt(source, start, end, addressCodecOf);
  if (parsed instanceof WireFlaw || parsed.type !== "UNKNOWN") return parsed;
  return new WireFlaw(start, `an address parameter should be here, not a parameter of type ${typeNumber}`);
}

export const addressLength = (parameter: AddressParameter): number =>
  parameter.type === "IPV4_ADDRESS" ? 8 : 20;

/** Writes the parameter with its header. */
export function writeAddress(parameter: AddressParameter, out: ByteSource, start: number): void {
  const codec = (parameter.type === "IPV4_ADDRESS" ? ipv4Address : ipv6Address) as AddressCodec;
  out.view.setUint16(start, codec.typeNumber);
  out.view.setUint16(start + 2, addressLength(parameter));
  codec.write(parameter, out, start);
}

function addressChange<Type extends string>(
  type: Type,
  typeNumber: number,
  title: string,
): Codec<AddressChange<Type>> {
  return {
    typeNumber,
    parse: (source, start, end) => {
      const short = tooShort(title, start, end, 8);
      if (short !== undefined) return short;
      const address = parseAddress(source, start + 8, end);
      if (address instanceof WireFlaw) return address;
      return { type, correlationId: source.view.getUint32(start + 4), address };
    },
    length: (parameter) => 8 + addressLength(parameter.address),
    write: (parameter, out, start) => {
      out.view.setUint32(start + 4, parameter.correlationId);
      writeAddress(parameter.address, out, start + 8);
    },
    describe: (parameter) => `${title} ${parameter.address.address} id=${parameter.correlationId}`,
  };
}

export const addIpAddress: Codec<AddIpAddressParameter> = addressChange(
  "ADD_IP_ADDRESS",
  0xc001,
  "Add IP Address",
);
export const deleteIpAddress: Codec<DeleteIpAddressParameter> = addressChange(
  "DELETE_IP_ADDRESS",
  0xc002,
  "Delete IP Address",
);
export const setPrimaryAddress: Codec<SetPrimaryAddressParameter> = addressChange(
  "SET_PRIMARY_ADDRESS",
  0xc004,
  "Set Primary Address",
);
