import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Stale Cookie, RFC 9260 section 3.3.10.3.
 *
 *   | code = 3                      | length = 8                    |
 *   | measure of staleness, microseconds; 0 when not told           |
 */
export interface StaleCookieCause {
  readonly type: "STALE_COOKIE";
  readonly code: 3;
  readonly stalenessUs: number;
}

export const staleCookie: Codec<StaleCookieCause> = {
  typeNumber: 3,
  parse: ({ view }, start, end) =>
    tooShort("Stale Cookie", start, end, 8) ?? {
      type: "STALE_COOKIE",
      code: 3,
      stalenessUs: view.getUint32(start + 4),
    },
  length: () => 8,
  write: (cause, { view }, start) => view.setUint32(start + 4, cause.stalenessUs),
  describe: (cause) => `Stale Cookie by ${cause.stalenessUs} us`,
};
