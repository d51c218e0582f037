/**
 * The flat form in which a dissected packet is stored, listed and judged. The full tree with byte
 * ranges is made on demand from the bytes; this is what every packet carries.
 */

/** What a list, a chart or a checker needs to know of one chunk; absent fields do not apply to its type. */
export interface ChunkSummary {
  /** IANA name, for example `DATA`, `SACK`, `HEARTBEAT_ACK`; `UNKNOWN(200)` for a type without a name. */
  readonly type: string;
  readonly typeNumber: number;
  readonly flags: number;
  readonly lengthBytes: number;
  /** DATA and I-DATA: its TSN. INIT and INIT ACK: the initial TSN. */
  readonly tsn?: number;
  readonly streamId?: number;
  readonly ssn?: number;
  readonly ppid?: number;
  readonly payloadBytes?: number;
  readonly beginning?: boolean;
  readonly ending?: boolean;
  readonly unordered?: boolean;
  /** SACK, SHUTDOWN and FORWARD TSN: the cumulative TSN. */
  readonly cumulativeTsn?: number;
  readonly advertisedWindow?: number;
  /** SACK: gap blocks as absolute TSNs, both ends included. */
  readonly gaps?: readonly (readonly [start: number, end: number])[];
  readonly duplicateTsns?: readonly number[];
  /** INIT and INIT ACK: the tag that the other side must use from now on. */
  readonly initiateTag?: number;
  /** INIT and INIT ACK: addresses listed in parameters. */
  readonly addresses?: readonly string[];
  /** ABORT and ERROR: the cause codes. ABORT: whether the T bit is set. */
  readonly causes?: readonly number[];
  readonly tagReflected?: boolean;
  /** What is wrong with the bytes of this chunk, in one sentence. */
  readonly malformed?: string;
}

export interface SctpSummary {
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  readonly transport: "udp" | "ip";
  /** UDP ports where SCTP is encapsulated in UDP (RFC 6951). */
  readonly udpSourcePort?: number;
  readonly udpDestinationPort?: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly verificationTag: number;
  readonly checksum: number;
  readonly checksumGood: boolean;
  /** Bytes of the SCTP packet, common header included. */
  readonly sctpBytes: number;
  readonly chunks: readonly ChunkSummary[];
  /** The capture cut the packet short, or a length inside it points beyond its end. */
  readonly truncated: boolean;
}

/** One line of a decode tree. `start` and `end` are byte offsets in the captured frame, end exclusive. */
export interface DecodeNode {
  readonly label: string;
  readonly value?: string;
  readonly start: number;
  readonly end: number;
  /** Set where the bytes break a rule: what is wrong, in one sentence. */
  readonly flaw?: string;
  readonly children: readonly DecodeNode[];
}
