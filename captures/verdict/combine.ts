import type { Finding } from "./checker.ts";
import type { CheckResult, Evidence, Figure, Outcome, VerdictReport } from "./report.ts";

/** A check of one association, with what it counted. */
export type CountedCheck = CheckResult & Pick<Finding, "tally">;

/** The checks and figures of one association. */
export interface Judged {
  /** The outside computer's port. */
  readonly port: number;
  readonly checks: readonly CountedCheck[];
  readonly figures: readonly Figure[];
}

const maxEvidence = 20;
const maxNamed = 3;

/** The worst of several answers: one that fails decides, one that is unknown leaves all open. */
export function worstOutcome(results: readonly { readonly outcome: Outcome }[]): Outcome {
  if (results.some(({ outcome }) => outcome === "fail")) return "fail";
  return results.some(({ outcome }) => outcome === "unknown") ? "unknown" : "pass";
}

interface Answer {
  readonly port: number;
  readonly check: CountedCheck;
}

/** To one check, of one association after the other. */
type Answers = readonly [Answer, ...Answer[]];

const foundOn = ({ check }: Answer): number => check.tally?.found ?? 0;

/** The sum of what was counted; undefined where the check counts nothing. */
function sumOf(answers: readonly Answer[]): string | undefined {
  const tallies = answers.flatMap(({ check }) => check.tally ?? []);
  if (tallies.length < answers.length) return undefined;
  const total = tallies.reduce((sum, { found, of }) => ({ found: sum.found + found, of: sum.of + of }));
  return `${total.found} of ${total.of}`;
}

function passSummary(answers: Answers): string {
  const [{ port, check }] = answers;
  const sum = sumOf(answers);
  if (sum !== undefined) {
    // Under a policy that may lose something there are losses that are no violation.
    const worst = answers.reduce((one, other) => (foundOn(other) > foundOn(one) ? other : one));
    const most = foundOn(worst) === 0 ? "" : `, most on ${worst.port}: ${worst.check.summary}`;
    return `${sum}, on ${answers.length} associations${most}`;
  }
  const same = answers.every((each) => each.check.summary === check.summary);
  return same
    ? `${check.summary}, on each of ${answers.length} associations`
    : `${check.summary} (${port}; each of ${answers.length} associations passes)`;
}

/** By name what the associations say that do not pass. */
function concernedSummary(answers: Answers, outcome: Outcome): string {
  const concerned = answers.filter(({ check }) => check.outcome === outcome);
  const named = concerned.slice(0, maxNamed).map(({ port, check }) => `${port}: ${check.summary}`);
  const more = concerned.length > maxNamed ? `, and ${concerned.length - maxNamed} more` : "";
  const sum = sumOf(answers);
  const total = sum === undefined ? "" : `${sum}, `;
  return `${total}on ${concerned.length} of ${answers.length} associations: ${named.join("; ")}${more}`;
}

/** What speaks against several associations, each piece with the name of its own. */
function evidenceOf(answers: Answers): Evidence[] {
  return answers
    .flatMap(({ port, check }) =>
      check.evidence.map((each) => ({ ...each, text: `association ${port}: ${each.text}` })),
    )
    .slice(0, maxEvidence);
}

function combineCheck(answers: Answers): CheckResult {
  const [{ check }] = answers;
  const { id, title, rule, evidence, evidenceTotal } = check;
  const only = { id, title, rule, outcome: check.outcome, summary: check.summary, evidence, evidenceTotal };
  if (answers.length === 1) return only;
  const outcome = worstOutcome(answers.map((each) => each.check));
  if (outcome === "pass") return { ...only, summary: passSummary(answers) };
  // What is about hosts and captures, not about an association, is the same answer each time.
  if (answers.every((each) => JSON.stringify(each.check) === JSON.stringify(check))) return only;
  return {
    ...only,
    outcome,
    summary: concernedSummary(answers, outcome),
    evidence: evidenceOf(answers),
    evidenceTotal: answers.reduce((sum, each) => sum + each.check.evidenceTotal, 0),
  };
}

interface OwnFigure {
  readonly id: string;
  readonly port: number;
  readonly figure: Figure;
}

/** Times: the longest of all associations, with its name. Counts: the sum. */
function combineFigure(all: readonly [OwnFigure, ...OwnFigure[]]): Figure {
  const [{ figure: first }] = all;
  if (all.length === 1) return first;
  if (first.unit !== "us") {
    const value = all.reduce((sum, { figure }) => sum + figure.value, 0);
    return { ...first, value, method: `${first.method}; the sum of ${all.length} associations` };
  }
  const { port, figure } = all.reduce((one, other) => (other.figure.value > one.figure.value ? other : one));
  return {
    ...figure,
    method: `${figure.method}; the longest of ${all.length} associations, that of ${port}`,
  };
}

/** Groups by `id`, in the order in which they first come. */
function grouped<T extends { readonly id: string }>(items: readonly T[]): [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const group = groups.get(item.id);
    if (group === undefined) groups.set(item.id, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}

/** One table for several associations: each check and each figure once. */
export function combine(all: readonly Judged[]): Pick<VerdictReport, "checks" | "figures"> {
  const answers = all.flatMap(({ port, checks }) => checks.map((check) => ({ id: check.id, port, check })));
  const figures = all.flatMap(({ port, figures: own }) =>
    own.map((figure) => ({ id: figure.id, port, figure })),
  );
  return {
    checks: grouped(answers).map(combineCheck),
    figures: grouped(figures).map(combineFigure),
  };
}
