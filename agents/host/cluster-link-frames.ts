import type { ClusterFrame } from "../replica/index.ts";
import { ByteWriter, decodeFrame, expectedFrameBytes, writeFrame } from "../replica/index.ts";
import { plainBytes } from "./plain-bytes.ts";

/** Largest frame: a state with full buffers on both sides. */
export const maxFrameBytes: number = 8 * 1024 * 1024;
const lengthBytes = 4;

/** What a byte stream carried: a frame, a sign of life, or what is no frame, after which nothing can be read. */
export type Carried =
  | { readonly kind: "frame"; readonly frame: ClusterFrame }
  | { readonly kind: "alive" }
  | { readonly kind: "flaw"; readonly reason: string };

/** Frames as they travel, each behind its length in four bytes; undefined when one is longer than the link takes. */
export function joinFrames(frames: readonly ClusterFrame[]): Buffer | undefined {
  const expected = frames.reduce((sum, frame) => sum + lengthBytes + expectedFrameBytes(frame), 0);
  const writer = new ByteWriter(Buffer.allocUnsafe(expected));
  for (const frame of frames) {
    const length = writer.prefixed((each) => writeFrame(each, frame));
    if (length > maxFrameBytes) return undefined;
  }
  const { buffer, byteOffset, byteLength } = writer.finish();
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A length of 0 stands for no frame: it only shows that the sender lives. */
export const signOfLife: Buffer = Buffer.alloc(lengthBytes);

/** Cuts a byte stream into frames. Every byte is copied once at most, however the stream was cut before. */
export class FrameSplitter {
  #parts: Buffer[] = [];
  #waitingBytes: number = 0;
  #wantedBytes: number = lengthBytes;
  #broken: boolean = false;

  push(bytes: Buffer): Carried[] {
    if (this.#broken) return [];
    this.#parts.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes < this.#wantedBytes) return [];
    const all = this.#parts.length === 1 ? bytes : Buffer.concat(this.#parts);
    const carried: Carried[] = [];
    let at = 0;
    this.#wantedBytes = lengthBytes;
    while (all.length - at >= lengthBytes) {
      const length = all.readUInt32BE(at);
      if (length > maxFrameBytes) return this.#flaw(carried, `a frame of ${length} bytes is announced`);
      const end = at + lengthBytes + length;
      if (end > all.length) {
        this.#wantedBytes = lengthBytes + length;
        break;
      }
      if (length === 0) carried.push({ kind: "alive" });
      else {
        const frame = decodeFrame(plainBytes(all.subarray(at + lengthBytes, end)));
        if (frame === undefined) return this.#flaw(carried, "it carries bytes that are no frame");
        carried.push({ kind: "frame", frame });
      }
      at = end;
    }
    this.#parts = at === all.length ? [] : [all.subarray(at)];
    this.#waitingBytes = all.length - at;
    return carried;
  }

  #flaw(carried: Carried[], reason: string): Carried[] {
    this.#broken = true;
    this.#parts = [];
    return [...carried, { kind: "flaw", reason }];
  }
}
