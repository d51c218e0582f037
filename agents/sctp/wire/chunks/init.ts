import type { ByteSource } from "../../base/bytes.ts";
import { tsn } from "../../base/serial.ts";
import type { Tsn } from "../../base/serial.ts";
import { tooShort, WireFlaw } from "../codec.ts";
import type { Codec } from "../codec.ts";
import { parametersLength, parseParameters, writeParameters } from "../params/index.ts";
import type { Parameter } from "../params/index.ts";

/**
 * INIT and INIT ACK, RFC 9260 sections 3.3.2 and 3.3.3: one layout.
 *
 *   | type = 1 or 2 | flags = 0     | length                        |
 *   | initiate tag                                                  |
 *   | advertised receiver window credit, bytes                      |
 *   | number of outbound streams    | number of inbound streams     |
 *   | initial TSN                                                   |
 *   | parameters                                                    |
 */
interface InitFields {
  readonly initiateTag: number;
  /** Bytes. */
  readonly advertisedWindow: number;
  readonly outboundStreams: number;
  readonly inboundStreams: number;
  readonly initialTsn: Tsn;
  readonly parameters: readonly Parameter[];
}

export interface InitChunk extends InitFields {
  readonly type: "INIT";
}

export interface InitAckChunk extends InitFields {
  readonly type: "INIT_ACK";
}

/** Where the parameters of INIT and INIT ACK begin. */
const INIT_HEADER_BYTES = 20;

function parseFields(name: string, source: ByteSource, start: number, end: number): InitFields | WireFlaw {
  const short = tooShort(name, start, end, INIT_HEADER_BYTES);
  if (short !== undefined) return short;
  const parameters = parseParameters(source, start + INIT_HEADER_BYTES, end);
  if (parameters instanceof WireFlaw) return parameters;
  const { view } = source;
  return {
    initiateTag: view.getUint32(start + 4),
    advertisedWindow: view.getUint32(start + 8),
    outboundStreams: view.getUint16(start + 12),
    inboundStreams: view.getUint16(start + 14),
    initialTsn: tsn(view.getUint32(start + 16)),
    parameters,
  };
}

function writeFields(chunk: InitFields, out: ByteSource, start: number): void {
  out.view.setUint32(start + 4, chunk.initiateTag);
  out.view.setUint32(start + 8, chunk.advertisedWindow);
  out.view.setUint16(start + 12, chunk.outboundStreams);
  out.view.setUint16(start + 14, chunk.inboundStreams);
  out.view.setUint32(start + 16, chunk.initialTsn);
  writeParameters(chunk.parameters, out, start + INIT_HEADER_BYTES);
}

const describeFields = (chunk: InitFields): string =>
  `tag=0x${chunk.initiateTag.toString(16).padStart(8, "0")} a_rwnd=${chunk.advertisedWindow} ` +
  `os=${chunk.outboundStreams} mis=${chunk.inboundStreams} tsn=${chunk.initialTsn}`;

export const init: Codec<InitChunk> = {
  typeNumber: 1,
  parse: (source, start, end) => {
    const fields = parseFields("INIT", source, start, end);
    return fields instanceof WireFlaw ? fields : { type: "INIT", ...fields };
  },
  length: (chunk) => INIT_HEADER_BYTES + parametersLength(chunk.parameters),
  write: writeFields,
  describe: (chunk) => `INIT ${describeFields(chunk)}`,
};

export const initAck: Codec<InitAckChunk> = {
  typeNumber: 2,
  parse: (source, start, end) => {
    const fields = parseFields("INIT ACK", source, start, end);
    return fields instanceof WireFlaw ? fields : { type: "INIT_ACK", ...fields };
  },
  length: (chunk) => INIT_HEADER_BYTES + parametersLength(chunk.parameters),
  write: writeFields,
  describe: (chunk) => `INIT_ACK ${describeFields(chunk)}`,
};
