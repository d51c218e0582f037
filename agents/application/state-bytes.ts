import { decode, encode } from "cborg";
import * as z from "zod";

/** The state of an application as bytes: CBOR of its name and its values, so that no application reads another's. */
export const writeState = (name: string, state: unknown): Uint8Array => encode([name, state]);

/** The state that `writeState` wrote under this name; undefined for any other bytes. */
export function readState<State>(
  name: string,
  bytes: Uint8Array,
  shape: z.ZodType<State>,
): State | undefined {
  let value: unknown;
  try {
    value = decode(bytes);
  } catch {
    // Every throw of the decoder says that the bytes are no CBOR.
    return undefined;
  }
  const parsed = z.tuple([z.literal(name), shape]).safeParse(value);
  return parsed.success ? parsed.data[1] : undefined;
}

/** What an application says when it cannot go on from what was saved. */
export const unreadable = (name: string): string =>
  `the saved state of the ${name} application cannot be read: it begins afresh`;

export const count: z.ZodType<number> = z.int().min(0);
export const bit16: z.ZodType<number> = z.int().min(0).max(0xffff);
export const bit32: z.ZodType<number> = z.int().min(0).max(0xffffffff);
export const bytesShape: z.ZodType<Uint8Array> = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
