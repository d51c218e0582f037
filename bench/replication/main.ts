import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Direction } from "./ends/messages.ts";
import type { Case, Measured } from "./measure.ts";
import { unreplicated } from "./cluster.ts";
import { measure, roundTrips } from "./measure.ts";
import { ResultTables, keyOf } from "./results.ts";
import { takeoverTable } from "./takeover.ts";

const policies: readonly string[] = [
  unreplicated,
  "every-update",
  "interval:50ms",
  "event:'updates>=20'",
  "impending-failure",
  "shared",
];

const columns: readonly (readonly [id: string, direction: Direction, sizeBytes: number])[] = [
  ["out-1k", "out", 1024],
  ["out-8k", "out", 8192],
  ["in-1k", "in", 1024],
  ["in-8k", "in", 8192],
  ["answer", "answer", 200],
];

/** `npm run bench:replication -- [speed | takeover] [options]`; see usage. */
const usage = `usage: npm run bench:replication -- [speed | takeover] [options]
  speed     primary, standby and outside computer as processes on loopback, without lab and records (the default)
              --rounds N (5)  --seconds S (2) a window  --profile FOLDER: CPU profiles of the members
              --policies LIST (${policies.join(", ")})
              --only LIST     columns by id: ${columns.map(([id]) => id).join(", ")}
  takeover  a standby with many associations takes over: --associations N (1000)  --rounds N (5)
`;

class Misuse extends Error {}

function number(text: string | undefined, name: string, fallback: number, from: number, to: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (value >= from && value <= to) return value;
  throw new Misuse(`--${name} must be a number from ${from} to ${to}.`);
}

function parse() {
  try {
    return parseArgs({
      options: {
        rounds: { type: "string" },
        seconds: { type: "string" },
        policies: { type: "string" },
        only: { type: "string" },
        profile: { type: "string" },
        associations: { type: "string" },
        help: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new Misuse(error instanceof Error ? error.message : String(error));
  }
}

const listOf = (text: string | undefined): string[] => (text ?? "").split(",").filter((each) => each !== "");

function chosenCases(only: string | undefined, wanted: string | undefined): Case[] {
  const ids = listOf(only);
  for (const id of ids)
    if (!columns.some(([known]) => known === id)) throw new Misuse(`--only knows no ${id}.`);
  const chosen = ids.length === 0 ? columns : columns.filter(([id]) => ids.includes(id));
  const named = wanted === undefined ? policies : [unreplicated, ...listOf(wanted)];
  return chosen.flatMap(([, direction, sizeBytes]) =>
    [...new Set(named)].map((policy) => ({ direction, sizeBytes, policy })),
  );
}

/** Interleaved: a round measures every case once before the next round begins. */
async function speed({ values }: ReturnType<typeof parse>): Promise<string> {
  const rounds = Math.ceil(number(values.rounds, "rounds", 5, 1, 1000));
  const windowMs = number(values.seconds, "seconds", 2, 0.1, 600) * 1000;
  const { profile: profileFolder } = values;
  if (profileFolder !== undefined) mkdirSync(profileFolder, { recursive: true });
  const cases = chosenCases(values.only, values.policies);
  const results = new Map<string, Measured[]>();
  const trips: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    trips.push(...(await roundTrips(2000)));
    for (const each of cases) {
      const key = keyOf(each);
      try {
        const measured = await measure(each, { rampMs: 1500, windowMs, profileFolder });
        results.set(key, [...(results.get(key) ?? []), measured]);
        process.stderr.write(`round ${round}, ${key}: ${measured.messagesPerSecond.toFixed(0)} messages/s\n`);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        process.stderr.write(`round ${round}, ${key}: ${why}\n`);
      }
    }
  }
  const tables = new ResultTables(cases, results, trips);
  return `${tables.policies()}\n${tables.aims()}\n${tables.stalls()}`;
}

try {
  const given = parse();
  const { values } = given;
  const [what = "speed"] = given.positionals;
  if (values.help) process.stdout.write(usage);
  else if (what === "speed") process.stdout.write(await speed(given));
  else if (what === "takeover") {
    const associations = number(values.associations, "associations", 1000, 1, 4000);
    const rounds = Math.ceil(number(values.rounds, "rounds", 5, 1, 1000));
    process.stdout.write(await takeoverTable(associations, rounds));
  } else throw new Misuse(`there is no measurement ${what}; there are speed and takeover.`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof Misuse ? 64 : 1;
}
