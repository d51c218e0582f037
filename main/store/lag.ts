import type Database from "better-sqlite3";
import type { LagSlice } from "../api/contract.ts";

/** Equal slices of a window for which the lag is worked out. */
const slices = 160;

interface Batch {
  readonly madeUs: number;
  readonly heldUs: number | null;
}

/** Whether the file says of updates from whom to whom they went. */
export function knowsWay(database: Database.Database): boolean {
  const sql = "SELECT 1 FROM pragma_table_info('replication') WHERE name = 'from_lane'";
  return database.prepare(sql).get() !== undefined;
}

/** When nothing that was made before can be held any more: the next fault or change of the serving member. */
function ends(database: Database.Database): readonly number[] {
  const sql =
    "SELECT at_us FROM mark WHERE kind IN ('fault', 'takeover', 'handover', 'closed') ORDER BY at_us";
  return database
    .prepare<[], { at_us: number }>(sql)
    .all()
    .map((row) => row.at_us);
}

/**
 * How far the cluster's holder was behind in a window: per slice the greatest age that an update had which was not held yet.
 *
 * @param reachUs how long before the window a batch may have been made and still wait in it
 */
export function lagOf(
  database: Database.Database,
  window: { readonly fromUs: number; readonly toUs: number },
  reachUs: number,
): LagSlice[] {
  // Files of the first format do not say between whom, and had one cluster.
  const ofCluster = knowsWay(database) ? "AND coalesce(from_lane, 'a') NOT IN ('peer', 'peer2')" : "";
  const rows = database
    .prepare<[number, number], Batch>(
      `SELECT made_us AS madeUs, held_us AS heldUs FROM replication
       WHERE made_us BETWEEN ? AND ? ${ofCluster} ORDER BY made_us`,
    )
    .iterate(window.fromUs - reachUs, window.toUs);
  const stops = ends(database);
  const widthUs = Math.max(1, (window.toUs - window.fromUs) / slices);
  const lags = Array.from({ length: slices }, () => ({ lagUs: 0, lost: false }));
  for (const { madeUs, heldUs } of rows) {
    const untilUs = heldUs ?? stops.find((stop) => stop >= madeUs) ?? window.toUs;
    const first = Math.max(0, Math.floor((madeUs - window.fromUs) / widthUs));
    const last = Math.min(slices - 1, Math.floor((untilUs - window.fromUs) / widthUs));
    for (let index = first; index <= last; index += 1) {
      const slice = lags[index];
      if (slice === undefined) continue;
      const endUs = Math.min(untilUs, window.fromUs + (index + 1) * widthUs);
      slice.lagUs = Math.max(slice.lagUs, endUs - madeUs);
      slice.lost ||= heldUs === null;
    }
  }
  return lags.flatMap(({ lagUs, lost }, index) =>
    lagUs <= 0
      ? []
      : [
          {
            fromUs: Math.round(window.fromUs + index * widthUs),
            toUs: Math.round(window.fromUs + (index + 1) * widthUs),
            lagUs: Math.round(lagUs),
            lost,
          },
        ],
  );
}
