import type Database from "better-sqlite3";
import type { Lane, LadderWindow, Replication, Transmission } from "../api/contract.ts";
import type { Row } from "./columns.ts";
import { knowsWay, lagOf } from "./lag.ts";

/** Equal slices into which a crowded window is counted. */
const densitySlices = 240;

interface Window {
  readonly fromUs: number;
  readonly toUs: number;
}

type Span = [first: number, last: number, from: number];

/** Packets and updates that are under way inside the window, also when they left before it. */
const underWay = `sent_us BETWEEN ? AND ? AND coalesce(received_us, sent_us) >= ?
  AND from_lane IS NOT NULL AND to_lane IS NOT NULL`;
const batchUnderWay = `made_us BETWEEN ? AND ? AND max(made_us, coalesce(held_us, 0), coalesce(acked_us, 0)) >= ?`;

/** How long before a window something may have left and still be under way in it: bounds the index scan. */
function longestTransit(database: Database.Database): number {
  const sql = `SELECT max(
    coalesce((SELECT max(received_us - sent_us) FROM transmission), 0),
    coalesce((SELECT max(max(coalesce(held_us, 0), coalesce(acked_us, 0)) - made_us) FROM replication), 0), 0) AS us`;
  return database.prepare<[], { us: number }>(sql).get()?.us ?? 0;
}

const transmissionFromRow = (row: Row): Transmission => ({
  id: row["id"] as number,
  packetId: row["packet_id"] as number,
  from: row["from_lane"] as Lane,
  to: row["to_lane"] as Lane,
  sentUs: row["sent_us"] as number,
  ...(row["received_us"] === null ? {} : { receivedUs: row["received_us"] as number }),
  label: row["label"] as string,
  kind: row["kind"] as Transmission["kind"],
  ...(row["repeats"] === null ? {} : { repeats: row["repeats"] as number }),
});

const replicationFromRow = (row: Row): Replication => ({
  // Files of the first format do not say between whom.
  ...(typeof row["from_lane"] === "string" ? { from: row["from_lane"] as Lane } : {}),
  ...(typeof row["to_lane"] === "string" ? { to: row["to_lane"] as Lane } : {}),
  firstSequence: row["first_sequence"] as number,
  lastSequence: row["last_sequence"] as number,
  madeUs: row["made_us"] as number,
  ...(row["held_us"] === null ? {} : { heldUs: row["held_us"] as number }),
  ...(row["acked_us"] === null ? {} : { ackedUs: row["acked_us"] as number }),
  label: row["label"] as string,
});

type Density = LadderWindow["density"][number];

function densityOf(database: Database.Database, window: Window, span: Span): Density[] {
  const width = Math.max(1, window.toUs - window.fromUs);
  const slice = (column: string): string =>
    `min(${densitySlices - 1}, max(0, (${column} - ${window.fromUs}) * ${densitySlices} / ${width}))`;
  const ways = knowsWay(database) ? "coalesce(from_lane, 'a'), coalesce(to_lane, 'b')," : "'a', 'b',";
  const rows = database
    .prepare<unknown[], Row>(
      `SELECT from_lane, to_lane, ${slice("sent_us")} AS slice, count(*) AS count
         FROM transmission WHERE ${underWay} GROUP BY 1, 2, 3
       UNION ALL
       SELECT ${ways} ${slice("made_us")}, count(*) FROM replication WHERE ${batchUnderWay} GROUP BY 1, 2, 3`,
    )
    .all(...span, ...span);
  const pairs = new Map<string, { from: Lane; to: Lane; counts: number[] }>();
  for (const row of rows) {
    const from = row["from_lane"] as Lane;
    const to = row["to_lane"] as Lane;
    let pair = pairs.get(`${from}>${to}`);
    if (pair === undefined) {
      pair = { from, to, counts: Array.from({ length: densitySlices }, () => 0) };
      pairs.set(`${from}>${to}`, pair);
    }
    pair.counts[row["slice"] as number] = row["count"] as number;
  }
  return [...pairs.values()];
}

/** What the ladder shows between two instants: every item, or counts in slices where there are more than `limit`. */
export function ladderWindow(database: Database.Database, window: Window, limit: number): LadderWindow {
  const reachUs = longestTransit(database);
  const span: Span = [window.fromUs - reachUs, window.toUs, window.fromUs];
  const count = (table: string, condition: string): number =>
    database
      .prepare<Span, { n: number }>(`SELECT count(*) AS n FROM ${table} WHERE ${condition}`)
      .get(...span)?.n ?? 0;
  const total = count("transmission", underWay) + count("replication", batchUnderWay);
  const answer = { fromUs: window.fromUs, toUs: window.toUs, total, lag: lagOf(database, window, reachUs) };
  if (total > limit) {
    return {
      ...answer,
      exact: false,
      transmissions: [],
      replications: [],
      density: densityOf(database, window, span),
    };
  }
  const rows = (table: string, condition: string, order: string): Row[] =>
    database.prepare<Span, Row>(`SELECT * FROM ${table} WHERE ${condition} ORDER BY ${order}`).all(...span);
  return {
    ...answer,
    exact: true,
    transmissions: rows("transmission", underWay, "sent_us, id").map(transmissionFromRow),
    replications: rows("replication", batchUnderWay, "made_us, id").map(replicationFromRow),
    density: [],
  };
}
