import type Database from "better-sqlite3";
import type { History } from "../../captures/verdict/history.ts";
import { writeMarks } from "./marks.ts";
import { writeReplications } from "./replications.ts";
import { createTemporaryTables } from "./schema.ts";
import { writeTransmissions } from "./transmissions.ts";

/** Works out transmissions, batches and marks from the record and writes them to their tables. */
export function derive(database: Database.Database, history: History): void {
  database.exec("DELETE FROM transmission; DELETE FROM replication; DELETE FROM mark;");
  writeTransmissions(database, history);
  writeReplications(database, history);
  writeMarks(database, history);
}

/** The same for a run that was cut off: into temporary tables, the file itself stays as it is. */
export function deriveTemporarily(database: Database.Database, history: History): void {
  createTemporaryTables(database);
  database.transaction(() => derive(database, history))();
}
