import { describe, expect, it } from "vitest";
import { neverHit } from "./coverage.ts";
import { anyPolicy } from "./policies.ts";
import { report, simulate } from "./simulate.ts";

/** Seeds of the run in the tests; `npm run sim` plays as many as one likes. */
const batches = 20;
const batchSeeds = 100;

const coverage: Map<string, number> = new Map<string, number>();
let delivered = 0;

describe("a cluster, whatever its policy and whatever fails", () => {
  it.each(Array.from({ length: batches }, (_, index) => 1 + index * batchSeeds))(
    `keeps all properties, ${batchSeeds} seeds from %i`,
    (from) => {
      for (let seed = from; seed < from + batchSeeds; seed++) {
        try {
          const result = simulate(seed, anyPolicy);
          delivered += result.delivered;
          for (const [name, count] of result.coverage) coverage.set(name, (coverage.get(name) ?? 0) + count);
        } catch (error) {
          throw new Error(report(seed, anyPolicy, error), { cause: error });
        }
      }
    },
    120_000,
  );
});

describe("the seeds of the tests", () => {
  it("let somebody die at every labelled step of the commit, and take every step of the recovery", () => {
    expect(neverHit(coverage, anyPolicy)).toEqual([]);
    expect(delivered).toBeGreaterThan(100_000);
  });

  it("mostly end with everything delivered", () => {
    const ended = (start: string): number =>
      [...coverage].filter(([name]) => name.startsWith(start)).reduce((sum, [, count]) => sum + count, 0);
    expect(ended("run: excused")).toBeLessThan(ended("run:") / 4);
  });
});
