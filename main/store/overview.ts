import type Database from "better-sqlite3";
import type { Mark, RunOverview, RunSummary } from "../api/contract.ts";
import type { Row } from "./columns.ts";
import { parseStored } from "./columns.ts";
import { loadCaptures, loadHosts } from "./load-history.ts";
import { loadTerms } from "./load-terms.ts";
import { isRecorderAlive } from "./recorder.ts";
import type { RunFolder } from "./run-folder.ts";
import { situationOf } from "./situation.ts";

function timeSpan(database: Database.Database, run: Row): { fromUs: number; toUs: number } {
  const span = database
    .prepare<[], Row>(
      `SELECT min(first) AS first, max(last) AS last FROM (
         SELECT min(at_us) AS first, max(at_us) AS last FROM packet
         UNION ALL SELECT min(at_us), max(at_us) FROM update_log
         UNION ALL SELECT min(at_us), max(at_us) FROM message
         UNION ALL SELECT min(at_us), max(at_us) FROM event
         UNION ALL SELECT min(at_us), max(at_us) FROM fault)`,
    )
    .get();
  const startedUs = run["started_us"] as number;
  const endedUs = (run["ended_us"] ?? startedUs) as number;
  return { fromUs: (span?.["first"] ?? startedUs) as number, toUs: (span?.["last"] ?? endedUs) as number };
}

function outcomeOf(database: Database.Database, run: Row): Pick<RunSummary, "outcome" | "headline"> {
  const verdict = database.prepare<[], Row>("SELECT outcome, headline FROM verdict").get();
  if (run["state"] === "recording") {
    return isRecorderAlive(run["recorder"] as string)
      ? { outcome: "not-judged", headline: "This run is being recorded now." }
      : { outcome: "cut-off", headline: "The recording was cut off; what was recorded before can be read." };
  }
  if (verdict === undefined) return { outcome: "not-judged", headline: "This run has not been judged yet." };
  return {
    outcome: verdict["outcome"] as RunSummary["outcome"],
    headline: verdict["headline"] as string,
  };
}

/** Reads only what a list of runs shows: also of a run that is being recorded. */
export function summaryOf(database: Database.Database): RunSummary {
  const run = database.prepare<[], Row>("SELECT * FROM run").get() ?? {};
  const startedUs = run["started_us"] as number;
  const endedUs = (run["ended_us"] ?? timeSpan(database, run).toUs) as number;
  return {
    id: run["id"] as string,
    title: run["title"] as string,
    startedUs,
    durationUs: Math.max(0, endedUs - startedUs),
    peer: run["peer"] as string,
    ...outcomeOf(database, run),
  };
}

function readMarks(database: Database.Database): Mark[] {
  const rows = database.prepare<[], Row>("SELECT * FROM mark ORDER BY at_us, id").all();
  return rows.map((row) => ({
    atUs: row["at_us"] as number,
    kind: row["kind"] as Mark["kind"],
    host: row["host"] as string,
    text: row["text"] as string,
  }));
}

/** The outside computer's ports, from its own word of each set-up. */
function associationsOf(database: Database.Database): number[] {
  const rows = database
    .prepare<[], { detail: string }>(
      `SELECT detail FROM event JOIN host ON host.name = event.host
       WHERE event.name = 'association-up' AND role = 'peer'`,
    )
    .all();
  const ports = rows.flatMap(({ detail }) => {
    const { localPort } = parseStored(detail) as Readonly<Record<string, unknown>>;
    return typeof localPort === "number" ? [localPort] : [];
  });
  return [...new Set(ports)].toSorted((one, other) => one - other);
}

export function overviewOf(database: Database.Database, paths: RunFolder): RunOverview {
  const count = (sql: string): number =>
    database.prepare<[], { count: number }>(`SELECT count(*) AS count FROM ${sql}`).get()?.count ?? 0;
  const run = database.prepare<[], Row>("SELECT * FROM run").get() ?? {};
  const hosts = loadHosts(database);
  const span = timeSpan(database, run);
  return {
    run: summaryOf(database),
    terms: loadTerms(database),
    hosts,
    associations: associationsOf(database),
    captures: loadCaptures(database),
    ...span,
    ...situationOf(database, hosts, span),
    marks: readMarks(database),
    counts: {
      packets: count("packet WHERE source IS NOT NULL"),
      transmissions: count("transmission"),
      updates: count(
        "update_log JOIN host ON host.name = update_log.host WHERE act = 'made' AND role IN ('primary', 'secondary')",
      ),
      messages: count("message WHERE act = 'sent'"),
    },
    files: { folder: paths.folder, sqlite: paths.sqlite, pcapng: paths.pcapng },
  };
}
