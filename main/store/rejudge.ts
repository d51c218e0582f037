import type { VerdictReport } from "../../captures/verdict/report.ts";
import { judge } from "../../captures/verdict/index.ts";
import { guarded, RunStoreError } from "./errors.ts";
import { openDatabase, openRun } from "./reader.ts";
import { writeVerdict } from "./verdict-rows.ts";

/**
 * Judges a recorded run again with the checkers of today and stores their verdict in the run.
 *
 * @param path the run's folder, a `latest` link, or its `run.sqlite`
 * @throws RunStoreError when the run cannot be read or written
 */
export function rejudge(path: string): VerdictReport {
  const reader = openRun(path);
  try {
    if (reader.cutOff && reader.summary().outcome !== "cut-off") {
      throw new RunStoreError(
        `The run ${reader.paths.id} is being recorded now: judge it again when it has ended.`,
      );
    }
    const report = judge(reader.history());
    const { sqlite } = reader.paths;
    const database = openDatabase(sqlite, {}, () => undefined);
    try {
      const store = database.transaction(() => writeVerdict(database, report, Date.now() * 1000));
      guarded(sqlite, () => store());
    } finally {
      database.close();
    }
    return report;
  } finally {
    reader.close();
  }
}
