import { readUint16s, writeUint16s } from "../../base/bytes.ts";
import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Outgoing SSN Reset Request, RFC 6525 section 4.1.
 *
 *   | type = 13                     | length = 16 + 2 N             |
 *   | re-configuration request sequence number                      |
 *   | re-configuration response sequence number                     |
 *   | sender's last assigned TSN                                    |
 *   | stream 1 (none: all streams)  | stream 2 ...                  |
 */
export interface OutgoingSsnResetParameter {
  readonly type: "OUTGOING_SSN_RESET_REQUEST";
  readonly requestSequence: number;
  readonly responseSequence: number;
  readonly lastTsn: Tsn;
  readonly streams: readonly number[];
}

export const outgoingSsnReset: Codec<OutgoingSsnResetParameter> = {
  typeNumber: 13,
  parse: ({ view }, start, end) =>
    tooShort("Outgoing SSN Reset Request", start, end, 16) ?? {
      type: "OUTGOING_SSN_RESET_REQUEST",
      requestSequence: view.getUint32(start + 4),
      responseSequence: view.getUint32(start + 8),
      lastTsn: tsn(view.getUint32(start + 12)),
      streams: readUint16s(view, start + 16, end),
    },
  length: (parameter) => 16 + 2 * parameter.streams.length,
  write: (parameter, { view }, start) => {
    view.setUint32(start + 4, parameter.requestSequence);
    view.setUint32(start + 8, parameter.responseSequence);
    view.setUint32(start + 12, parameter.lastTsn);
    writeUint16s(view, start + 16, parameter.streams);
  },
  describe: (parameter) =>
    `Outgoing SSN Reset Request request=${parameter.requestSequence} response=${parameter.responseSequence} ` +
    `last=${parameter.lastTsn} streams=${parameter.streams.join(",") || "all"}`,
};
