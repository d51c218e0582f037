import { afterEach, describe, expect, it, vi } from "vitest";
import { Endpoint } from "../../agents/sctp/index.ts";
import { readCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { resealed } from "./stage.ts";
import { targets } from "./targets.ts";

const corpus = readCorpus();
/** `npm run fuzz:sctp` does as many as one likes. */
const runs = { parsers: 8000, states: 2500, commands: 600 } as Readonly<Record<string, number>>;

const targetNamed = (name: string): (typeof targets)[number] => {
  const found = targets.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no target ${name}`);
  return found;
};

/** Seeds from 1 on until something is found; the sentence, or undefined. */
function firstFinding(name: string, most: number): string | undefined {
  for (let seed = 1; seed <= most; seed++) {
    try {
      targetNamed(name).run(seed, corpus, new Coverage());
    } catch (error) {
      return String(error);
    }
  }
  return undefined;
}

describe("fuzzing", () => {
  it.each(targets)(
    "finds nothing in $name",
    ({ name, run }) => {
      const coverage = new Coverage();
      for (let seed = 1; seed <= (runs[name] ?? 0); seed++) {
        try {
          run(seed, corpus, coverage);
        } catch (error) {
          throw new Error(
            `${name}, seed ${seed}: npm run fuzz:sctp -- --target ${name} --runs 1 --seed ${seed}`,
            {
              cause: error,
            },
          );
        }
      }
      if (name === "states") expect(coverage.empty(), "every chunk type came in every state").toEqual([]);
    },
    60_000,
  );
});

describe("a stack with a fault is found out:", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("one that throws at what it gets", () => {
    const receive = Endpoint.prototype.receive;
    vi.spyOn(Endpoint.prototype, "receive").mockImplementation(function (
      this: Endpoint,
      bytes,
      route,
      nowMs,
    ) {
      if (bytes[12] === 192) throw new Error("FORWARD TSN was not expected");
      receive.call(this, bytes, route, nowMs);
    });
    expect(firstFinding("states", 300)).toContain("FORWARD TSN was not expected");
  });

  it("one that answers an answer: a packet storm", () => {
    const receive = Endpoint.prototype.receive;
    vi.spyOn(Endpoint.prototype, "receive").mockImplementation(function (
      this: Endpoint,
      bytes,
      route,
      nowMs,
    ) {
      const answer = bytes[12] === 5;
      // HEARTBEAT ACK is taken for a HEARTBEAT.
      receive.call(this, answer ? resealed(bytes.with(12, 4)) : bytes, route, nowMs);
    });
    expect(firstFinding("states", 300)).toMatch(/packets until all was quiet|steps/);
  });

  it("one that answers a stranger with more than came", () => {
    const take = Endpoint.prototype.takeOutputs;
    vi.spyOn(Endpoint.prototype, "takeOutputs").mockImplementation(function (this: Endpoint) {
      const outputs = take.call(this);
      const many = outputs.packets.flatMap((packet) => Array.from({ length: 4 }, () => packet));
      return { ...outputs, packets: many };
    });
    expect(firstFinding("states", 300)).toContain("never verified");
  });
});
