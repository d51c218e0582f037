import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Unsupported HMAC Identifier, RFC 4895 section 4.1.
 *
 *   | code = 0x0105                 | length = 6                    |
 *   | HMAC identifier               | padding                       |
 */
export interface UnsupportedHmacIdentifierCause {
  readonly type: "UNSUPPORTED_HMAC_IDENTIFIER";
  readonly code: 0x0105;
  readonly hmacId: number;
}

export const unsupportedHmacIdentifier: Codec<UnsupportedHmacIdentifierCause> = {
  typeNumber: 0x0105,
  parse: ({ view }, start, end) =>
    tooShort("Unsupported HMAC Identifier", start, end, 6) ?? {
      type: "UNSUPPORTED_HMAC_IDENTIFIER",
      code: 0x0105,
      hmacId: view.getUint16(start + 4),
    },
  length: () => 6,
  write: (cause, { view }, start) => view.setUint16(start + 4, cause.hmacId),
  describe: (cause) => `Unsupported HMAC Identifier ${cause.hmacId}`,
};
