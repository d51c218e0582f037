import type Database from "better-sqlite3";
import { readTestMessage } from "../../agents/application/index.ts";
import { firstFragments } from "../../captures/dissect/index.ts";
import type { MessageHead, RunTerms } from "../../captures/verdict/history.ts";
import type { Row } from "./columns.ts";
import { parseStored } from "./columns.ts";

const termNames = [
  "policy",
  "placement",
  "fencing",
  "fault",
  "application",
  "peerPolicy",
  "peerFencing",
] as const;

/** What the run was to show, as its recorder wrote it down; other entries of the run's meta data are left out. */
export function loadTerms(database: Database.Database): RunTerms {
  const row = database.prepare<[], Row>("SELECT meta FROM run").get();
  const meta = row === undefined ? {} : (parseStored(row["meta"] as string) as Record<string, unknown>);
  const entries = termNames.flatMap((name) => {
    const value = meta[name];
    return typeof value === "string" ? [[name, value] as const] : [];
  });
  return {
    ...Object.fromEntries(entries),
    ...(meta["addressTakeover"] === true && { addressTakeover: true }),
  };
}

/** Whether an instance reported a loss: only then it matters which message had which TSN. */
function lossWasReported(database: Database.Database): boolean {
  const sql = "SELECT 1 FROM event WHERE name IN ('loss-report', 'numbers-skipped') LIMIT 1";
  return database.prepare(sql).get() !== undefined;
}

/** Which numbered message began in which TSN, from the captured bytes; undefined where nobody needs to know. */
export function loadMessageHeads(database: Database.Database): MessageHead[] | undefined {
  if (!lossWasReported(database)) return undefined;
  const udpPort = database.prepare<[], { port: number }>("SELECT udp_port AS port FROM run").get()?.port;
  const options = udpPort === undefined ? {} : { udpPorts: [udpPort] };
  const rows = database.prepare<[], { bytes: Buffer; link_type: number; from: number; to: number }>(
    `SELECT bytes, link_type, source_port AS "from", destination_port AS "to" FROM packet WHERE id IN
       (SELECT packet_id FROM chunk WHERE type IN ('DATA', 'I_DATA') AND beginning = 1) ORDER BY at_us, id`,
  );
  const heads = new Map<string, MessageHead>();
  for (const row of rows.iterate()) {
    // A plain array: a Buffer's slice would not be a copy.
    const frame = new Uint8Array(row.bytes);
    for (const { tsn, payload } of firstFragments(frame, row.link_type, options)) {
      const message = readTestMessage(payload);
      if (message === undefined) continue;
      const { flow, streamId, number } = message;
      const port = flow === "down" ? row.to : row.from;
      heads.set(`${port}/${tsn}/${flow}/${streamId}/${number}`, { port, tsn, flow, streamId, number });
    }
  }
  return [...heads.values()];
}
