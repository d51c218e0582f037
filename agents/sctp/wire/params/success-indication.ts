import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Success Indication, RFC 5061 section 4.2.5.
 *
 *   | type = 0xC005                 | length = 8                    |
 *   | response correlation ID                                       |
 */
export interface SuccessIndicationParameter {
  readonly type: "SUCCESS_INDICATION";
  readonly correlationId: number;
}

export const successIndication: Codec<SuccessIndicationParameter> = {
  typeNumber: 0xc005,
  parse: ({ view }, start, end) =>
    tooShort("Success Indication", start, end, 8) ?? {
      type: "SUCCESS_INDICATION",
      correlationId: view.getUint32(start + 4),
    },
  length: () => 8,
  write: (parameter, { view }, start) => view.setUint32(start + 4, parameter.correlationId),
  describe: (parameter) => `Success Indication id=${parameter.correlationId}`,
};
