import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RunSummary } from "../api/contract.ts";
import { RunStoreError } from "./errors.ts";
import { summaryOf } from "./overview.ts";
import { checkIdentity, openDatabase } from "./reader.ts";
import { isRunId, isScenarioName, runFolderAt } from "./run-folder.ts";

const maxRuns = 500;

function subfolders(folder: string, accept: (name: string) => boolean): string[] {
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && accept(entry.name))
    .map((entry) => entry.name);
}

/** Folders of all runs below `runsDir`, newest first; links are left out, so each run comes once. */
function runFolders(runsDir: string): { id: string; folder: string }[] {
  const runs = subfolders(runsDir, isScenarioName).flatMap((scenario) =>
    subfolders(join(runsDir, scenario), isRunId).map((id) => ({ id, folder: join(runsDir, scenario, id) })),
  );
  // An id begins with the UTC time of its start.
  return runs.sort((left, right) => (left.id < right.id ? 1 : -1));
}

/** The folder of the run with this id, or undefined. */
export function findRun(runsDir: string, runId: string): string | undefined {
  if (!isRunId(runId)) return undefined;
  return runFolders(runsDir).find(({ id }) => id === runId)?.folder;
}

function startOf(id: string): number {
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z/.exec(id);
  if (parts === null) return 0;
  const [year = 0, month = 1, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) * 1000;
}

function summarize(id: string, folder: string): RunSummary {
  const { sqlite } = runFolderAt(folder, id);
  try {
    const database = openDatabase(sqlite, { readonly: true }, (opened) => checkIdentity(opened, sqlite));
    try {
      return summaryOf(database);
    } finally {
      database.close();
    }
  } catch (error) {
    if (!(error instanceof RunStoreError)) throw error;
    // One damaged file must not hide the other runs.
    const startedUs = startOf(id);
    return { id, title: id, startedUs, durationUs: 0, peer: "", outcome: "damaged", headline: error.message };
  }
}

/** The newest 500 runs. */
export function listRuns(runsDir: string): RunSummary[] {
  return runFolders(runsDir)
    .slice(0, maxRuns)
    .map(({ id, folder }) => summarize(id, folder));
}
