import fc from "fast-check";
import { expect, test } from "vitest";
import type { History } from "../../../captures/verdict/history.ts";
import { judge } from "../../../captures/verdict/index.ts";
import { seededRandom } from "../../../agents/sctp/base/random.ts";
import { goodRun, sackChunk } from "../../support/history-builder.ts";

interface Stamped {
  readonly at: number;
  readonly host: string;
}

/** Merges the hosts' own sequences anew: by time, and hosts in any order where the times are equal. */
function remerge<T extends Stamped>(list: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  const rank = new Map<string, number>();
  const rankOf = (item: T): number => {
    const key = `${item.at}/${item.host}`;
    const known = rank.get(key) ?? random.uint32();
    rank.set(key, known);
    return known;
  };
  return [...list].sort((left, right) => left.at - right.at || rankOf(left) - rankOf(right));
}

/** Coarse stamps, so that many records of different hosts fall on the same instant. */
function coarse(history: History, stepMicros: number, seed: number): History {
  const round = <T extends Stamped>(list: readonly T[]): T[] =>
    remerge(
      list.map((item) => ({ ...item, at: item.at - (item.at % stepMicros) })),
      seed,
    );
  return {
    ...history,
    packets: round(history.packets),
    updates: round(history.updates),
    acked: round(history.acked),
    sent: round(history.sent),
    messages: round(history.messages),
    events: round(history.events),
  };
}

test("the order in which hosts are merged at equal times does not change any outcome", () => {
  const broken = goodRun();
  broken.transmit("b", "peer", [sackChunk(0xffff_fffa)], { reason: "sack" });
  const histories = [goodRun().history(), broken.history()];
  fc.assert(
    fc.property(
      fc.constantFrom(...histories),
      fc.integer(),
      fc.integer({ min: 1, max: 500 }),
      (history, seed, step) => {
        const outcomes = (order: number): string[] =>
          judge(coarse(history, step, order)).checks.map(
            ({ id, outcome, summary }) => `${id} ${outcome} ${summary}`,
          );
        expect(outcomes(seed)).toEqual(outcomes(1));
      },
    ),
    { numRuns: 60 },
  );
});
