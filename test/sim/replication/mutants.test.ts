import { describe, expect, it } from "vitest";
import { PropertyViolation } from "../sctp/checker/violation.ts";
import { drawKnobs } from "./draw-knobs.ts";
import { mutants } from "./mutants.ts";
import { shrink } from "./shrink.ts";
import { play } from "./simulate.ts";

/** The first seed at which the mutant violates one of its properties. */
function foundAt({
  makers,
  policy = "every-update",
  focus = (knobs) => knobs,
  withinSeeds,
  properties,
}: (typeof mutants)[number]): number {
  for (let seed = 1; seed <= withinSeeds; seed++) {
    try {
      play(focus(drawKnobs(seed, policy)), { makers });
    } catch (error) {
      if (!(error instanceof PropertyViolation)) throw error;
      if (properties.includes(error.property)) return seed;
    }
  }
  return Infinity;
}

describe("a system with a fault is found out", () => {
  it.each(mutants)(
    "$name, within $withinSeeds seeds",
    (mutant) => {
      expect(foundAt(mutant)).toBeLessThanOrEqual(mutant.withinSeeds);
    },
    120_000,
  );

  it("and shrinks to less than it was", () => {
    const [mutant] = mutants;
    if (mutant === undefined) throw new Error("there are no mutants");
    const knobs = drawKnobs(foundAt(mutant), "every-update");
    const shrunk = shrink(knobs, { makers: mutant.makers });
    const size = ({ happenings, crashes }: typeof knobs): number => happenings.length + crashes.length;
    expect(shrunk.message).not.toBe("nothing");
    expect(size(shrunk.knobs)).toBeLessThan(size(knobs));
  }, 120_000);
});
