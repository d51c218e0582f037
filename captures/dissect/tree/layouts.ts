import { chunkTypeName } from "../../../agents/sctp/wire/index.ts";
import { field } from "./nodes.ts";
import type { FieldSpec } from "./nodes.ts";

/** What follows the fixed fields of a chunk, parameter or cause. */
export type Rest =
  | { readonly kind: "bytes"; readonly label: string }
  | { readonly kind: "parameters" }
  | { readonly kind: "causes" }
  | { readonly kind: "chunk" }
  /** Equal items one behind the other; `count` reads how many there are, else they go to the end. */
  | { readonly kind: "items"; readonly lists: readonly ItemList[] };

export interface ItemList {
  readonly label: string;
  readonly bytes: number;
  readonly fields: readonly FieldSpec[];
  /** Offset of a 16-bit count in the fixed fields. */
  readonly countAt?: number;
}

export interface Layout {
  readonly fields: readonly FieldSpec[];
  /** Where the rest begins, from the start of the header. */
  readonly restAt: number;
  readonly rest: Rest;
}

const bytes = (label: string): Rest => ({ kind: "bytes", label });
const parameters: Rest = { kind: "parameters" };
const causes: Rest = { kind: "causes" };
const chunk: Rest = { kind: "chunk" };
const layout = (restAt: number, rest: Rest, ...fields: FieldSpec[]): Layout => ({ fields, restAt, rest });

const VALUE: Layout = layout(4, bytes("Value"));
const PARAMETERS: Layout = layout(4, parameters);

const fragmentBits = (flags: number): string =>
  [
    ...((flags & 8) === 0 ? [] : ["I: immediate SACK"]),
    ...((flags & 4) === 0 ? [] : ["U: unordered"]),
    ...((flags & 2) === 0 ? [] : ["B: first fragment"]),
    ...((flags & 1) === 0 ? [] : ["E: last fragment"]),
  ].join(", ");

/** Names of the bits of a chunk's flags that are set. */
export function flagsMeaning(typeNumber: number, flags: number): string | undefined {
  if (typeNumber === 0 || typeNumber === 64) return fragmentBits(flags) || undefined;
  if (typeNumber === 6 || typeNumber === 14)
    return (flags & 1) === 0 ? undefined : "T: reflected verification tag";
  return undefined;
}

const DATA_HEAD = [field("TSN", 4, 4), field("Stream identifier", 8, 2)];
const INIT: Layout = layout(
  20,
  parameters,
  field("Initiate tag", 4, 4, "hex"),
  field("Advertised receiver window credit (a_rwnd)", 8, 4, "number", () => "bytes"),
  field("Number of outbound streams", 12, 2),
  field("Number of inbound streams", 14, 2),
  field("Initial TSN", 16, 4),
);
const EMPTY: Layout = layout(4, bytes("Unexpected bytes"));
const ONE_TSN = (label: string): Layout => layout(8, bytes("Unexpected bytes"), field(label, 4, 4));

const CHUNKS: ReadonlyMap<number, Layout> = new Map([
  [
    0,
    layout(
      16,
      bytes("User data"),
      ...DATA_HEAD,
      field("Stream sequence number", 10, 2),
      field("Payload protocol identifier", 12, 4),
    ),
  ],
  [1, INIT],
  [2, INIT],
  [
    3,
    layout(
      16,
      {
        kind: "items",
        lists: [
          {
            label: "Gap ack block",
            bytes: 4,
            fields: [field("Start offset", 0, 2), field("End offset", 2, 2)],
            countAt: 12,
          },
          { label: "Duplicate TSN", bytes: 4, fields: [field("TSN", 0, 4)], countAt: 14 },
        ],
      },
      field("Cumulative TSN ack", 4, 4),
      field("Advertised receiver window credit (a_rwnd)", 8, 4, "number", () => "bytes"),
      field("Number of gap ack blocks", 12, 2),
      field("Number of duplicate TSNs", 14, 2),
    ),
  ],
  [4, PARAMETERS],
  [5, PARAMETERS],
  [6, layout(4, causes)],
  [7, ONE_TSN("Cumulative TSN ack")],
  [8, EMPTY],
  [9, layout(4, causes)],
  [10, layout(4, bytes("Cookie"))],
  [11, EMPTY],
  [12, ONE_TSN("Lowest TSN")],
  [13, ONE_TSN("Lowest TSN")],
  [14, EMPTY],
  [15, layout(8, bytes("HMAC"), field("Shared key identifier", 4, 2), field("HMAC identifier", 6, 2))],
  [
    64,
    layout(
      20,
      bytes("User data"),
      ...DATA_HEAD,
      field("Reserved", 10, 2),
      field("Message identifier", 12, 4),
      field("Payload protocol identifier or fragment sequence number", 16, 4),
    ),
  ],
  [0x80, layout(8, parameters, field("Serial number", 4, 4))],
  [130, PARAMETERS],
  [0x84, layout(4, bytes("Padding data"))],
  [
    192,
    layout(
      8,
      {
        kind: "items",
        lists: [
          {
            label: "Skipped stream",
            bytes: 4,
            fields: [field("Stream identifier", 0, 2), field("Stream sequence number", 2, 2)],
          },
        ],
      },
      field("New cumulative TSN", 4, 4),
    ),
  ],
  [0xc1, layout(8, parameters, field("Serial number", 4, 4))],
  [
    194,
    layout(
      8,
      {
        kind: "items",
        lists: [
          {
            label: "Skipped stream",
            bytes: 8,
            fields: [
              field("Stream identifier", 0, 2),
              field("Reserved and U bit", 2, 2, "hex"),
              field("Message identifier", 4, 4),
            ],
          },
        ],
      },
      field("New cumulative TSN", 4, 4),
    ),
  ],
]);

