import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * ECNE and CWR: reserved by RFC 9260 section 3.2; the layout is that of RFC 4960 appendix A.
 *
 *   | type = 12, 13 | flags = 0     | length = 8                    |
 *   | lowest TSN                                                    |
 */
export interface EcneChunk {
  readonly type: "ECNE";
  readonly lowestTsn: Tsn;
}

export interface CwrChunk {
  readonly type: "CWR";
  readonly lowestTsn: Tsn;
}

export const ecne: Codec<EcneChunk> = {
  typeNumber: 12,
  parse: ({ view }, start, end) =>
    tooShort("ECNE", start, end, 8) ?? { type: "ECNE", lowestTsn: tsn(view.getUint32(start + 4)) },
  length: () => 8,
  write: (chunk, { view }, start) => view.setUint32(start + 4, chunk.lowestTsn),
  describe: (chunk) => `ECNE tsn=${chunk.lowestTsn}`,
};

export const cwr: Codec<CwrChunk> = {
  typeNumber: 13,
  parse: ({ view }, start, end) =>
    tooShort("CWR", start, end, 8) ?? { type: "CWR", lowestTsn: tsn(view.getUint32(start + 4)) },
  length: () => 8,
  write: (chunk, { view }, start) => view.setUint32(start + 4, chunk.lowestTsn),
  describe: (chunk) => `CWR tsn=${chunk.lowestTsn}`,
};
