import { describe, expect, it } from "vitest";
import type { Replication } from "../../agents/replica/index.ts";
import { parseReplication } from "../../agents/replica/index.ts";
import type { Extensions } from "../../agents/sctp/index.ts";
import { noExtensions, seededRandom } from "../../agents/sctp/index.ts";
import { accountsOf, deliveredFor, outOfOrder } from "./both-ends-losses.ts";
import {
  drain,
  ends,
  seeds,
  strikeApart,
  strikeAtOnce,
  underLoad,
  wireFaults,
} from "./both-ends-scenario.ts";
import { quietNetwork } from "./network.ts";
import { lossy, smallMessages } from "./scenario.ts";
import type { TwoClusters } from "./two-clusters.ts";

const policies = [
  "interval:50ms",
  "interval:20ms",
  "event:updates>=20",
  "event:messages>=5 || path-change",
  "impending-failure",
  "every-update",
];

const extensions: Extensions = { ...noExtensions, partialReliability: true };
const withAsconf: Extensions = { ...extensions, authentication: true, addressReconfiguration: true };

function policyOf(text: string): Replication["policy"] {
  const parsed = parseReplication(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.replication.policy;
}

/** By the seed: who lags how far, what both ends know, and how good the network is. */
function lagging(seed: number): TwoClusters {
  const dice = seededRandom(seed + 5000);
  const draw = (): Replication["policy"] => policyOf(policies[dice.uint32() % policies.length] ?? "");
  const both = { near: draw(), outside: draw() };
  const terms = { policies: both, extensions: dice.uint32() % 2 === 0 ? extensions : withAsconf };
  return underLoad(seed, dice.uint32() % 2 === 0 ? quietNetwork : lossy, terms);
}

/** Whoever takes over from a state of before the load is told of it again; an idle end does not show what it lacks. */
function goOn(world: TwoClusters): void {
  world.run(1500);
  for (const end of ends) {
    const active = world.serving(end);
    if (active?.status().totals.length === 0) active.startLoad(smallMessages, world.nowMs);
  }
  world.settle();
  world.run(1500);
}

/** Nothing twice, nothing out of order, and somebody was told of each message that is missing. */
function drainAndJudge(world: TwoClusters, seed: number): void {
  drain(world, seed);
  const wrong = ends.flatMap((end) => outOfOrder(world, end));
  expect(wrong, `seed ${seed}`).toEqual([]);
  const { unexplained, ...known } = accountsOf(world, smallMessages.streams);
  expect(unexplained, `seed ${seed}: ${JSON.stringify(known)}`).toEqual([]);
  expect(wireFaults(world), `seed ${seed}`).toEqual([]);
  for (const end of ends) expect(deliveredFor(world, end).length, `seed ${seed}`).toBeGreaterThan(100);
}

const { BOTH_ENDS_FROM = "1", BOTH_ENDS_SEEDS = "12" } = process.env;
const drawn: readonly number[] = seeds(Number(BOTH_ENDS_SEEDS)).map(
  (seed) => Number(BOTH_ENDS_FROM) - 1 + seed,
);

describe("clusters at both ends that lag behind", () => {
  it.each(drawn)("report what is lost when both primaries go at once, seed %i", (seed) => {
    const world = lagging(seed);
    strikeAtOnce(world, seed);
    goOn(world);
    drainAndJudge(world, seed);
    expect(ends.map((end) => world.epochOf(end))).toEqual([2, 2]);
  });

  it.each(drawn)("report what is lost when they go at different instants, seed %i", (seed) => {
    const world = lagging(seed);
    strikeApart(world, seed);
    goOn(world);
    drainAndJudge(world, seed);
    expect(ends.map((end) => world.epochOf(end))).toEqual([2, 2]);
  });
});