const numbers = (label: string, size: number, meaning?: (value: number) => string | undefined): Rest => ({
  kind: "items",
  lists: [{ label, bytes: size, fields: [field(label, 0, size, "number", meaning)] }],
});

const CORRELATED: Layout = layout(8, parameters, field("Correlation ID", 4, 4));
const REQUEST = field("Request sequence number", 4, 4);

const PARAMETER_LAYOUTS: ReadonlyMap<number, Layout> = new Map([
  [1, layout(4, bytes("Heartbeat information"))],
  [5, layout(8, bytes("Unexpected bytes"), field("Address", 4, 4, "ipv4"))],
  [6, layout(20, bytes("Unexpected bytes"), field("Address", 4, 16, "ipv6"))],
  [7, layout(4, bytes("Cookie"))],
  [8, PARAMETERS],
  [
    9,
    layout(
      8,
      bytes("Unexpected bytes"),
      field("Suggested increment", 4, 4, "number", () => "milliseconds"),
    ),
  ],
  [11, layout(4, bytes("Host name"))],
  [
    12,
    layout(
      4,
      numbers("Address type", 2, (type) => (type === 5 ? "IPv4" : type === 6 ? "IPv6" : undefined)),
    ),
  ],
  [
    13,
    layout(
      16,
      numbers("Stream", 2),
      REQUEST,
      field("Response sequence number", 8, 4),
      field("Sender's last assigned TSN", 12, 4),
    ),
  ],
  [14, layout(8, numbers("Stream", 2), REQUEST)],
  [15, layout(8, bytes("Unexpected bytes"), REQUEST)],
  [
    16,
    layout(
      20,
      bytes("Unexpected bytes"),
      field("Response sequence number", 4, 4),
      field("Result", 8, 4, "number", reconfigurationResult),
      field("Sender's next TSN", 12, 4),
      field("Receiver's next TSN", 16, 4),
    ),
  ],
  [17, layout(12, bytes("Unexpected bytes"), REQUEST, field("Number of new streams", 8, 2))],
  [18, layout(12, bytes("Unexpected bytes"), REQUEST, field("Number of new streams", 8, 2))],
  [0x8000, EMPTY],
  [0x8002, layout(4, bytes("Random number"))],
  [0x8003, layout(4, numbers("Chunk type", 1, chunkTypeName))],
  [0x8004, layout(4, numbers("HMAC identifier", 2))],
  [0x8005, layout(4, bytes("Padding data"))],
  [0x8008, layout(4, numbers("Chunk type", 1, chunkTypeName))],
  [0xc000, EMPTY],
  [0xc001, CORRELATED],
  [0xc002, CORRELATED],
  [0xc003, layout(8, causes, field("Correlation ID", 4, 4))],
  [0xc004, CORRELATED],
  [0xc005, layout(8, bytes("Unexpected bytes"), field("Correlation ID", 4, 4))],
  [0xc006, layout(8, bytes("Unexpected bytes"), field("Adaptation code point", 4, 4, "hex"))],
]);

const CAUSE_LAYOUTS: ReadonlyMap<number, Layout> = new Map([
  [1, layout(8, bytes("Unexpected bytes"), field("Stream identifier", 4, 2))],
  [2, layout(8, numbers("Parameter type", 2), field("Number of missing parameters", 4, 4))],
  [
    3,
    layout(
      8,
      bytes("Unexpected bytes"),
      field("Measure of staleness", 4, 4, "number", () => "microseconds"),
    ),
  ],
  [4, EMPTY],
  [5, PARAMETERS],
  [6, layout(4, chunk)],
  [7, EMPTY],
  [8, PARAMETERS],
  [9, layout(8, bytes("Unexpected bytes"), field("TSN", 4, 4))],
  [10, EMPTY],
  [11, PARAMETERS],
  [12, layout(4, bytes("Upper layer abort reason"))],
  [13, layout(4, bytes("Additional information"))],
  [0xa0, PARAMETERS],
  [0xa1, PARAMETERS],
  [0xa2, PARAMETERS],
  [0xa3, PARAMETERS],
  [0xa4, PARAMETERS],
  [0x0105, layout(6, bytes("Unexpected bytes"), field("HMAC identifier", 4, 2))],
]);

/** RFC 6525 section 4.4. */
function reconfigurationResult(result: number): string | undefined {
  return [
    "nothing to do",
    "performed",
    "denied",
    "wrong SSN",
    "request already in progress",
    "bad sequence number",
    "in progress",
  ][result];
}

export const chunkLayout = (typeNumber: number): Layout => CHUNKS.get(typeNumber) ?? VALUE;
export const parameterLayout = (typeNumber: number): Layout => PARAMETER_LAYOUTS.get(typeNumber) ?? VALUE;
export const causeLayout = (code: number): Layout => CAUSE_LAYOUTS.get(code) ?? VALUE;
