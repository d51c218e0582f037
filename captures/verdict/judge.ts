import { associationsOf } from "./associations.ts";
import { checkers } from "./checks/index.ts";
import type { Checker } from "./checker.ts";
import type { CountedCheck, Judged } from "./combine.ts";
import { combine, worstOutcome } from "./combine.ts";
import { deliveryGaps } from "./figures/delivery-gaps.ts";
import { failoverTimes } from "./figures/failover-times.ts";
import { replicationLag } from "./figures/replication-lag.ts";
import { traffic } from "./figures/traffic.ts";
import { breaksSomething } from "./failover.ts";
import type { History } from "./history.ts";
import { promiseOf } from "./policy.ts";
import type { CheckResult, Figure, Outcome, VerdictReport } from "./report.ts";
import type { Scene } from "./scene.ts";
import { setScene } from "./scene.ts";

/** A checker that throws is a bug of ours: it stays loud and says whose it is. */
function run(checker: Checker, scene: Scene): CountedCheck {
  const { id, title, rule } = checker;
  try {
    return { id, title, rule, ...checker.examine(scene) };
  } catch (cause) {
    throw new Error(`the checker ${id} broke: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
const milliseconds = (micros: number): string => `${(micros / 1000).toFixed(1)} ms`;

/** The first check with this outcome, and how many more there are. */
function nameChecks(checks: readonly CheckResult[], outcome: Outcome): string {
  const concerned = checks.filter((check) => check.outcome === outcome);
  const first = concerned[0];
  if (first === undefined) return "";
  const more = concerned.length > 1 ? `, and ${concerned.length - 1} more` : "";
  return `${lowerFirst(first.title)} (${first.summary})${more}`;
}

/** "3 of 900, each reported" as it stands in a sentence. */
const lostPhrase = (summary: string): string => {
  const comma = summary.indexOf(",");
  const [count, rest] = comma < 0 ? [summary, ""] : [summary.slice(0, comma), summary.slice(comma)];
  return `${count} messages lost${rest}`;
};

/** What became of what the applications sent. */
function broughtOver(checks: readonly CheckResult[]): string {
  const answered = checks.find(({ id }) => id === "requests-answered");
  if (answered !== undefined) return `requests answered: ${answered.summary}`;
  return lostPhrase(checks.find(({ id }) => id === "messages-lost")?.summary ?? "");
}

/** What could be judged, and why the rest could not. */
function inconclusive(scene: Scene, checks: readonly CheckResult[], lost: string): string {
  const undecided = checks.filter((check) => check.outcome === "unknown").length;
  if (scene.history.packets.length === 0) {
    return `Inconclusive: ${lost}, but nothing was captured, so ${undecided} checks could not be judged.`;
  }
  return `Inconclusive: ${lost}, but not decided: ${nameChecks(checks, "unknown")}.`;
}

interface Answers {
  readonly outcome: Outcome;
  readonly checks: readonly CheckResult[];
  readonly figures: readonly Figure[];
  /** How many were judged. */
  readonly associations: number;
}

function headlineOf(scene: Scene, { outcome, checks, figures, associations }: Answers): string {
  const subject = associations === 1 ? "The association" : `All ${associations} associations`;
  const lost = broughtOver(checks);
  const { fault } = scene.failover;
  const planned = fault !== undefined && !breaksSomething(fault);
  if (outcome === "fail") {
    const what =
      fault === undefined ? "A rule was broken" : `The ${planned ? "switch-over" : "failover"} was not clean`;
    return `${what}: ${nameChecks(checks, "fail")}.`;
  }
  if (outcome === "unknown") return inconclusive(scene, checks, lost);
  if (fault === undefined) return `${subject} held: ${lost}; nothing was broken on purpose.`;
  const [before] = scene.succession.tenures;
  if (scene.failover.takeover === undefined && before !== undefined) {
    return `${subject} survived: ${lost}, and ${before.host} went on all along.`;
  }
  const first = figures.find((figure) => figure.id === "fault-to-first-packet");
  const when =
    first === undefined
      ? ""
      : `, first packet from the secondary ${milliseconds(first.value)} after the ${planned ? "order" : "fault"}`;
  return planned
    ? `${subject} ${associations === 1 ? "was" : "were"} handed over: ${lost}${when}.`
    : `${subject} survived: ${lost}${when}.`;
}

function examine(port: number, scene: Scene): Judged {
  const checks = checkers
    .filter((checker) => checker.applies?.(scene) ?? true)
    .map((checker) => run(checker, scene));
  const figures = [
    ...failoverTimes(scene),
    ...deliveryGaps(scene),
    ...replicationLag(scene),
    ...traffic(scene),
  ];
  return { port, checks, figures };
}

/**
 * Judges a recorded history: every check in table order, then the figures. Of several associations each is judged by
 * itself, and the report is about all. A pure function; the same history gives the same report.
 *
 * @throws only when a checker itself is broken
 */
export function judge(history: History): VerdictReport {
  const [first, ...others] = associationsOf(history);
  const scene = setScene(first.history);
  const ofFirst = examine(first.port, scene);
  const ofOthers = others.map(({ port, history: own }) => examine(port, setScene(own)));
  const { checks, figures } = combine([ofFirst, ...ofOthers]);
  const outcome = worstOutcome(checks);
  return {
    outcome,
    headline: headlineOf(scene, { outcome, checks, figures, associations: 1 + others.length }),
    ...(history.terms?.policy === undefined ? {} : { promise: promiseOf(history.terms) }),
    checks,
    figures,
  };
}
