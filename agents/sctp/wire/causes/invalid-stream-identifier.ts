import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Invalid Stream Identifier, RFC 9260 section 3.3.10.1.
 *
 *   | code = 1                      | length = 8                    |
 *   | stream identifier             | reserved                      |
 */
export interface InvalidStreamIdentifierCause {
  readonly type: "INVALID_STREAM_IDENTIFIER";
  readonly code: 1;
  readonly streamId: number;
}

export const invalidStreamIdentifier: Codec<InvalidStreamIdentifierCause> = {
  typeNumber: 1,
  parse: ({ view }, start, end) =>
    tooShort("Invalid Stream Identifier", start, end, 8) ?? {
      type: "INVALID_STREAM_IDENTIFIER",
      code: 1,
      streamId: view.getUint16(start + 4),
    },
  length: () => 8,
  write: (cause, { view }, start) => view.setUint16(start + 4, cause.streamId),
  describe: (cause) => `Invalid Stream Identifier ${cause.streamId}`,
};
