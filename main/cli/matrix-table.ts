import type { VerdictReport } from "../../captures/verdict/report.ts";
import type { Awaited } from "../lab/job/index.ts";
import type { Cell } from "./matrix-cells.ts";

/** A run of a cell, or why there was none. */
export type Played =
  | {
      readonly kind: "judged";
      readonly report: VerdictReport;
      readonly awaited: readonly Awaited[];
      /** Where its record lies; undefined once that is removed. */
      readonly folder: string | undefined;
    }
  /** The lab or the run failed; one sentence. */
  | { readonly kind: "trouble"; readonly text: string };

export type Outcome = "pass" | "fail" | "unknown" | "trouble";

export function outcomeOfPlayed(played: Played): Outcome {
  if (played.kind === "trouble") return "trouble";
  return played.awaited.every(({ came }) => came) ? played.report.outcome : "fail";
}

const headings = ["policy", "store", "fencing", "fault", "peer", "verdict"] as const;
const gapHeadings = ["gap up, ms", "gap down, ms", "after the fault"] as const;

const lossKinds = ["lost", "reported", "skipped"] as const;

/** Messages that never arrived, and numbers that were never sent, from the answers of the checks. */
function lossOf(played: Played): Readonly<Record<(typeof lossKinds)[number], number>> {
  const answerOf = (checkId: string, outcomes: readonly string[], count: RegExp = /^\d+/): number => {
    const checks = played.kind === "trouble" ? [] : played.report.checks;
    const check = checks.find(({ id, outcome }) => id === checkId && outcomes.includes(outcome));
    return Number(count.exec(check?.summary ?? "")?.[0] ?? 0);
  };
  // Where it fails, that check counts what the policy does not allow.
  const reported = answerOf("losses-reported", ["pass"]);
  const lost = Math.max(answerOf("messages-lost", ["pass", "fail", "unknown"]), reported);
  return { lost, reported, skipped: answerOf("messages-lost", ["pass"], /\d+(?= numbers skipped)/) };
}

function gapsOf(all: readonly Played[], figureId: string): string {
  const values = all
    .flatMap((played) => (played.kind === "judged" ? played.report.figures : []))
    .filter(({ id }) => id === figureId)
    .map(({ value }) => value / 1000)
    .toSorted((left, right) => left - right);
  const [median, most] = [values[values.length >> 1], values.at(-1)];
  if (median === undefined || most === undefined) return "-";
  return values.length === 1 ? median.toFixed(0) : `${median.toFixed(0)} (${most.toFixed(0)})`;
}

const words: Readonly<Record<Outcome, string>> = {
  pass: "pass",
  fail: "FAIL",
  unknown: "unknown",
  trouble: "trouble",
};

function verdictOf(all: readonly Played[]): string {
  const outcomes = all.map(outcomeOfPlayed);
  const passed = outcomes.filter((outcome) => outcome === "pass").length;
  const worst = (["fail", "trouble", "unknown"] as const).find((outcome) => outcomes.includes(outcome));
  const word = words[worst ?? "pass"];
  return all.length === 1 ? word : `${word} ${passed}/${all.length}`;
}

function awaitedOf(all: readonly Played[]): string {
  const seen = new Map<string, { came: number; all: number }>();
  for (const played of all) {
    for (const { what, came } of played.kind === "judged" ? played.awaited : []) {
      const entry = seen.get(what) ?? { came: 0, all: 0 };
      seen.set(what, { came: entry.came + (came ? 1 : 0), all: entry.all + 1 });
    }
  }
  const told = [...seen].map(([what, { came, all: times }]) =>
    came === times ? what : `${what}: NOT in ${times - came} of ${times}`,
  );
  return told.length === 0 ? "-" : told.join("; ");
}

function rowOf(cell: Cell, all: readonly Played[]): string[] {
  const {
    policy,
    store = "-",
    fencing = store === "-" ? "prefer-availability" : "witness",
    fault,
    peer,
  } = cell;
  const losses = all.map(lossOf);
  const counts = lossKinds.map((which) => String(losses.reduce((total, each) => total + each[which], 0)));
  const gaps = [gapsOf(all, "gap-up"), gapsOf(all, "gap-down")];
  return [policy, store, fencing, fault, peer, verdictOf(all), ...counts, ...gaps, awaitedOf(all)];
}

/** One line for each cell that was played, as a Markdown table; gaps are medians, with the longest in brackets. */
export function matrixTable(results: ReadonlyMap<Cell, readonly Played[]>): string {
  const rows = [
    [...headings, ...lossKinds, ...gapHeadings],
    ...[...results].map(([cell, all]) => rowOf(cell, all)),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.replaceAll("|", "\\|").padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(head), rule, ...body.map(line)].join("\n");
}
