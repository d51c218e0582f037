import type Database from "better-sqlite3";
import type { CheckResult, Figure, VerdictReport } from "../../captures/verdict/report.ts";
import { promiseOf } from "../../captures/verdict/index.ts";
import type { Row } from "./columns.ts";
import { parseStored } from "./columns.ts";
import { loadTerms } from "./load-terms.ts";

/** Stores a verdict in place of an earlier one. */
export function writeVerdict(database: Database.Database, report: VerdictReport, judgedUs: number): void {
  database.exec("DELETE FROM verdict; DELETE FROM check_result; DELETE FROM figure;");
  database.prepare("INSERT INTO verdict VALUES (1, ?, ?, ?)").run(judgedUs, report.outcome, report.headline);
  const insertCheck = database.prepare("INSERT INTO check_result VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  for (const [position, check] of report.checks.entries()) {
    const { id, title, outcome, summary, rule, evidence, evidenceTotal } = check;
    insertCheck.run(position, id, title, outcome, summary, rule, JSON.stringify(evidence), evidenceTotal);
  }
  const insertFigure = database.prepare("INSERT INTO figure VALUES (?, ?, ?, ?, ?, ?, ?)");
  for (const [position, { id, title, value, unit, error, method }] of report.figures.entries()) {
    insertFigure.run(position, id, title, value, unit, error, method);
  }
}

const checkFromRow = (row: Row): CheckResult => ({
  id: row["id"] as string,
  title: row["title"] as string,
  outcome: row["outcome"] as CheckResult["outcome"],
  summary: row["summary"] as string,
  rule: row["rule"] as string,
  evidence: parseStored(row["evidence"] as string) as CheckResult["evidence"],
  evidenceTotal: row["evidence_total"] as number,
});

const figureFromRow = (row: Row): Figure => ({
  id: row["id"] as string,
  title: row["title"] as string,
  value: row["value"] as number,
  unit: row["unit"] as Figure["unit"],
  error: row["error"] as number,
  method: row["method"] as string,
});

/** Undefined: the run has not been judged. */
export function readVerdict(database: Database.Database): VerdictReport | undefined {
  const row = database.prepare<[], Row>("SELECT outcome, headline FROM verdict").get();
  if (row === undefined) return undefined;
  const terms = loadTerms(database);
  return {
    outcome: row["outcome"] as VerdictReport["outcome"],
    headline: row["headline"] as string,
    ...(terms.policy === undefined ? {} : { promise: promiseOf(terms) }),
    checks: database.prepare<[], Row>("SELECT * FROM check_result ORDER BY position").all().map(checkFromRow),
    figures: database.prepare<[], Row>("SELECT * FROM figure ORDER BY position").all().map(figureFromRow),
  };
}
