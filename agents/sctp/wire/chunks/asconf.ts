import { padded } from "../../base/bytes.ts";
import { tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { addressLength, parseAddress, writeAddress } from "../params/address-change.ts";
import { parametersLength, parseParameters, writeParameters } from "../params/index.ts";
import type { Parameter } from "../params/index.ts";
import type { AddressParameter } from "../params/ip-address.ts";

/**
 * ASCONF, RFC 5061 section 4.1.1.
 *
 *   | type = 0xC1   | flags = 0     | length                        |
 *   | serial number                                                 |
 *   | address parameter                                             |
 *   | ASCONF parameters                                             |
 */
export interface AsconfChunk {
  readonly type: "ASCONF";
  readonly serialNumber: number;
  /** Any address of the sender: it finds the association where the source address does not. */
  readonly address: AddressParameter;
  readonly parameters: readonly Parameter[];
}

/** Where the address parameter begins. */
const ASCONF_HEADER_BYTES = 8;

export const asconf: Codec<AsconfChunk> = {
  typeNumber: 0xc1,
  parse: (source, start, end) => {
    const short = tooShort("ASCONF", start, end, ASCONF_HEADER_BYTES);
    if (short !== undefined) return short;
    const addressAt = start + ASCONF_HEADER_BYTES;
    const address = parseAddress(source, addressAt, end);
    if (address instanceof WireFlaw) return address;
    // An address parameter may say more bytes than its address needs: go on behind what it says.
    const parametersAt = addressAt + padded(source.view.getUint16(addressAt + 2));
    const parameters = parseParameters(source, parametersAt, end);
    if (parameters instanceof WireFlaw) return parameters;
    return { type: "ASCONF", serialNumber: source.view.getUint32(start + 4), address, parameters };
  },
  length: (chunk) => ASCONF_HEADER_BYTES + addressLength(chunk.address) + parametersLength(chunk.parameters),
  write: (chunk, out, start) => {
    out.view.setUint32(start + 4, chunk.serialNumber);
    writeAddress(chunk.address, out, start + ASCONF_HEADER_BYTES);
    writeParameters(chunk.parameters, out, start + ASCONF_HEADER_BYTES + addressLength(chunk.address));
  },
  describe: (chunk) => `ASCONF serial=${chunk.serialNumber} parameters=${chunk.parameters.length}`,
};
