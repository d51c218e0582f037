import { PropertyViolation } from "../sctp/checker/violation.ts";
import { describeKnobs, drawKnobs } from "./draw-knobs.ts";
import type { Knobs } from "./knobs.ts";
import type { RunResult, WorldOptions } from "./world.ts";
import { ReplicationWorld } from "./world.ts";

/** Plays one seed; a property that does not hold is thrown. */
export function simulate(seed: number, policy: string, options: WorldOptions = {}): RunResult {
  return play(drawKnobs(seed, policy), options);
}

export const play = (knobs: Knobs, options: WorldOptions = {}): RunResult =>
  new ReplicationWorld(knobs, options).run();

/** What to print about a run that failed, with what it takes to see it again. */
export function report(seed: number, policy: string, error: unknown): string {
  const what =
    error instanceof PropertyViolation
      ? error.message
      : `crash: ${error instanceof Error ? error.stack : String(error)}`;
  return [
    `seed ${seed} violates: ${what}`,
    describeKnobs(drawKnobs(seed, policy)),
    `again with a trace: npm run sim -- --policy ${policy} --replay ${seed} --trace`,
  ].join("\n");
}
