import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * SSN/TSN Reset Request, RFC 6525 section 4.3.
 *
 *   | type = 15                     | length = 8                    |
 *   | re-configuration request sequence number                      |
 */
export interface SsnTsnResetParameter {
  readonly type: "SSN_TSN_RESET_REQUEST";
  readonly requestSequence: number;
}

export const ssnTsnReset: Codec<SsnTsnResetParameter> = {
  typeNumber: 15,
  parse: ({ view }, start, end) =>
    tooShort("SSN/TSN Reset Request", start, end, 8) ?? {
      type: "SSN_TSN_RESET_REQUEST",
      requestSequence: view.getUint32(start + 4),
    },
  length: () => 8,
  write: (parameter, { view }, start) => view.setUint32(start + 4, parameter.requestSequence),
  describe: (parameter) => `SSN/TSN Reset Request request=${parameter.requestSequence}`,
};
