/**
 * The checker's own reading of the chunks of extensions: AUTH (RFC 4895), ASCONF (RFC 5061), RE-CONFIG
 * (RFC 6525) and ECN (RFC 4960 appendix A).
 */

/** What INIT or INIT ACK says about authentication (RFC 4895 section 3). */
export interface AuthenticationOnWire {
  /** RANDOM, CHUNKS and HMAC-ALGO, one behind the other, without padding (section 6.1). */
  readonly vector: Buffer;
  readonly chunkTypes: ReadonlySet<number>;
}

export interface AuthOnWire {
  readonly kind: "auth";
  readonly keyId: number;
  readonly hmacId: number;
  /** Where the chunk begins in its packet. */
  readonly at: number;
}

export type ReconfigurationRequestKind = "outgoing" | "incoming" | "tsn" | "add-outgoing" | "add-incoming";

export interface ReconfigurationRequestOnWire {
  readonly request: ReconfigurationRequestKind;
  readonly sequence: number;
  /** Of an outgoing reset: the request that it answers, and the sender's last TSN. */
  readonly answers: number;
  readonly lastTsn: number;
  /** None: all. */
  readonly streams: readonly number[];
  readonly count: number;
  /** Everything in it, to compare two of them. */
  readonly content: string;
}

export interface ReconfigurationResponseOnWire {
  readonly request: "response";
  readonly sequence: number;
  readonly result: number;
  readonly senderNextTsn: number | undefined;
  readonly receiverNextTsn: number | undefined;
  readonly content: string;
}

export interface ReConfigOnWire {
  readonly kind: "re-config";
  readonly parameters: readonly (ReconfigurationRequestOnWire | ReconfigurationResponseOnWire)[];
}

export interface AddressRequestOnWire {
  readonly act: "add" | "delete" | "set-primary";
  readonly id: number;
  readonly address: string;
}

export interface AsconfOnWire {
  readonly kind: "asconf";
  readonly serial: number;
  readonly requests: readonly AddressRequestOnWire[];
  readonly content: string;
}

export interface AsconfAckOnWire {
  readonly kind: "asconf-ack";
  readonly serial: number;
  readonly refused: ReadonlySet<number>;
  readonly granted: ReadonlySet<number>;
  readonly content: string;
}

export interface EcnOnWire {
  readonly kind: "ecne" | "cwr";
  readonly tsn: number;
}

export type ExtensionOnWire = AuthOnWire | ReConfigOnWire | AsconfOnWire | AsconfAckOnWire | EcnOnWire;

interface RawParameter {
  readonly type: number;
  readonly at: number;
  readonly length: number;
}

function parametersOf(view: DataView, from: number, end: number): RawParameter[] {
  const found: RawParameter[] = [];
  for (let at = from; at + 4 <= end;) {
    const length = view.getUint16(at + 2);
    if (length < 4 || at + length > end) throw new Error(`a parameter of ${length} bytes at ${at}`);
    found.push({ type: view.getUint16(at), at, length });
    at += (length + 3) & ~3;
  }
  return found;
}

const bytesOf = (view: DataView, { at, length }: RawParameter): Buffer =>
  Buffer.from(view.buffer, view.byteOffset + at, length);

const randomType = 0x8002;
const chunksType = 0x8003;
const hmacAlgorithmType = 0x8004;

/** The terms in the INIT or INIT ACK at `at`; undefined where it does not authenticate. */
export function readAuthenticationTerms(
  view: DataView,
  at: number,
  length: number,
): AuthenticationOnWire | undefined {
  const parameters = parametersOf(view, at + 20, at + length);
  const of = (type: number): RawParameter | undefined => parameters.find((each) => each.type === type);
  const [random, chunks, hmacs] = [of(randomType), of(chunksType), of(hmacAlgorithmType)];
  if (random === undefined || hmacs === undefined) return undefined;
  const parts = [random, chunks, hmacs].filter((part) => part !== undefined);
  return {
    vector: Buffer.concat(parts.map((part) => bytesOf(view, part))),
    chunkTypes: new Set(chunks === undefined ? [] : bytesOf(view, chunks).subarray(4)),
  };
}

/** Reads a chunk of an extension; undefined where it is none. */
export function readExtension(
  view: DataView,
  at: number,
  type: number,
  length: number,
): ExtensionOnWire | undefined {
  switch (type) {
    case 12:
    case 13:
      return { kind: type === 12 ? "ecne" : "cwr", tsn: view.getUint32(at + 4) };
    case 15:
      return { kind: "auth", keyId: view.getUint16(at + 4), hmacId: view.getUint16(at + 6), at };
    case 128:
      return readAsconfAck(view, at, length);
    case 130: {
      const parameters = parametersOf(view, at + 4, at + length).map((each) =>
        readReconfiguration(view, each),
      );
      if (parameters.length === 0 || parameters.length > 2)
        throw new Error("RE-CONFIG has one or two parameters");
      return { kind: "re-config", parameters };
    }
    case 193:
      return readAsconf(view, at, length);
    default:
      return undefined;
  }
}

