import { PropertyViolation, hold } from "./checker/violation.ts";
import { describeKnobs, drawKnobs } from "./draw-knobs.ts";
import type { PortFactory } from "./port.ts";
import type { Trace } from "./trace.ts";
import type { RunResult } from "./world.ts";
import { SimWorld } from "./world.ts";

export interface SimulateOptions {
  readonly make?: PortFactory;
  readonly trace?: Trace;
}

/**
 * Plays one seed; a property that does not hold is thrown. Where endpoints are taken out and put back on
 * the way, the run is compared with one in which they are not: nobody on the network may tell the difference.
 */
export function simulate(seed: number, options: SimulateOptions = {}): RunResult {
  const knobs = drawKnobs(seed);
  const result = new SimWorld(knobs, options).run();
  if (options.trace !== undefined || knobs.happenings.every(({ what }) => what.kind !== "restore"))
    return result;
  const never = new SimWorld(knobs, { ...options, restores: false }).run();
  hold(never.digest === result.digest, "a restore is not noticed", () => {
    return `${result.packets} packets with it, ${never.packets} without, or other ones`;
  });
  return result;
}

/** What to print about a run that failed, with what it takes to see it again. */
export function report(seed: number, error: unknown): string {
  const what =
    error instanceof PropertyViolation
      ? error.message
      : `crash: ${error instanceof Error ? error.stack : String(error)}`;
  return [
    `seed ${seed} violates: ${what}`,
    describeKnobs(drawKnobs(seed)),
    `again with a trace: npm run sim:sctp -- --replay ${seed} --trace`,
  ].join("\n");
}
