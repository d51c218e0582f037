import { padded } from "../../base/bytes.ts";
import type { ByteSource } from "../../base/bytes.ts";
import { HEADER_BYTES, tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * HEARTBEAT and HEARTBEAT ACK, RFC 9260 sections 3.3.5 and 3.3.6: a Heartbeat Info parameter.
 *
 *   | type = 4 or 5 | flags = 0     | length = 8 + info             |
 *   | parameter type = 1            | parameter length = 4 + info   |
 *   | heartbeat information of the sender                           |
 */
interface HeartbeatContent {
  /** Value of the Heartbeat Info parameter: only its sender knows what it means. */
  readonly info: Uint8Array;
  /** Further parameters behind it, which come back as they are. */
  readonly further?: Uint8Array;
}

export interface HeartbeatChunk extends HeartbeatContent {
  readonly type: "HEARTBEAT";
}

export interface HeartbeatAckChunk extends HeartbeatContent {
  readonly type: "HEARTBEAT_ACK";
}

const INFO_PARAMETER = 1;
const INFO_AT = 2 * HEADER_BYTES;

function parseContent(
  name: string,
  { bytes, view }: ByteSource,
  start: number,
  end: number,
): HeartbeatContent | WireFlaw {
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
  const info = bytes.subarray(start + INFO_AT, parameter + length);
  const behind = parameter + padded(length);
  return behind < end ? { info, further: bytes.subarray(behind, end) } : { info };
}

const contentLength = ({ info, further }: HeartbeatContent): number =>
  further === undefined ? INFO_AT + info.length : INFO_AT + padded(info.length) + further.length;

function writeContent(chunk: HeartbeatContent, { bytes, view }: ByteSource, start: number): void {
  view.setUint16(start + HEADER_BYTES, INFO_PARAMETER);
  view.setUint16(start + HEADER_BYTES + 2, HEADER_BYTES + chunk.info.length);
  bytes.set(chunk.info, start + INFO_AT);
  if (chunk.further !== undefined) bytes.set(chunk.further, start + INFO_AT + padded(chunk.info.length));
}

export const heartbeat: Codec<HeartbeatChunk> = {
  typeNumber: 4,
  parse: (source, start, end) => {
    const content = parseContent("HEARTBEAT", source, start, end);
    return content instanceof WireFlaw ? content : { type: "HEARTBEAT", ...content };
  },
  length: contentLength,
  write: writeContent,
  describe: (chunk) => `HEARTBEAT (${chunk.info.length} B)`,
};

export const heartbeatAck: Codec<HeartbeatAckChunk> = {
  typeNumber: 5,
  parse: (source, start, end) => {
    const content = parseContent("HEARTBEAT ACK", source, start, end);
    return content instanceof WireFlaw ? content : { type: "HEARTBEAT_ACK", ...content };
  },
  length: contentLength,
  write: writeContent,
  describe: (chunk) => `HEARTBEAT_ACK (${chunk.info.length} B)`,
};
