import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Parameters that say something by being there: ECN Capable (RFC 9260 section 3.3.2, reserved),
 * Forward-TSN-Supported (RFC 3758 section 3.1).
 *
 *   | type = 0x8000 or 0xC000       | length = 4                    |
 */
export interface EcnCapableParameter {
  readonly type: "ECN_CAPABLE";
}

export interface ForwardTsnSupportedParameter {
  readonly type: "FORWARD_TSN_SUPPORTED";
}

export const ecnCapable: Codec<EcnCapableParameter> = {
  typeNumber: 0x8000,
  parse: () => ({ type: "ECN_CAPABLE" }),
  length: () => HEADER_BYTES,
  write: () => {},
  describe: () => "ECN Capable",
};

export const forwardTsnSupported: Codec<ForwardTsnSupportedParameter> = {
  typeNumber: 0xc000,
  parse: () => ({ type: "FORWARD_TSN_SUPPORTED" }),
  length: () => HEADER_BYTES,
  write: () => {},
  describe: () => "Forward-TSN-Supported",
};
