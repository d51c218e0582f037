import { killPoints } from "./kill-points.ts";
import { anyPolicy, keeperOf } from "./policies.ts";

/** From so many seeds on, what was never hit fails the run. */
export const seedsForFullCoverage = 2000;

/** What a table of coverage says, one line each: kill points first, hit or not. */
export function coverageTable(coverage: ReadonlyMap<string, number>): string[] {
  const names = killPoints.map((point) => `kill point ${point}`);
  const others = [...coverage.keys()].filter((name) => !names.includes(name)).sort();
  return [...names, ...others].map((name) => `${String(coverage.get(name) ?? 0).padStart(9)}  ${name}`);
}

/** What the seeds have to bring about beside deaths at all kill points, whatever the policy. */
const always: readonly string[] = [
  "became primary by takeover",
  "became primary by handover",
  "event rejoined",
  "event solo",
  "primary dies in set-up",
  "primary dies in shutdown",
  "TSNs near their wrap",
  "SSNs near their wrap",
  "recovery step redirect",
  "address add granted",
  "address delete granted",
  "address set-primary granted",
];

/** The same where each seed draws a policy. */
const ofAnyPolicy: readonly string[] = [
  "policy every-update",
  "policy interval",
  "policy event",
  "policy impending-failure",
  "policy impending-failure:from-then-on",
  "third computer: store",
  "third computer: witness",
  "fault set-policy",
  "updates that had to be held at a takeover",
  "recovery step lease",
  "recovery step probe",
  "recovery step forward-tsn",
  "recovery step stream-reset",
  "recovery step restart",
  "recovery step resynchronise",
  "messages lost, in a reported range",
  "messages given up unsent",
  "messages skipped, never sent",
];

/** What the seeds should have brought about with this policy and have not; only a third computer is asked with a claim. */
export function neverHit(coverage: ReadonlyMap<string, number>, policy: string): string[] {
  const mayHaveKeeper = policy === anyPolicy || keeperOf(policy) !== undefined;
  const points = killPoints.filter((point) => mayHaveKeeper || !point.startsWith("claim"));
  const due = [...points.map((point) => `kill point ${point}`), ...always];
  return [...due, ...(policy === anyPolicy ? ofAnyPolicy : [])].filter((name) => !coverage.has(name));
}
