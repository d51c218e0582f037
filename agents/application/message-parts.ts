import * as z from "zod";
import type { Delivery } from "../sctp/index.ts";
import { bit32, bytesShape } from "./state-bytes.ts";

/** Of all messages that are not whole yet together. */
const maxBytes = 4 * 1024 * 1024;

type PartName = Pick<Delivery, "streamId" | "ssn" | "unordered">;
/** Stream, SSN or MID, unordered, what came so far; `null`: it is left out. */
type SavedPart = readonly [number, number, boolean, Uint8Array | null];

export const partsShape: z.ZodType<readonly SavedPart[]> = z.array(
  z.tuple([bit32, bit32, z.boolean(), bytesShape.nullable()]),
);

interface Part {
  readonly name: PartName;
  readonly pieces: Uint8Array[];
  /** It became too long, and the rest of it is left out too. */
  skipped: boolean;
}

/** Beginnings of messages that are delivered in parts (RFC 6458 section 6.1.7). */
export class MessageParts {
  readonly #parts: Map<string, Part> = new Map<string, Part>();
  #bytes: number = 0;
  #revision: number = 0;

  get isEmpty(): boolean {
    return this.#parts.size === 0;
  }

  /** Grows with every change. */
  get revision(): number {
    return this.#revision;
  }

  /** The payload of a whole message; `too-long` when one became longer than there is room for. */
  add({
    streamId,
    ssn,
    unordered,
    payload,
    beginning,
    ending,
  }: Delivery): Uint8Array | "too-long" | undefined {
    if (beginning && ending) return payload;
    this.#revision += 1;
    const name = { streamId, ssn, unordered };
    const part = this.#parts.get(keyOf(name)) ?? { name, pieces: [], skipped: !beginning };
    this.#parts.set(keyOf(name), part);
    const outgrown = !part.skipped && this.#bytes + payload.length > maxBytes;
    if (outgrown) {
      this.#bytes -= lengthOf(part.pieces);
      part.pieces.length = 0;
      part.skipped = true;
    } else if (!part.skipped) {
      part.pieces.push(payload.slice());
      this.#bytes += payload.length;
    }
    const whole = ending && !part.skipped ? joined(part.pieces) : undefined;
    if (ending) this.drop(name);
    return outgrown ? "too-long" : whole;
  }

  drop(name: PartName): void {
    const part = this.#parts.get(keyOf(name));
    if (part === undefined) return;
    this.#revision += 1;
    this.#bytes -= lengthOf(part.pieces);
    this.#parts.delete(keyOf(name));
  }

  save(): SavedPart[] {
    return [...this.#parts.values()].map(({ name, pieces, skipped }) => [
      name.streamId,
      name.ssn,
      name.unordered,
      skipped ? null : joined(pieces),
    ]);
  }

  restore(saved: readonly SavedPart[]): void {
    this.#revision += 1;
    this.#parts.clear();
    this.#bytes = 0;
    for (const [streamId, ssn, unordered, bytes] of saved) {
      const name = { streamId, ssn, unordered };
      const pieces = bytes === null ? [] : [bytes];
      this.#parts.set(keyOf(name), { name, pieces, skipped: bytes === null });
      this.#bytes += lengthOf(pieces);
    }
  }
}

const keyOf = ({ streamId, ssn, unordered }: PartName): string => `${streamId} ${ssn} ${unordered}`;

const lengthOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, piece) => sum + piece.length, 0);

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(lengthOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
