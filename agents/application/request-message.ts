const magic = 0x55535451; // "USTQ"
const requestHeaderBytes = 12;

/**
 * A request or its response. Big-endian: magic (4), 0 for a request and 1 for a response (1), zero (3),
 * number of the request (4); then filler.
 */
export interface RequestMessage {
  readonly kind: "request" | "response";
  readonly number: number;
  readonly sizeBytes: number;
}

export function writeRequestMessage({ kind, number, sizeBytes }: RequestMessage): Uint8Array {
  const bytes = new Uint8Array(Math.max(sizeBytes, requestHeaderBytes));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setUint8(4, kind === "request" ? 0 : 1);
  view.setUint32(8, number);
  return bytes;
}

/** Undefined for a payload that is neither. */
export function readRequestMessage(payload: Uint8Array): RequestMessage | undefined {
  if (payload.length < requestHeaderBytes) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const kind = view.getUint8(4);
  if (view.getUint32(0) !== magic || kind > 1) return undefined;
  return {
    kind: kind === 0 ? "request" : "response",
    number: view.getUint32(8),
    sizeBytes: payload.length,
  };
}
