import { randomBytes } from "node:crypto";
import type { RandomSource } from "../sctp/index.ts";

/** The operating system's generator. */
export const hostRandom: RandomSource = {
  uint32: () => randomBytes(4).readUInt32BE(0),
  bytes: (length) => new Uint8Array(randomBytes(length)),
};
