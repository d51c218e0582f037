import type Database from "better-sqlite3";
import { decodeTree } from "../../captures/dissect/index.ts";
import type { ChunkSummary } from "../../captures/dissect/summary.ts";
import type { PacketDetail, PacketRow } from "../api/contract.ts";
import type { Row } from "./columns.ts";
import { chunkFromRow, packetColumnNames } from "./columns.ts";
import { RunStoreError } from "./errors.ts";

const searched =
  "info || ' ' || capture.host || ' ' || capture.interface_name || ' ' || source || ' ' || destination || ' ' || source_port || ' ' || destination_port";
const source = "packet JOIN capture ON capture.id = packet.capture_id";

/** Every word of the filter must stand somewhere in the row; an empty filter matches all. */
function filterCondition(filter: string): { sql: string; words: string[] } {
  const words = filter
    .split(/\s+/)
    .filter((word) => word !== "")
    .map((word) => `%${word.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`);
  const conditions = words.map(() => `AND ${searched} LIKE ? ESCAPE '\\'`);
  return { sql: ["source IS NOT NULL", ...conditions].join(" "), words };
}

function rowFrom(row: Row, chunks: readonly ChunkSummary[]): PacketRow {
  return {
    id: row["id"] as number,
    atUs: row["at_us"] as number,
    host: row["host"] as string,
    interfaceName: row["interface_name"] as string,
    source: row["source"] as string,
    destination: row["destination"] as string,
    lengthBytes: row["original_length"] as number,
    verificationTag: row["verification_tag"] as number,
    checksumGood: row["checksum_good"] === 1,
    chunks,
    info: row["info"] as string,
  };
}

const rowColumns = `packet.id, at_us, host, interface_name, original_length, link_type, info, ${packetColumnNames}`;

function chunksOf(database: Database.Database, packetId: number): ChunkSummary[] {
  const sql = "SELECT * FROM chunk WHERE packet_id = ? ORDER BY position";
  return database.prepare<[number], Row>(sql).all(packetId).map(chunkFromRow);
}

/** One page of the filtered packet list, in order of time. */
export function packetPage(
  database: Database.Database,
  page: { readonly offset: number; readonly limit: number; readonly filter: string },
): { total: number; rows: PacketRow[] } {
  const { sql, words } = filterCondition(page.filter);
  const total = database
    .prepare<unknown[], { n: number }>(`SELECT count(*) AS n FROM ${source} WHERE ${sql}`)
    .get(...words);
  const rows = database
    .prepare<unknown[], Row>(
      `SELECT ${rowColumns} FROM ${source} WHERE ${sql} ORDER BY at_us, packet.id LIMIT ? OFFSET ?`,
    )
    .all(...words, page.limit, page.offset);
  return {
    total: total?.n ?? 0,
    rows: rows.map((row) => rowFrom(row, chunksOf(database, row["id"] as number))),
  };
}

/** How many packets of the filtered list lie before an instant. */
export function packetIndexAt(database: Database.Database, atUs: number, filter: string): number {
  const { sql, words } = filterCondition(filter);
  return (
    database
      .prepare<unknown[], { n: number }>(`SELECT count(*) AS n FROM ${source} WHERE ${sql} AND at_us < ?`)
      .get(...words, atUs)?.n ?? 0
  );
}

/** The sender's own record of the packet, found by its checksum: the nearest in time where it was sent twice. */
function sentBecause(database: Database.Database, row: Row): PacketDetail["sentBecause"] {
  const sent = database
    .prepare<unknown[], Row>(
      `SELECT * FROM sent
       WHERE checksum = ? AND local = ? AND remote = ? ORDER BY abs(at_us - ?), id LIMIT 1`,
    )
    .get(row["checksum"], row["source"], row["destination"], row["at_us"]);
  if (sent === undefined) return undefined;
  const dependsOn = sent["depends_on"] as number;
  // A file of before there was more than one association has no such column.
  const association = sent["association"] as number | undefined;
  const ofIt = association === undefined ? "" : " AND association = ?";
  const held = database
    .prepare<unknown[], { at: number | null }>(
      `SELECT min(at_us) AS at FROM update_log WHERE sequence = ? AND act = 'held'${ofIt}`,
    )
    .get(dependsOn, ...(association === undefined ? [] : [association]));
  return {
    reason: sent["reason"] as string,
    dependsOn,
    ...(held === undefined || held.at === null ? {} : { heldUs: held.at }),
  };
}

/** @throws RunStoreError when the run has no such packet */
export function packetDetail(database: Database.Database, packetId: number): PacketDetail {
  const row = database
    .prepare<[number], Row>(`SELECT ${rowColumns} FROM ${source} WHERE packet.id = ? AND source IS NOT NULL`)
    .get(packetId);
  const stored = database
    .prepare<[number], { bytes: Buffer }>("SELECT bytes FROM packet WHERE id = ?")
    .get(packetId);
  if (row === undefined || stored === undefined) {
    throw new RunStoreError(`This run has no packet ${packetId}: choose one from its list.`);
  }
  const because = sentBecause(database, row);
  const run = database.prepare<[], { udp_port: number }>("SELECT udp_port FROM run").get();
  const options = run === undefined ? {} : { udpPorts: [run.udp_port] };
  return {
    row: rowFrom(row, chunksOf(database, packetId)),
    tree: decodeTree(stored.bytes, row["link_type"] as number, options),
    bytesHex: stored.bytes.toString("hex"),
    ...(because === undefined ? {} : { sentBecause: because }),
  };
}
