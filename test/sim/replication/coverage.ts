import { killPoints } from "./kill-points.ts";

/** From so many seeds on, a kill point that nobody died at fails the run. */
export const seedsForFullCoverage = 2000;

/** What a table of coverage says, one line each: kill points first, hit or not. */
export function coverageTable(coverage: ReadonlyMap<string, number>): string[] {
  const names = killPoints.map((point) => `kill point ${point}`);
  const others = [...coverage.keys()].filter((name) => !names.includes(name)).sort();
  return [...names, ...others].map((name) => `${String(coverage.get(name) ?? 0).padStart(9)}  ${name}`);
}

/** Kill points at which nobody ever died; only a third computer is asked with a claim. */
export const neverHit = (coverage: ReadonlyMap<string, number>, withKeeper: boolean): string[] =>
  killPoints.filter(
    (point) => !coverage.has(`kill point ${point}`) && (withKeeper || !point.startsWith("claim")),
  );
