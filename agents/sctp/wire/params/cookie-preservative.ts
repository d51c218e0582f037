import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Cookie Preservative, RFC 9260 section 3.3.2.1.3.
 *
 *   | type = 9                      | length = 8                    |
 *   | suggested increment of the cookie's life, milliseconds        |
 */
export interface CookiePreservativeParameter {
  readonly type: "COOKIE_PRESERVATIVE";
  readonly incrementMs: number;
}

export const cookiePreservative: Codec<CookiePreservativeParameter> = {
  typeNumber: 9,
  parse: ({ view }, start, end) =>
    tooShort("Cookie Preservative", start, end, 8) ?? {
      type: "COOKIE_PRESERVATIVE",
      incrementMs: view.getUint32(start + 4),
    },
  length: () => 8,
  write: (parameter, { view }, start) => view.setUint32(start + 4, parameter.incrementMs),
  describe: (parameter) => `Cookie Preservative ${parameter.incrementMs} ms`,
};
