import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * SHUTDOWN, RFC 9260 section 3.3.8.
 *
 *   | type = 7      | flags = 0     | length = 8                    |
 *   | cumulative TSN ack                                            |
 */
export interface ShutdownChunk {
  readonly type: "SHUTDOWN";
  readonly cumulativeTsn: Tsn;
}

export const shutdown: Codec<ShutdownChunk> = {
  typeNumber: 7,
  parse: ({ view }, start, end) =>
    tooShort("SHUTDOWN", start, end, 8) ?? {
      type: "SHUTDOWN",
      cumulativeTsn: tsn(view.getUint32(start + 4)),
    },
  length: () => 8,
  write: (chunk, { view }, start) => view.setUint32(start + 4, chunk.cumulativeTsn),
  describe: (chunk) => `SHUTDOWN cum=${chunk.cumulativeTsn}`,
};
