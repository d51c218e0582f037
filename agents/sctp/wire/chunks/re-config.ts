import { HEADER_BYTES, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { describeParameter, parametersLength, parseParameters, writeParameters } from "../params/index.ts";
import type { Parameter } from "../params/index.ts";

/**
 * RE-CONFIG, RFC 6525 section 3.1.
 *
 *   | type = 130    | flags = 0     | length                        |
 *   | one or two re-configuration parameters                        |
 */
export interface ReConfigChunk {
  readonly type: "RE_CONFIG";
  readonly parameters: readonly Parameter[];
}

export const reConfig: Codec<ReConfigChunk> = {
  typeNumber: 130,
  parse: (source, start, end) => {
    const parameters = parseParameters(source, start + HEADER_BYTES, end);
    return parameters instanceof WireFlaw ? parameters : { type: "RE_CONFIG", parameters };
  },
  length: (chunk) => HEADER_BYTES + parametersLength(chunk.parameters),
  write: (chunk, out, start) => writeParameters(chunk.parameters, out, start + HEADER_BYTES),
  describe: (chunk) => `RE_CONFIG ${chunk.parameters.map(describeParameter).join(", ")}`.trimEnd(),
};
