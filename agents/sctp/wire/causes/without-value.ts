import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Causes that are a header only: Out of Resource (RFC 9260 section 3.3.10.4), Invalid Mandatory
 * Parameter (3.3.10.7), Cookie Received While Shutting Down (3.3.10.10).
 *
 *   | code = 4, 7 or 10             | length = 4                    |
 */
interface CauseWithoutValue<Type extends string, Code extends number> {
  readonly type: Type;
  readonly code: Code;
}

export type OutOfResourceCause = CauseWithoutValue<"OUT_OF_RESOURCE", 4>;
export type InvalidMandatoryParameterCause = CauseWithoutValue<"INVALID_MANDATORY_PARAMETER", 7>;
export type CookieWhileShuttingDownCause = CauseWithoutValue<"COOKIE_WHILE_SHUTTING_DOWN", 10>;

function withoutValue<Type extends string, Code extends number>(
  type: Type,
  code: Code,
  title: string,
): Codec<CauseWithoutValue<Type, Code>> {
  return {
    typeNumber: code,
    parse: () => ({ type, code }),
    length: () => HEADER_BYTES,
    write: () => {},
    describe: () => title,
  };
}

export const outOfResource: Codec<OutOfResourceCause> = withoutValue("OUT_OF_RESOURCE", 4, "Out of Resource");
export const invalidMandatoryParameter: Codec<InvalidMandatoryParameterCause> = withoutValue(
  "INVALID_MANDATORY_PARAMETER",
  7,
  "Invalid Mandatory Parameter",
);
export const cookieWhileShuttingDown: Codec<CookieWhileShuttingDownCause> = withoutValue(
  "COOKIE_WHILE_SHUTTING_DOWN",
  10,
  "Cookie Received While Shutting Down",
);
