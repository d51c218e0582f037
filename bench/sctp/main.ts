import { parseArgs } from "node:util";
import { fairness } from "./fair.ts";
import { idleMemory } from "./idle.ts";
import { lossTable } from "./loss.ts";
import { measureSpeed, rows, speedTable, systems } from "./speed.ts";

/** `npm run bench:sctp -- [speed | idle | fair | loss] [options]`; see usage. */
const usage = `usage: npm run bench:sctp -- [speed | idle | fair | loss] [options]
  speed  rates and CPU of all systems over UDP on loopback (the default)
           --rounds N (5)  --seconds S (1.5) a window  --markdown: no progress, only the table
           --only LIST     rows and systems by id: ${[...rows, ...systems].map(({ id }) => id).join(", ")}
  idle   memory of idle associations: --associations N (10000)
  fair   associations that send at once through a bottleneck: --associations N (1000)  --seed N
  loss   goodput under loss, against a prediction: --seconds S (200) of virtual time  --seed N
`;

class Misuse extends Error {}

function fail(sentence: string): never {
  throw new Misuse(sentence);
}

function number(text: string | undefined, name: string, fallback: number, from: number, to: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!(value >= from && value <= to)) fail(`--${name} must be a number from ${from} to ${to}.`);
  return value;
}

/** Of the ids that were asked for those in `all`; all where none of them was. */
function chosen<Item extends { readonly id: string }>(
  all: readonly Item[],
  wanted: ReadonlySet<string>,
): readonly Item[] {
  const some = all.filter(({ id }) => wanted.has(id));
  return some.length > 0 ? some : all;
}

interface Arguments {
  readonly positionals: readonly string[];
  readonly markdown: boolean;
  readonly help: boolean;
  readonly rounds?: string;
  readonly seconds?: string;
  readonly only?: string;
  readonly associations?: string;
  readonly seed?: string;
}

function parse(): Arguments {
  try {
    const { values, positionals } = parseArgs({
      options: {
        rounds: { type: "string" },
        seconds: { type: "string" },
        only: { type: "string" },
        associations: { type: "string" },
        seed: { type: "string" },
        markdown: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
      allowPositionals: true,
    });
    return { ...values, positionals };
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

async function run(): Promise<void> {
  const given = parse();
  const [what = "speed"] = given.positionals;
  const seed = number(given.seed, "seed", 1, 0, 2 ** 31);
  if (given.help) process.stdout.write(usage);
  else if (what === "speed") await speed(given);
  else if (what === "idle") {
    process.stdout.write(idleMemory(number(given.associations, "associations", 10_000, 2, 1e6)));
  } else if (what === "fair") {
    process.stdout.write(fairness(number(given.associations, "associations", 1000, 2, 10_000), seed));
  } else if (what === "loss") {
    process.stdout.write(lossTable(number(given.seconds, "seconds", 200, 1, 1e6), seed));
  } else fail(`there is no measurement ${what}; there are speed, idle, fair and loss.`);
}

async function speed({ only, rounds, seconds, markdown }: Arguments): Promise<void> {
  const wanted = new Set((only ?? "").split(",").filter((id) => id !== ""));
  const known = new Set([...rows, ...systems].map(({ id }) => id));
  for (const id of wanted)
    if (!known.has(id)) fail(`--only knows no ${id}; it knows ${[...known].join(", ")}.`);
  const options = {
    rounds: Math.ceil(number(rounds, "rounds", 5, 1, 1000)),
    windowMs: number(seconds, "seconds", 1.5, 0.1, 600) * 1000,
    rampMs: 1500,
    rows: chosen(rows, wanted),
    systems: chosen(systems, wanted),
  };
  const result = await measureSpeed(options, (line) => {
    if (!markdown) process.stderr.write(`${line}\n`);
  });
  process.stdout.write(speedTable(options, result));
}

try {
  await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof Misuse ? 64 : 1;
}
