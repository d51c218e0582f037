import type { ByteSource } from "../../base/bytes.ts";
import { HEADER_BYTES, tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * HEARTBEAT and HEARTBEAT ACK, RFC 9260 sections 3.3.5 and 3.3.6: one Heartbeat Info parameter.
 *
 *   | type = 4 or 5 | flags = 0     | length = 8 + info             |
 *   | parameter type = 1            | parameter length = 4 + info   |
 *   | heartbeat information of the sender                           |
 */
export interface HeartbeatChunk {
  readonly type: "HEARTBEAT";
  /** Value of the Heartbeat Info parameter: only its sender knows what it means. */
  readonly info: Uint8Array;
}

export interface HeartbeatAckChunk {
  readonly type: "HEARTBEAT_ACK";
  /** The information of the HEARTBEAT, sent back. */
  readonly info: Uint8Array;
}

const INFO_PARAMETER = 1;
const INFO_AT = 2 * HEADER_BYTES;

function parseInfo(
  name: string,
  { bytes, view }: ByteSource,
  start: number,
  end: number,
): Uint8Array | WireFlaw {
  const short = tooShort(name, start, end, INFO_AT);
  if (short !== undefined) return short;
  const parameter = start + HEADER_BYTES;
  if (view.getUint16(parameter) !== INFO_PARAMETER) {
    return new WireFlaw(
      parameter,
      `${name} carries a parameter of type ${view.getUint16(parameter)} in place of Heartbeat Info`,
    );
  }
  const length = view.getUint16(parameter + 2);
  if (length < HEADER_BYTES || length > end - parameter) {
    return new WireFlaw(
      parameter + 2,
      `Heartbeat Info says length ${length} where ${end - parameter} bytes are there`,
    );
  }
  return bytes.subarray(start + INFO_AT, parameter + length);
}

function writeInfo(chunk: { readonly info: Uint8Array }, { bytes, view }: ByteSource, start: number): void {
  view.setUint16(start + HEADER_BYTES, INFO_PARAMETER);
  view.setUint16(start + HEADER_BYTES + 2, HEADER_BYTES + chunk.info.length);
  bytes.set(chunk.info, start + INFO_AT);
}

export const heartbeat: Codec<HeartbeatChunk> = {
  typeNumber: 4,
  parse: (source, start, end) => {
    const info = parseInfo("HEARTBEAT", source, start, end);
    return info instanceof WireFlaw ? info : { type: "HEARTBEAT", info };
  },
  length: (chunk) => INFO_AT + chunk.info.length,
  write: writeInfo,
  describe: (chunk) => `HEARTBEAT (${chunk.info.length} B)`,
};

export const heartbeatAck: Codec<HeartbeatAckChunk> = {
  typeNumber: 5,
  parse: (source, start, end) => {
    const info = parseInfo("HEARTBEAT ACK", source, start, end);
    return info instanceof WireFlaw ? info : { type: "HEARTBEAT_ACK", info };
  },
  length: (chunk) => INFO_AT + chunk.info.length,
  write: writeInfo,
  describe: (chunk) => `HEARTBEAT_ACK (${chunk.info.length} B)`,
};
