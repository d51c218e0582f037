import { associationsOf } from "./associations.ts";
import { checkers } from "./checks/index.ts";
import type { Checker } from "./checker.ts";
import type { CountedCheck, Judged } from "./combine.ts";
import { combine, worstOutcome } from "./combine.ts";
import { deliveryGaps } from "./figures/delivery-gaps.ts";
import { failoverTimes } from "./figures/failover-times.ts";
import { isSeries, seriesTimes } from "./figures/series-times.ts";
import { replicationLag } from "./figures/replication-lag.ts";
import { traffic } from "./figures/traffic.ts";
import { isOutside } from "./ends.ts";
import { breaksSomething } from "./failover.ts";
import type { History } from "./history.ts";
import { promiseOf } from "./policy.ts";
import type { CheckResult, Figure, Outcome, VerdictReport } from "./report.ts";
import type { Scene } from "./scene.ts";
import { endName, setScene } from "./scene.ts";

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

/** Whether the run's fault was done to this end, as it always is where the other one is a single computer. */
function isStruck({ failover: { fault }, history, outside, near }: Scene): boolean {
  if (outside === undefined && near === undefined) return true;
  return !history.hosts.some((host) => isOutside(host) && host.name === fault?.host);
}

/** With the computers of its end in the title, and a name of its own. */
function ofOutside<Item extends { readonly id: string; readonly title: string }>(
  item: Item,
  outside: Scene,
): Item {
  return { ...item, id: `outside-${item.id}`, title: `${endName(outside)}: ${lowerFirst(item.title)}` };
}

/** One answer; of what is asked of an end one for each that is a cluster, where both are with their names. */
function answersOf(checker: Checker, scene: Scene): CountedCheck[] {
  const { outside } = scene;
  const answers = (checker.applies?.(scene) ?? true) ? [run(checker, scene)] : [];
  if (checker.perEnd !== true || outside === undefined) return answers;
  const theirs = (checker.applies?.(outside) ?? true) ? [run(checker, outside)] : [];
  return [
    ...answers.map((each) => ({ ...each, title: `${endName(scene)}: ${lowerFirst(each.title)}` })),
    ...theirs.map((each) => ofOutside(each, outside)),
  ];
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
  const way = !planned ? "survived" : associations === 1 ? "was handed over" : "were handed over";
  const ends = scene.outside === undefined ? [scene] : [scene, scene.outside];
  const since = planned ? "order" : isSeries(scene) ? "first kill" : "fault";
  const course = ends.map((end) => courseOf(end, figures, since)).join("");
  return `${subject} ${way}: ${lost}${course}.`;
}

/** Who of an end went on, or how soon another one did; to follow what comes before it in a sentence. */
function courseOf(end: Scene, figures: readonly Figure[], since: string): string {
  const [before] = end.succession.tenures;
  const { takeover } = end.failover;
  if (takeover === undefined && before !== undefined) return `, and ${before.host} went on all along`;
  const prefix = end.near === undefined ? "" : "outside-";
  const first = figures.find((figure) => figure.id === `${prefix}fault-to-first-packet`);
  if (first === undefined) return "";
  const isOne = end.near === undefined && end.outside === undefined;
  const from = isOne ? "the secondary" : (takeover?.host ?? "the secondary");
  return `, first packet from ${from} ${milliseconds(first.value)} after the ${since}`;
}

function examine(port: number, scene: Scene): Judged {
  const checks = checkers.flatMap((checker) => answersOf(checker, scene));
  const { outside } = scene;
  const figures = [
    ...(isStruck(scene) ? failoverTimes(scene) : []),
    ...(outside !== undefined && isStruck(outside)
      ? failoverTimes(outside).map((figure) => ofOutside(figure, outside))
      : []),
    ...seriesTimes(scene),
    ...deliveryGaps(scene),
    ...replicationLag(scene),
    ...(outside === undefined ? [] : replicationLag(outside).map((figure) => ofOutside(figure, outside))),
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
