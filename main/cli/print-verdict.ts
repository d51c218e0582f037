import type { Figure, Outcome, VerdictReport } from "../../captures/verdict/report.ts";
import type { Awaited } from "../lab/job/index.ts";
import { outColours } from "./colours.ts";

const signs: Readonly<Record<Outcome, string>> = { pass: "✓ pass", fail: "✗ FAIL", unknown: "? unknown" };
const colours: Readonly<Record<Outcome, (text: string) => string>> = {
  pass: outColours.green,
  fail: outColours.red,
  unknown: outColours.yellow,
};
/** Evidence shown under a check that did not pass. */
const evidenceShown = 3;

/** Below this an error says nothing at the digits that are printed. */
const smallestErrorUs = 50;

function valueText(figure: Figure): string {
  const { value, unit, error } = figure;
  const least = unit === "us" ? smallestErrorUs : 0;
  const within = error > least ? ` ± ${unit === "us" ? (error / 1000).toFixed(1) : error}` : "";
  if (unit === "us") return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)}${within} ms`;
  const rounded = Number.isInteger(value) ? String(value) : value.toFixed(1);
  return unit === "bytes" ? `${rounded}${within} B` : `${rounded}${within}`;
}

/** What had to come of the fault, and whether it came. */
export function awaitedTable(awaited: readonly Awaited[]): string {
  const lines = awaited.map(({ what, came }) => {
    const outcome = came ? "pass" : "fail";
    return `  ${colours[outcome](signs[outcome].padEnd(9))}  After the fault: ${what}\n`;
  });
  return `\n${lines.join("")}`;
}

/** The verdict as a table for a terminal. */
export function verdictTable(report: VerdictReport): string {
  const lines: string[] = [""];
  const width = Math.max(...report.checks.map((check) => check.title.length));
  for (const check of report.checks) {
    const sign = colours[check.outcome](signs[check.outcome].padEnd(9));
    lines.push(`  ${sign}  ${check.title.padEnd(width)}  ${check.summary}`);
    if (check.outcome === "pass") continue;
    for (const { text } of check.evidence.slice(0, evidenceShown))
      lines.push(`${" ".repeat(15)}${outColours.dim(text)}`);
  }
  lines.push("");
  const figureWidth = Math.max(0, ...report.figures.map((figure) => figure.title.length));
  for (const figure of report.figures) {
    lines.push(`  ${figure.title.padEnd(figureWidth)}  ${valueText(figure).padStart(12)}`);
  }
  lines.push(
    "",
    `${colours[report.outcome](signs[report.outcome])}  ${outColours.bold(report.headline)}`,
    "",
  );
  return lines.join("\n");
}
