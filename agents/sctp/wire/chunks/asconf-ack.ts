import { tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { parametersLength, parseParameters, writeParameters } from "../params/index.ts";
import type { Parameter } from "../params/index.ts";

/**
 * ASCONF-ACK, RFC 5061 section 4.1.2.
 *
 *   | type = 0x80   | flags = 0     | length                        |
 *   | serial number                                                 |
 *   | ASCONF parameter responses                                    |
 */
export interface AsconfAckChunk {
  readonly type: "ASCONF_ACK";
  readonly serialNumber: number;
  readonly parameters: readonly Parameter[];
}

/** Where the parameters begin. */
const ASCONF_ACK_HEADER_BYTES = 8;

export const asconfAck: Codec<AsconfAckChunk> = {
  typeNumber: 0x80,
  parse: (source, start, end) => {
    const short = tooShort("ASCONF-ACK", start, end, ASCONF_ACK_HEADER_BYTES);
    if (short !== undefined) return short;
    const parameters = parseParameters(source, start + ASCONF_ACK_HEADER_BYTES, end);
    if (parameters instanceof WireFlaw) return parameters;
    return { type: "ASCONF_ACK", serialNumber: source.view.getUint32(start + 4), parameters };
  },
  length: (chunk) => ASCONF_ACK_HEADER_BYTES + parametersLength(chunk.parameters),
  write: (chunk, out, start) => {
    out.view.setUint32(start + 4, chunk.serialNumber);
    writeParameters(chunk.parameters, out, start + ASCONF_ACK_HEADER_BYTES);
  },
  describe: (chunk) => `ASCONF_ACK serial=${chunk.serialNumber} parameters=${chunk.parameters.length}`,
};
