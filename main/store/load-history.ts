import type Database from "better-sqlite3";
import type { ChunkSummary } from "../../captures/dissect/summary.ts";
import type {
  CaptureInfo,
  FaultMark,
  FlowTotal,
  History,
  HistoryHost,
  HostAcked,
  HostEvent,
  HostMessage,
  HostSent,
  HostUpdate,
  ObservedPacket,
} from "../../captures/verdict/history.ts";
import type { BorrowedAddress } from "../../captures/verdict/index.ts";
import { borrowedAddresses, hasBorrowed } from "../../captures/verdict/index.ts";
import type { Row } from "./columns.ts";
import { chunkFromRow, packetColumnNames, parseStored, sctpFromRow } from "./columns.ts";
import { loadMessageHeads, loadTerms } from "./load-terms.ts";

const rowsOf = (database: Database.Database, sql: string): Row[] => database.prepare<[], Row>(sql).all();

export function loadHosts(database: Database.Database): HistoryHost[] {
  const rows = rowsOf(database, "SELECT * FROM host ORDER BY rowid");
  return rows.map((row) => ({
    name: row["name"] as string,
    role: row["role"] as HistoryHost["role"],
    outsideAddress: row["outside_address"] as string,
    clockErrorMicros: row["clock_error_us"] as number,
  }));
}

export function loadCaptures(database: Database.Database): CaptureInfo[] {
  const rows = rowsOf(database, "SELECT * FROM capture ORDER BY id");
  return rows.map((row) => ({
    host: row["host"] as string,
    interfaceName: row["interface_name"] as string,
    engine: row["engine"] as CaptureInfo["engine"],
    stampQuality: row["stamp_quality"] as CaptureInfo["stampQuality"],
    packets: row["packets"] as number,
    ...(row["drops"] === null ? {} : { drops: row["drops"] as number }),
    complete: row["complete"] === 1,
  }));
}

function chunksByPacket(database: Database.Database): Map<number, ChunkSummary[]> {
  const chunks = new Map<number, ChunkSummary[]>();
  const statement = database.prepare<[], Row>("SELECT * FROM chunk ORDER BY packet_id, position");
  for (const row of statement.iterate()) {
    const packetId = row["packet_id"] as number;
    const known = chunks.get(packetId);
    if (known === undefined) chunks.set(packetId, [chunkFromRow(row)]);
    else known.push(chunkFromRow(row));
  }
  return chunks;
}

function directionOf(row: Row, borrowed: readonly BorrowedAddress[]): ObservedPacket["direction"] {
  const isOwn = (address: string): boolean =>
    address === row["outside_address"] ||
    hasBorrowed(borrowed, row["host"] as string, address, row["at_us"] as number);
  if (isOwn(row["source"] as string)) return "out";
  return isOwn(row["destination"] as string) ? "in" : "other";
}

/** Frames without SCTP are kept in the file, but are no part of the history. */
function loadPackets(database: Database.Database, events: readonly HostEvent[]): ObservedPacket[] {
  const borrowed = borrowedAddresses(events);
  const chunks = chunksByPacket(database);
  const statement = database.prepare<[], Row>(
    `SELECT packet.id, at_us, host, interface_name, outside_address, ${packetColumnNames}
     FROM packet JOIN capture ON capture.id = capture_id JOIN host ON host.name = capture.host
     WHERE source IS NOT NULL ORDER BY at_us, packet.id`,
  );
  const packets: ObservedPacket[] = [];
  for (const row of statement.iterate()) {
    const id = row["id"] as number;
    packets.push({
      id,
      at: row["at_us"] as number,
      host: row["host"] as string,
      interfaceName: row["interface_name"] as string,
      direction: directionOf(row, borrowed),
      sctp: sctpFromRow(row, chunks.get(id) ?? []),
    });
  }
  return packets;
}

/** Files of before there was more than one association have no such column. */
const associationOf = (row: Row): { readonly association?: number } => {
  const association = (row["association"] ?? 0) as number;
  return association === 0 ? {} : { association };
};

const byTime = (database: Database.Database, table: string): Row[] =>
  rowsOf(database, `SELECT * FROM ${table} ORDER BY at_us, id`);

function loadUpdates(database: Database.Database): HostUpdate[] {
  return byTime(database, "update_log").map((row) => ({
    kind: "update",
    host: row["host"] as string,
    ...associationOf(row),
    at: row["at_us"] as number,
    act: row["act"] as HostUpdate["act"],
    sequence: row["sequence"] as number,
    epoch: row["epoch"] as number,
    change: row["change"] as string,
    ...(row["tsn"] === null ? {} : { tsn: row["tsn"] as number }),
    bytes: row["bytes"] as string,
  }));
}

function loadAcked(database: Database.Database): HostAcked[] {
  return byTime(database, "acked").map((row) => ({
    kind: "acked",
    host: row["host"] as string,
    ...associationOf(row),
    at: row["at_us"] as number,
    sequence: row["sequence"] as number,
  }));
}

function loadSent(database: Database.Database): HostSent[] {
  return byTime(database, "sent").map((row) => ({
    kind: "sent",
    host: row["host"] as string,
    ...associationOf(row),
    at: row["at_us"] as number,
    local: row["local"] as string,
    remote: row["remote"] as string,
    checksum: row["checksum"] as number,
    reason: row["reason"] as HostSent["reason"],
    dependsOn: row["depends_on"] as number,
  }));
}

function loadMessages(database: Database.Database): HostMessage[] {
  return byTime(database, "message").map((row) => ({
    kind: "message",
    host: row["host"] as string,
    ...associationOf(row),
    at: row["at_us"] as number,
    act: row["act"] as HostMessage["act"],
    flow: row["flow"] as HostMessage["flow"],
    streamId: row["stream_id"] as number,
    number: row["number"] as number,
    sizeBytes: row["size_bytes"] as number,
    intact: row["intact"] === 1,
    ...(row["sequence"] === null ? {} : { sequence: row["sequence"] as number }),
  }));
}

function loadEvents(database: Database.Database): HostEvent[] {
  return byTime(database, "event").map((row) => ({
    kind: "event",
    host: row["host"] as string,
    at: row["at_us"] as number,
    name: row["name"] as HostEvent["name"],
    text: row["text"] as string,
    detail: parseStored(row["detail"] as string) as HostEvent["detail"],
  }));
}

function loadFaults(database: Database.Database): FaultMark[] {
  return byTime(database, "fault").map((row) => ({
    at: row["at_us"] as number,
    host: row["host"] as string,
    fault: row["fault"] as string,
    text: row["text"] as string,
  }));
}

function loadTotals(database: Database.Database): FlowTotal[] {
  return rowsOf(database, "SELECT * FROM flow_total ORDER BY id").map((row) => ({
    ...associationOf(row),
    flow: row["flow"] as FlowTotal["flow"],
    streamId: row["stream_id"] as number,
    sent: row["sent"] as number,
  }));
}

/** The whole record of a run as the checkers read it. Memory: about 1 KB for each packet. */
export function loadHistory(database: Database.Database): History {
  const terms = loadTerms(database);
  const events = loadEvents(database);
  const messageHeads = loadMessageHeads(database);
  return {
    hosts: loadHosts(database),
    captures: loadCaptures(database),
    packets: loadPackets(database, events),
    updates: loadUpdates(database),
    acked: loadAcked(database),
    sent: loadSent(database),
    messages: loadMessages(database),
    events,
    faults: loadFaults(database),
    totals: loadTotals(database),
    ...(Object.keys(terms).length === 0 ? {} : { terms }),
    ...(messageHeads === undefined ? {} : { messageHeads }),
  };
}
