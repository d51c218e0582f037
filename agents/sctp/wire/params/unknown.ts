import { HEADER_BYTES } from "../codec.ts";
import type { Codec } from "../codec.ts";

/** A parameter whose type no document that we implement defines; `parameterAction` says what to do about it. */
export interface UnknownParameter {
  readonly type: "UNKNOWN";
  readonly typeNumber: number;
  readonly value: Uint8Array;
}

export const unknownParameter: Codec<UnknownParameter> = {
  typeNumber: -1,
  parse: ({ bytes, view }, start, end) => ({
    type: "UNKNOWN",
    typeNumber: view.getUint16(start),
    value: bytes.subarray(start + HEADER_BYTES, end),
  }),
  length: (parameter) => HEADER_BYTES + parameter.value.length,
  write: (parameter, { bytes, view }, start) => {
    view.setUint16(start, parameter.typeNumber);
    bytes.set(parameter.value, start + HEADER_BYTES);
  },
  describe: (parameter) =>
    `Parameter 0x${parameter.typeNumber.toString(16).padStart(4, "0")} (${parameter.value.length} B)`,
};
