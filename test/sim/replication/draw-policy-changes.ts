import type { Dice } from "../sctp/dice.ts";
import type { TimedHappening } from "./knobs.ts";
import { drawPolicy } from "./policies.ts";

/** Operators change the policy while the association runs: to a stricter one or to a laxer one. */
export function drawPolicyChanges(dice: Dice, activeMs: number): TimedHappening[] {
  const count = dice.chance(0.3) ? dice.int(1, 3) : 0;
  return Array.from({ length: count }, () => ({
    atMs: dice.real(0, activeMs),
    what: { kind: "set-policy", policy: drawPolicy(dice) },
  }));
}
