import { describe, expect, it } from "vitest";
import { PropertyViolation } from "./checker/violation.ts";
import { mutants } from "./mutants.ts";
import { report, simulate } from "./simulate.ts";

/** Seeds of the run in the tests; `npm run sim:sctp` plays as many as one likes. */
const batches = 15;
const batchSeeds = 100;

const seen: Map<string, number> = new Map<string, number>();
let delivered = 0;
let reopened = 0;

describe("two endpoints on a bad network", () => {
  it.each(Array.from({ length: batches }, (_, index) => 1 + index * batchSeeds))(
    `keep all properties, ${batchSeeds} seeds from %i`,
    (from) => {
      for (let seed = from; seed < from + batchSeeds; seed++) {
        try {
          const result = simulate(seed);
          delivered += result.delivered;
          if (result.reopened) reopened += 1;
          for (const [name, count] of result.seen) seen.set(name, (seen.get(name) ?? 0) + count);
        } catch (error) {
          throw new Error(report(seed, error), { cause: error });
        }
      }
    },
    60_000,
  );

  it("go through everything that the protocol has", () => {
    const kinds = [
      ...["init", "init-ack", "COOKIE-ECHO", "COOKIE-ACK", "data", "sack", "heartbeat", "heartbeat-ack"],
      ...["shutdown", "SHUTDOWN-ACK", "SHUTDOWN-COMPLETE", "abort"],
    ];
    kinds.push("auth", "asconf", "asconf-ack", "re-config", "ecne", "cwr");
    kinds.push("add granted", "delete granted", "set-primary granted");
    kinds.push("outgoing performed", "tsn performed", "add-outgoing performed", "add-incoming performed");
    for (const kind of kinds) expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(20);
    expect(delivered).toBeGreaterThan(20_000);
    // A run that ends without a judgement is an exception.
    expect(reopened).toBeLessThan((batches * batchSeeds) / 50);
  });
});

describe("a stack with a fault is found out", () => {
  it.each(mutants)("$name, within $withinSeeds seeds", ({ make, withinSeeds, properties }) => {
    const found = new Set<string>();
    for (let seed = 1; seed <= withinSeeds; seed++) {
      try {
        simulate(seed, { make });
      } catch (error) {
        if (!(error instanceof PropertyViolation)) throw error;
        found.add(error.property);
      }
    }
    expect(
      properties.some((property) => found.has(property)),
      [...found].join("; "),
    ).toBe(true);
  });

  it("and the same seed gives the same run", () => {
    for (const seed of [3, 57, 1000]) expect(simulate(seed).digest).toBe(simulate(seed).digest);
  });
});
