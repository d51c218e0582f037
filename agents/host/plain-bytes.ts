/**
 * The same bytes without Node's Buffer around them: the pure rooms rely on `slice` making a copy, which
 * a Buffer's does not.
 */
export const plainBytes = (buffer: Buffer): Uint8Array =>
  new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
