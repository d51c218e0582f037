import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Adaptation Layer Indication, RFC 5061 section 4.2.6.
 *
 *   | type = 0xC006                 | length = 8                    |
 *   | adaptation code point                                         |
 */
export interface AdaptationLayerIndicationParameter {
  readonly type: "ADAPTATION_LAYER_INDICATION";
  readonly codePoint: number;
}

export const adaptationLayerIndication: Codec<AdaptationLayerIndicationParameter> = {
  typeNumber: 0xc006,
  parse: ({ view }, start, end) =>
    tooShort("Adaptation Layer Indication", start, end, 8) ?? {
      type: "ADAPTATION_LAYER_INDICATION",
      codePoint: view.getUint32(start + 4),
    },
  length: () => 8,
  write: (parameter, { view }, start) => view.setUint32(start + 4, parameter.codePoint),
  describe: (parameter) =>
    `Adaptation Layer Indication 0x${parameter.codePoint.toString(16).padStart(8, "0")}`,
};
