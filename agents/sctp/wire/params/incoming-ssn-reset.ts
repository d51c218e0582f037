import { readUint16s, writeUint16s } from "../../base/bytes.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Incoming SSN Reset Request, RFC 6525 section 4.2.
 *
 *   | type = 14                     | length = 8 + 2 N              |
 *   | re-configuration request sequence number                      |
 *   | stream 1 (none: all streams)  | stream 2 ...                  |
 */
export interface IncomingSsnResetParameter {
  readonly type: "INCOMING_SSN_RESET_REQUEST";
  readonly requestSequence: number;
  readonly streams: readonly number[];
}

export const incomingSsnReset: Codec<IncomingSsnResetParameter> = {
  typeNumber: 14,
  parse: ({ view }, start, end) =>
    tooShort("Incoming SSN Reset Request", start, end, 8) ?? {
      type: "INCOMING_SSN_RESET_REQUEST",
      requestSequence: view.getUint32(start + 4),
      streams: readUint16s(view, start + 8, end),
    },
  length: (parameter) => 8 + 2 * parameter.streams.length,
  write: (parameter, { view }, start) => {
    view.setUint32(start + 4, parameter.requestSequence);
    writeUint16s(view, start + 8, parameter.streams);
  },
  describe: (parameter) =>
    `Incoming SSN Reset Request request=${parameter.requestSequence} streams=${parameter.streams.join(",") || "all"}`,
};
