import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Re-configuration Response, RFC 6525 section 4.4.
 *
 *   | type = 16                     | length = 12 or 20             |
 *   | re-configuration response sequence number                     |
 *   | result                                                        |
 *   | sender's next TSN (optional)                                  |
 *   | receiver's next TSN (optional)                                |
 */
export interface ReconfigurationResponseParameter {
  readonly type: "RECONFIGURATION_RESPONSE";
  readonly responseSequence: number;
  /** 0 nothing to do, 1 performed, 2 denied, 3 wrong SSN, 4 already in progress, 5 bad sequence number, 6 in progress. */
  readonly result: number;
  /** Both or neither: they answer an SSN/TSN reset. */
  readonly nextTsns?: { readonly sender: Tsn; readonly receiver: Tsn };
}

export const reconfigurationResponse: Codec<ReconfigurationResponseParameter> = {
  typeNumber: 16,
  parse: ({ view }, start, end) => {
    const short = tooShort("Re-configuration Response", start, end, 12);
    if (short !== undefined) return short;
    const response = {
      type: "RECONFIGURATION_RESPONSE",
      responseSequence: view.getUint32(start + 4),
      result: view.getUint32(start + 8),
    } as const;
    if (end - start < 20) return response;
    const nextTsns = { sender: tsn(view.getUint32(start + 12)), receiver: tsn(view.getUint32(start + 16)) };
    return { ...response, nextTsns };
  },
  length: (parameter) => (parameter.nextTsns === undefined ? 12 : 20),
  write: (parameter, { view }, start) => {
    view.setUint32(start + 4, parameter.responseSequence);
    view.setUint32(start + 8, parameter.result);
    if (parameter.nextTsns === undefined) return;
    view.setUint32(start + 12, parameter.nextTsns.sender);
    view.setUint32(start + 16, parameter.nextTsns.receiver);
  },
  describe: (parameter) =>
    `Re-configuration Response response=${parameter.responseSequence} result=${parameter.result}`,
};
