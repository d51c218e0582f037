import { createHmac } from "node:crypto";
import { crc32c } from "../../../agents/sctp/index.ts";
import type { Chunk, InitAckChunk, InitChunk, Parameter } from "../../../agents/sctp/wire/index.ts";
import { chunkLength, writePacket, writeParameter } from "../../../agents/sctp/wire/index.ts";

/** The other side of RFC 4895, worked out in another way than the stack does: with big numbers and OpenSSL. */
export class AuthPeer {
  readonly parameters: readonly Parameter[];
  /** Association key for each shared key. */
  #key: (secret: Uint8Array) => Buffer = () => Buffer.alloc(0);

  constructor(chunkTypes: readonly number[] | undefined, hmacIds: readonly number[], fill: number = 3) {
    this.parameters = [
      { type: "RANDOM", random: new Uint8Array(32).fill(fill) },
      ...(chunkTypes === undefined ? [] : [{ type: "CHUNK_LIST", chunkTypes } as const]),
      { type: "HMAC_ALGORITHM", hmacIds },
    ];
  }

  /** Learns the other side's key vector from its INIT or INIT ACK. */
  meets(chunk: InitChunk | InitAckChunk): void {
    const vectorOf = (parameters: readonly Parameter[]): Buffer =>
      Buffer.concat(
        (["RANDOM", "CHUNK_LIST", "HMAC_ALGORITHM"] as const).flatMap((type) => {
          const found = parameters.find((each) => each.type === type);
          return found === undefined ? [] : [writeParameter(found)];
        }),
      );
    const vectors = [vectorOf(this.parameters), vectorOf(chunk.parameters)];
    const [smaller, larger] = vectors.toSorted((a, b) => {
      const difference = BigInt(`0x${a.toString("hex")}`) - BigInt(`0x${b.toString("hex")}`);
      return difference === 0n ? a.length - b.length : difference < 0n ? -1 : 1;
    });
    this.#key = (secret) => Buffer.concat([secret, smaller!, larger!]);
  }

  hmac(covered: Uint8Array, hmacId: number, secret: Uint8Array): Buffer {
    return createHmac(hmacId === 1 ? "sha1" : "sha256", this.#key(secret))
      .update(covered)
      .digest();
  }

  /** A packet with AUTH between chunks that need none and those that it covers. */
  packet(
    tag: number,
    before: readonly Chunk[],
    covered: readonly Chunk[],
    options: { readonly keyId?: number; readonly hmacId?: number; readonly secret?: Uint8Array } = {},
  ): Uint8Array {
    const { keyId = 0, hmacId = 3, secret = new Uint8Array(0) } = options;
    const auth: Chunk = {
      type: "AUTH",
      sharedKeyId: keyId,
      hmacId,
      hmac: new Uint8Array(hmacId === 1 ? 20 : 32),
    };
    const chunks = [...before, auth, ...covered];
    const bytes = writePacket({ sourcePort: 7000, destinationPort: 7000, verificationTag: tag, chunks });
    const authAt = 12 + before.reduce((sum, chunk) => sum + chunkLength(chunk), 0);
    bytes.set(this.hmac(bytes.subarray(authAt), hmacId, secret), authAt + 8);
    return resealed(bytes);
  }

  /** Whether the AUTH chunk at `authAt` of a packet is good. */
  believes(bytes: Uint8Array, authAt: number, secret: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const hmacId = view.getUint16(authAt + 6);
    const length = view.getUint16(authAt + 2) - 8;
    const covered = bytes.slice(authAt).fill(0, 8, 8 + length);
    return this.hmac(covered, hmacId, secret).equals(bytes.subarray(authAt + 8, authAt + 8 + length));
  }
}

export function resealed(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  view.setUint32(8, 0);
  view.setUint32(8, crc32c(copy), true);
  return copy;
}
