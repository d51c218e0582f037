import { parseArgs } from "node:util";
import { collectCorpus, readCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { targets } from "./targets.ts";

/**
 * The fuzz run from the command line: `npm run fuzz:sctp -- --runs 100000 --seed 1 [--target states]`. Ends
 * with code 1 at the first finding, and prints how to see it again; `--collect SEEDS` writes the corpus anew.
 */
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    target: { type: "string" },
    collect: { type: "string" },
    "keep-going": { type: "boolean", default: false },
  },
});

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} must be a whole number.\n`);
  process.exit(64);
}

function fuzz(runs: number, seed: number): number {
  const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
  if (chosen.length === 0) {
    process.stderr.write(`--target must be one of ${targets.map(({ name }) => name).join(", ")}.\n`);
    return 64;
  }
  const corpus = readCorpus();
  const coverage = new Coverage();
  for (let run = seed; run < seed + runs; run++) {
    for (const { name, run: play } of chosen) {
      try {
        play(run, corpus, coverage);
      } catch (error) {
        coverage.findings += 1;
        const again = `npm run fuzz:sctp -- --target ${name} --runs 1 --seed ${run}`;
        process.stdout.write(
          `${name}, seed ${run}: ${error instanceof Error ? error.stack : String(error)}\nagain: ${again}\n\n`,
        );
        if (!values["keep-going"]) return 1;
      }
    }
  }
  process.stdout.write(`${coverage.table()}\n`);
  process.stdout.write(
    `${runs} runs of ${chosen.map(({ name }) => name).join(", ")} from seed ${seed} with ${corpus.length} packets in the corpus: ` +
      `${coverage.findings} findings, ${coverage.empty().length} empty cells, at most ${coverage.mostPackets} packets until quiet\n`,
  );
  return coverage.findings === 0 ? 0 : 1;
}

if (values.collect !== undefined) {
  process.stdout.write(`${collectCorpus(wholeNumber("collect", values.collect))} packets in the corpus\n`);
} else process.exitCode = fuzz(wholeNumber("runs", values.runs), wholeNumber("seed", values.seed));
