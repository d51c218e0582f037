import type { Dice } from "../sctp/dice.ts";
import type { LagBound } from "./checker/lag-rule.ts";
import type { Knobs } from "./knobs.ts";

/** What the simulator plays unless told otherwise: each seed draws its policy and keeper, and perhaps other policies later on. */
export const anyPolicy = "any";

/** Text forms of which `any` draws one, some more often; `witness ` before one adds a third computer that only decides. */
const mix: readonly string[] = [
  "every-update",
  "every-update",
  "every-update",
  "interval:5ms",
  "interval:20ms",
  "interval:100ms",
  "event:updates>=20",
  "event:messages>=5 || path-change",
  "event:bytes>20000 && tsns>=10 || command",
  "event:message-boundary",
  "impending-failure",
  "impending-failure:from-then-on",
];

export const drawPolicy = (dice: Dice): string => dice.pick(mix);

/** The policy under its name in a table of coverage, whatever its figures. */
export const kindOfPolicy = (policy: string): string =>
  policy.replace(/(interval|event):.*$/, (_, kind: string) => kind);

/** The third computer that a policy asks for. */
export function keeperOf(policy: string): Knobs["keeper"] {
  if (policy.startsWith("shared")) return "store";
  return policy.startsWith("witness ") ? "witness" : undefined;
}

export const drawKeeper = (dice: Dice): Knobs["keeper"] =>
  dice.pick([undefined, undefined, undefined, "witness", "store"]);

const commits = (policy: string): boolean => /^(witness )?(every-update|shared)$/.test(policy);

/** Whether every policy of the run has all packets wait for the holder. */
export const commitsAlways = ({ policy, happenings }: Pick<Knobs, "policy" | "happenings">): boolean =>
  commits(policy) && happenings.every(({ what }) => what.kind !== "set-policy" || commits(what.policy));

/** How often the world looks after its links: so late it knows that one does not carry. */
export const pollMs = 10;

/** Of a run under one interval, in which the members are by themselves. */
export function lagBoundOf(knobs: Knobs): LagBound | undefined {
  const { policy, keeper, happenings, link, clocks } = knobs;
  const interval = /^interval:(\d+)ms$/.exec(policy);
  const isChanged = happenings.some(({ what }) => what.kind === "set-policy");
  if (interval === null || keeper !== undefined || isChanged) return undefined;
  const tripMs = link.latencyMs + link.jitterMs;
  const slowest = Math.min(clocks.a.rate, clocks.b.rate);
  // Who greets again on a new link is synchronised after a few trips.
  return { heldAfterMs: Number(interval[1]) / slowest + tripMs + 0.01, calmAfterMs: pollMs + 6 * tripMs };
}
