import Database from "better-sqlite3";
import { dirname, resolve } from "node:path";
import { realpathSync } from "node:fs";
import type { History } from "../../captures/verdict/history.ts";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import type { RunOverview, RunSummary } from "../api/contract.ts";
import { deriveTemporarily } from "./derive.ts";
import { damaged, guarded, RunStoreError } from "./errors.ts";
import { loadHistory } from "./load-history.ts";
import { overviewOf, summaryOf } from "./overview.ts";
import type { RunFolder } from "./run-folder.ts";
import { locateRun, runFolderAt } from "./run-folder.ts";
import { applicationId, schemaVersion } from "./schema.ts";
import { readVerdict } from "./verdict-rows.ts";

/** Refuses what is not a run file of ours, or is newer than we are; says so in one sentence. */
export function checkIdentity(database: Database.Database, path: string): void {
  const id = database.pragma("application_id", { simple: true });
  if (id !== applicationId) {
    throw new RunStoreError(`${path} is a SQLite file, but not a run of Understudy: open a run.sqlite.`);
  }
  const version = database.pragma("user_version", { simple: true });
  if (typeof version !== "number" || version > schemaVersion || version < 1) {
    throw new RunStoreError(
      `${path} has format ${String(version)}, and this Understudy reads up to ${schemaVersion}: use a newer one.`,
    );
  }
  if (database.prepare("SELECT 1 FROM run").get() === undefined) {
    throw new RunStoreError(`The run file ${path} is empty: its recording never began.`);
  }
}

function checkFormat(database: Database.Database, path: string): void {
  checkIdentity(database, path);
  // Finds a file that was cut short or overwritten before an answer is built on it.
  const finding = database.pragma("quick_check(1)", { simple: true });
  if (finding !== "ok") {
    throw new RunStoreError(damaged(path), { cause: finding });
  }
}

/** Opens a file, hands it to `prepare`, and closes it again when that fails. */
export function openDatabase(
  path: string,
  options: Database.Options,
  prepare: (database: Database.Database) => void,
): Database.Database {
  return guarded(path, () => {
    const database = new Database(path, { fileMustExist: true, ...options });
    try {
      prepare(database);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** A recorded run, read only. Methods throw `RunStoreError` with one sentence when the file is damaged. */
export class RunReader {
  readonly paths: RunFolder;
  /** For the queries of this room. */
  readonly database: Database.Database;
  readonly cutOff: boolean;
  #history: History | undefined;

  constructor(path: string) {
    // Links such as `latest` lead to the folder that gives the run its name.
    const sqlite = realpathSync(locateRun(resolve(path)));
    let cutOff = false;
    this.database = openDatabase(sqlite, { readonly: true }, (database) => {
      checkFormat(database, sqlite);
      cutOff = database.prepare("SELECT 1 FROM run WHERE state = 'recording'").get() !== undefined;
      if (cutOff) deriveTemporarily(database, loadHistory(database));
    });
    this.cutOff = cutOff;
    const { id } = this.database.prepare<[], { id: string }>("SELECT id FROM run").get() ?? { id: "" };
    this.paths = { ...runFolderAt(dirname(sqlite), id), sqlite };
  }

  /** Everything that was recorded; read once and kept. */
  history(): History {
    this.#history ??= guarded(this.paths.sqlite, () => loadHistory(this.database));
    return this.#history;
  }

  summary(): RunSummary {
    return guarded(this.paths.sqlite, () => summaryOf(this.database));
  }

  overview(): RunOverview {
    return guarded(this.paths.sqlite, () => overviewOf(this.database, this.paths));
  }

  /** Undefined: the run has not been judged. */
  verdict(): VerdictReport | undefined {
    return guarded(this.paths.sqlite, () => readVerdict(this.database));
  }

  close(): void {
    this.database.close();
  }
}

/**
 * Opens a run for reading.
 *
 * @param path the run's folder, a `latest` link, or its `run.sqlite`
 * @throws RunStoreError with one clear sentence for a missing, foreign, newer or damaged file
 */
export function openRun(path: string): RunReader {
  return new RunReader(path);
}
