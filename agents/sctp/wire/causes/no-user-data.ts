import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * No User Data, RFC 9260 section 3.3.10.9: a DATA chunk without payload was received.
 *
 *   | code = 9                      | length = 8                    |
 *   | TSN of that DATA chunk                                        |
 */
export interface NoUserDataCause {
  readonly type: "NO_USER_DATA";
  readonly code: 9;
  readonly tsn: Tsn;
}

export const noUserData: Codec<NoUserDataCause> = {
  typeNumber: 9,
  parse: ({ view }, start, end) =>
    tooShort("No User Data", start, end, 8) ?? {
      type: "NO_USER_DATA",
      code: 9,
      tsn: tsn(view.getUint32(start + 4)),
    },
  length: () => 8,
  write: (cause, { view }, start) => view.setUint32(start + 4, cause.tsn),
  describe: (cause) => `No User Data tsn=${cause.tsn}`,
};