const requestKinds: Readonly<Record<number, ReconfigurationRequestKind>> = {
  13: "outgoing",
  14: "incoming",
  15: "tsn",
  17: "add-outgoing",
  18: "add-incoming",
};

/** RFC 6525 section 4. */
function readReconfiguration(
  view: DataView,
  parameter: RawParameter,
): ReconfigurationRequestOnWire | ReconfigurationResponseOnWire {
  const { type, at, length } = parameter;
  const sequence = view.getUint32(at + 4);
  const content = bytesOf(view, parameter).toString("hex");
  if (type === 16) {
    const withTsns = length >= 20;
    return {
      request: "response",
      sequence,
      result: view.getUint32(at + 8),
      senderNextTsn: withTsns ? view.getUint32(at + 12) : undefined,
      receiverNextTsn: withTsns ? view.getUint32(at + 16) : undefined,
      content,
    };
  }
  const request = requestKinds[type];
  if (request === undefined) throw new Error(`RE-CONFIG holds a parameter of type ${type}`);
  const listAt = request === "outgoing" ? 16 : request === "incoming" ? 8 : length;
  return {
    request,
    sequence,
    answers: request === "outgoing" ? view.getUint32(at + 8) : 0,
    lastTsn: request === "outgoing" ? view.getUint32(at + 12) : 0,
    streams: Array.from({ length: (length - listAt) >> 1 }, (_, index) =>
      view.getUint16(at + listAt + 2 * index),
    ),
    count: request.startsWith("add") ? view.getUint16(at + 8) : 0,
    content,
  };
}

const addressActs: Readonly<Record<number, AddressRequestOnWire["act"]>> = {
  0xc001: "add",
  0xc002: "delete",
  0xc004: "set-primary",
};

/** RFC 5061 section 4.1.1. */
function readAsconf(view: DataView, at: number, length: number): AsconfOnWire {
  const [address, ...parameters] = parametersOf(view, at + 8, at + length);
  if (address?.type !== 5 && address?.type !== 6) throw new Error("ASCONF begins with an address");
  const requests = parameters.map((each): AddressRequestOnWire => {
    const act = addressActs[each.type];
    if (act === undefined) throw new Error(`ASCONF holds a parameter of type ${each.type}`);
    const ip = bytesOf(view, each).subarray(12, 16);
    return { act, id: view.getUint32(each.at + 4), address: ip.join(".") };
  });
  const content = Buffer.from(view.buffer, view.byteOffset + at, length).toString("hex");
  return { kind: "asconf", serial: view.getUint32(at + 4), requests, content };
}

/** RFC 5061 section 4.1.2. */
function readAsconfAck(view: DataView, at: number, length: number): AsconfAckOnWire {
  const refused = new Set<number>();
  const granted = new Set<number>();
  for (const parameter of parametersOf(view, at + 8, at + length)) {
    const id = view.getUint32(parameter.at + 4);
    if (parameter.type === 0xc003) refused.add(id);
    else if (parameter.type === 0xc005) granted.add(id);
    else throw new Error(`ASCONF-ACK holds a parameter of type ${parameter.type}`);
  }
  const content = Buffer.from(view.buffer, view.byteOffset + at, length).toString("hex");
  return { kind: "asconf-ack", serial: view.getUint32(at + 4), refused, granted, content };
}

/** For the trace. */
export function extensionSummary(chunk: ExtensionOnWire): string {
  switch (chunk.kind) {
    case "auth":
      return `AUTH key ${chunk.keyId}`;
    case "ecne":
    case "cwr":
      return `${chunk.kind.toUpperCase()} ${chunk.tsn}`;
    case "asconf":
      return `ASCONF ${chunk.serial} ${chunk.requests.map(({ act, address }) => `${act} ${address}`).join(", ")}`;
    case "asconf-ack":
      return `ASCONF-ACK ${chunk.serial}${chunk.refused.size > 0 ? ` refuses ${[...chunk.refused].join(",")}` : ""}`;
    case "re-config":
      return `RE-CONFIG ${chunk.parameters.map(reconfigurationSummary).join(", ")}`;
  }
}

function reconfigurationSummary(
  parameter: ReconfigurationRequestOnWire | ReconfigurationResponseOnWire,
): string {
  if (parameter.request === "response") {
    const { sequence, result, senderNextTsn, receiverNextTsn } = parameter;
    return `response ${sequence}: ${result}${senderNextTsn === undefined ? "" : ` ${senderNextTsn} ${receiverNextTsn}`}`;
  }
  const { request, sequence, streams, lastTsn, answers, count } = parameter;
  const rest = request === "outgoing" ? ` last ${lastTsn} answers ${answers}` : count > 0 ? ` ${count}` : "";
  return `${request} ${sequence}${rest} [${streams.join(",")}]`;
}
