import type { ChunkSummary, SctpSummary } from "../../captures/dissect/summary.ts";
import { RunStoreError } from "./errors.ts";

/** What SQLite takes and gives back in the columns that we use. */
export type Cell = string | number | null;
export type Row = Readonly<Record<string, Cell>>;

type Kind = "plain" | "boolean" | "json";
type ColumnMap<T> = readonly (readonly [column: string, field: keyof T & string, kind: Kind])[];

/** Column, field and form of everything a chunk row holds; an absent field is NULL. */
const chunkColumns: ColumnMap<ChunkSummary> = [
  ["type", "type", "plain"],
  ["type_number", "typeNumber", "plain"],
  ["flags", "flags", "plain"],
  ["length_bytes", "lengthBytes", "plain"],
  ["tsn", "tsn", "plain"],
  ["stream_id", "streamId", "plain"],
  ["ssn", "ssn", "plain"],
  ["ppid", "ppid", "plain"],
  ["payload_bytes", "payloadBytes", "plain"],
  ["beginning", "beginning", "boolean"],
  ["ending", "ending", "boolean"],
  ["unordered", "unordered", "boolean"],
  ["cumulative_tsn", "cumulativeTsn", "plain"],
  ["advertised_window", "advertisedWindow", "plain"],
  ["gaps", "gaps", "json"],
  ["duplicate_tsns", "duplicateTsns", "json"],
  ["initiate_tag", "initiateTag", "plain"],
  ["addresses", "addresses", "json"],
  ["causes", "causes", "json"],
  ["tag_reflected", "tagReflected", "boolean"],
  ["malformed", "malformed", "plain"],
];

const packetColumns: ColumnMap<SctpSummary> = [
  ["source", "sourceAddress", "plain"],
  ["destination", "destinationAddress", "plain"],
  ["transport", "transport", "plain"],
  ["udp_source_port", "udpSourcePort", "plain"],
  ["udp_destination_port", "udpDestinationPort", "plain"],
  ["source_port", "sourcePort", "plain"],
  ["destination_port", "destinationPort", "plain"],
  ["verification_tag", "verificationTag", "plain"],
  ["checksum", "checksum", "plain"],
  ["checksum_good", "checksumGood", "boolean"],
  ["sctp_bytes", "sctpBytes", "plain"],
  ["truncated", "truncated", "boolean"],
];

const names = <T>(map: ColumnMap<T>): string => map.map(([column]) => column).join(", ");
const places = <T>(map: ColumnMap<T>): string => map.map(() => "?").join(", ");

/** Column lists and placeholders for statements, in the order of `chunkCells` and `packetCells`. */
export const chunkColumnNames: string = names(chunkColumns);
export const chunkPlaceholders: string = places(chunkColumns);
export const packetColumnNames: string = names(packetColumns);
export const packetPlaceholders: string = places(packetColumns);

function toCell(value: unknown, kind: Kind): Cell {
  if (value === undefined) return null;
  if (kind === "boolean") return value === true ? 1 : 0;
  return kind === "json" ? JSON.stringify(value) : (value as string | number);
}

/** JSON that we wrote ourselves; anything else means that the file was changed or damaged. */
export function parseStored(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RunStoreError("The run file is damaged: a stored list cannot be read.", { cause });
  }
}

function fromCell(cell: Cell, kind: Kind): unknown {
  if (kind === "boolean") return cell === 1;
  return kind === "json" ? parseStored(String(cell)) : cell;
}

function toCells<T>(map: ColumnMap<T>, value: T): Cell[] {
  return map.map(([, field, kind]) => toCell(value[field], kind));
}

function toFields<T>(map: ColumnMap<T>, row: Row): Partial<T> {
  const fields: Record<string, unknown> = {};
  for (const [column, field, kind] of map) {
    const cell = row[column];
    if (cell !== null && cell !== undefined) fields[field] = fromCell(cell, kind);
  }
  return fields as Partial<T>;
}

export const chunkCells = (chunk: ChunkSummary): Cell[] => toCells(chunkColumns, chunk);
export const chunkFromRow = (row: Row): ChunkSummary => toFields(chunkColumns, row) as ChunkSummary;

const noSctp: readonly Cell[] = packetColumns.map(() => null);
/** All NULL for a frame that holds no SCTP. */
export const packetCells = (sctp: SctpSummary | undefined): readonly Cell[] =>
  sctp === undefined ? noSctp : toCells(packetColumns, sctp);
export const sctpFromRow = (row: Row, chunks: readonly ChunkSummary[]): SctpSummary => ({
  ...(toFields(packetColumns, row) as SctpSummary),
  chunks,
});
