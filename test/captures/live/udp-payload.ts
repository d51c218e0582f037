/** Payload of test packet `number`: its number, then bytes and a length that follow from it. */
export function udpPayload(number: number): Buffer {
  const bytes = Buffer.alloc(8 + ((number * 7) % 1200), number & 0xff);
  bytes.writeUInt32BE(number, 0);
  bytes.writeUInt32BE(Math.imul(number, 2654435761) >>> 0, 4);
  return bytes;
}
