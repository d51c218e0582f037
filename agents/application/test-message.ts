import { crc32c } from "../sctp/index.ts";

/** Which side gave the number: `up` the outside computer, `down` the cluster, `echo` a `down` message sent back. */
export type Flow = (typeof flows)[number];

export const flows = ["up", "down", "echo"] as const;

const magic = 0x55535459; // "USTY"
const checksumAt = 12;
const testMessageHeaderBytes = 24;
const noChecksum = new Uint8Array(4);

/**
 * A numbered message that proves its own integrity. Big-endian: magic (4), flow (1), zero (1), stream
 * (2), number (4), CRC32c of the whole message with this field zero (4), epoch microseconds at which it
 * was numbered (8); then filler: byte i of the message is (number + i) modulo 256.
 */
export interface TestMessage {
  readonly flow: Flow;
  readonly streamId: number;
  readonly number: number;
  readonly sentAtUs: number;
  readonly sizeBytes: number;
}

export function writeTestMessage(message: TestMessage): Uint8Array {
  const bytes = new Uint8Array(Math.max(message.sizeBytes, testMessageHeaderBytes));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setUint8(4, flows.indexOf(message.flow));
  view.setUint16(6, message.streamId);
  view.setUint32(8, message.number);
  view.setBigUint64(16, BigInt(Math.round(message.sentAtUs)));
  for (let index = testMessageHeaderBytes; index < bytes.length; index++)
    bytes[index] = message.number + index;
  view.setUint32(checksumAt, crc32c(bytes));
  return bytes;
}

/** The message in a payload, and whether its checksum holds; undefined for a payload that is none of ours. */
export function readTestMessage(
  payload: Uint8Array,
): (TestMessage & { readonly intact: boolean }) | undefined {
  if (payload.length < testMessageHeaderBytes) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const flow = flows[view.getUint8(4)];
  if (view.getUint32(0) !== magic || flow === undefined) return undefined;
  const before = crc32c(payload, 0, checksumAt, 0, view);
  const checked = crc32c(payload, checksumAt + 4, payload.length, crc32c(noChecksum, 0, 4, before), view);
  return {
    flow,
    streamId: view.getUint16(6),
    number: view.getUint32(8),
    sentAtUs: Number(view.getBigUint64(16)),
    sizeBytes: payload.length,
    intact: checked === view.getUint32(checksumAt),
  };
}
