import type { Evidence, Outcome } from "./report.ts";
import type { Scene } from "./scene.ts";

/** What a check counted: violations, and what it judged. */
export interface Tally {
  readonly found: number;
  readonly of: number;
}

/** What a checker found; the registry adds its name and rule. */
export interface Finding {
  readonly outcome: Outcome;
  /** The answer in a few words. */
  readonly summary: string;
  /** The numbers of a summary "0 of 12000": with several associations they are added up. */
  readonly tally?: Tally;
  readonly evidence: readonly Evidence[];
  readonly evidenceTotal: number;
}

export interface Checker {
  readonly id: string;
  readonly title: string;
  readonly rule: string;
  /** Asked of each end that is a cluster; else of the run as a whole. */
  readonly perEnd?: true;
  /** Absent: asked of every run. False: the run's policy promises nothing of the kind, so it is not asked. */
  applies?(scene: Scene): boolean;
  examine(scene: Scene): Finding;
}

const maxEvidence = 20;

/** Collects what speaks against a rule: keeps the first 20 items, counts all. */
export class EvidenceList {
  readonly kept: Evidence[] = [];
  total = 0;

  /** `count` is more than 1 where one line of evidence stands for several violations. */
  add(evidence: Evidence, count = 1): void {
    this.total += count;
    if (this.kept.length < maxEvidence) this.kept.push(evidence);
  }
}

/** An answer without evidence: the input is missing, or there is nothing to show. */
export function unknown(summary: string): Finding {
  return { outcome: "unknown", summary, evidence: [], evidenceTotal: 0 };
}

export function passed(summary: string): Finding {
  return { outcome: "pass", summary, evidence: [], evidenceTotal: 0 };
}

/** Three-valued decision: a violation that was found fails; without one, any gap in the record makes it unknown. */
export function decide(found: {
  readonly violations: EvidenceList;
  readonly failSummary: string;
  readonly passSummary: string;
  /** Cases that could not be decided either way. */
  readonly undecided?: EvidenceList;
  /** Why the absence of violations proves nothing, in words that follow "but"; undefined: it does. */
  readonly gap?: string | undefined;
}): Finding {
  const { violations, undecided, gap } = found;
  if (violations.total > 0) {
    return {
      outcome: "fail",
      summary: found.failSummary,
      evidence: violations.kept,
      evidenceTotal: violations.total,
    };
  }
  if (undecided !== undefined && undecided.total > 0) {
    return {
      outcome: "unknown",
      summary: `${found.passSummary}, but ${undecided.total} could not be decided`,
      evidence: undecided.kept,
      evidenceTotal: undecided.total,
    };
  }
  if (gap !== undefined) return unknown(`${found.passSummary}, but ${gap}`);
  return passed(found.passSummary);
}
