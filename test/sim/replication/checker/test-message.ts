import type { NumberedMessage } from "./history.ts";

/**
 * The checker's own reading of a test message: magic "USTY", flow, stream, number, checksum and time, then
 * filler in which byte i is (number + i) modulo 256. It shares nothing with the application that writes them.
 */
const magic = 0x55535459;
const headerBytes = 24;
const flows = ["up", "down", "echo"];

/** Undefined for a payload that is none; the rest of a message may follow in other payloads. */
export function readNumbered(payload: Uint8Array): NumberedMessage | undefined {
  if (payload.length < headerBytes) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const flow = flows[view.getUint8(4)];
  if (view.getUint32(0) !== magic || flow === undefined) return undefined;
  const number = view.getUint32(8);
  let intact = true;
  for (let at = headerBytes; at < payload.length; at++) intact &&= payload[at] === ((number + at) & 255);
  return { flow, streamId: view.getUint16(6), number, intact };
}
