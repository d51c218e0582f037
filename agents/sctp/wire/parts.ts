import { byteSource } from "../base/bytes.ts";
import { causeCodecOf } from "./causes/index.ts";
import type { Cause } from "./causes/index.ts";
import { parameterCodecOf } from "./params/index.ts";
import type { Parameter } from "./params/index.ts";
import { parseTlvAt } from "./tlv.ts";
import type { TlvAt } from "./tlv.ts";

/**
 * One parameter at a time, with its place in the bytes, for those who show packets: good ones before a
 * malformed one can be shown too. `start` is before `limit`, the end of the list.
 */
export const parseParameterAt = (bytes: Uint8Array, start: number, limit: number): TlvAt<Parameter> =>
  parseTlvAt(byteSource(bytes), start, limit, parameterCodecOf);

/** The same for the error causes of ABORT, ERROR and Error Cause Indication. */
export const parseCauseAt = (bytes: Uint8Array, start: number, limit: number): TlvAt<Cause> =>
  parseTlvAt(byteSource(bytes), start, limit, causeCodecOf);
