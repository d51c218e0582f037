import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { describeKnobs, drawKnobs } from "./draw-knobs.ts";
import { report, simulate } from "./simulate.ts";
import { lineTrace } from "./trace.ts";
import { playInWorkers } from "../worker-pool.ts";
import type { BatchAnswer, BatchOrder } from "./worker-child.ts";

const worker = new URL("worker-child.ts", import.meta.url);

/**
 * The two-endpoint simulator from the command line: `npm run sim:sctp -- --seeds 100000 --from 1` plays seeds
 * on all cores and ends with code 1 at the first property that does not hold; `--replay SEED --trace` plays one
 * seed and prints every packet.
 */
const batchSeeds = 200;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    from: { type: "string", default: "1" },
    workers: { type: "string", default: String(availableParallelism()) },
    replay: { type: "string" },
    trace: { type: "boolean", default: false },
    "keep-going": { type: "boolean", default: false },
  },
});

function wholeNumber(name: "seeds" | "from" | "workers" | "replay", least: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  process.stderr.write(`--${name} must be a whole number of at least ${least}.\n`);
  process.exit(64);
}

function replay(seed: number): number {
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  out(describeKnobs(drawKnobs(seed)));
  try {
    const result = simulate(seed, values.trace ? { trace: lineTrace(out) } : {});
    out(
      `seed ${seed}: ${result.packets} packets, ${result.delivered} messages, ${result.virtualMs.toFixed(0)} ms of virtual time: all hold`,
    );
    return 0;
  } catch (error) {
    out(report(seed, error));
    return 1;
  }
}

interface Totals {
  seeds: number;
  packets: number;
  delivered: number;
  virtualMs: number;
  failures: number;
}

/** Hands batches of seeds to worker processes until all are played, or one fails. */
async function playAll(seeds: number, from: number, workers: number): Promise<Totals> {
  const totals: Totals = { seeds: 0, packets: 0, delivered: 0, virtualMs: 0, failures: 0 };
  let next = from;
  const end = from + seeds;
  const order = (): BatchOrder | undefined => {
    if (next >= end || (totals.failures > 0 && !values["keep-going"])) return undefined;
    const batch = { from: next, count: Math.min(batchSeeds, end - next), keepGoing: values["keep-going"] };
    next += batch.count;
    return batch;
  };
  const startedAtMs = performance.now();
  let shownAtMs = startedAtMs;
  const take = (answer: BatchAnswer): void => {
    totals.seeds += answer.seeds;
    totals.packets += answer.packets;
    totals.delivered += answer.delivered;
    totals.virtualMs += answer.virtualMs;
    totals.failures += answer.failures.length;
    for (const failure of answer.failures) process.stdout.write(`${failure}\n\n`);
    if (performance.now() - shownAtMs < 10_000) return;
    shownAtMs = performance.now();
    process.stderr.write(
      `${totals.seeds} of ${seeds} seeds, ${((shownAtMs - startedAtMs) / 1000).toFixed(0)} s\n`,
    );
  };
  await playInWorkers(worker, workers, order, take);
  return totals;
}

if (values.replay !== undefined) process.exitCode = replay(wholeNumber("replay", 0));
else {
  const totals = await playAll(wholeNumber("seeds", 1), wholeNumber("from", 0), wholeNumber("workers", 1));
  process.stdout.write(
    `${totals.seeds} seeds, ${totals.packets} packets, ${totals.delivered} messages delivered, ` +
      `${(totals.virtualMs / 3_600_000).toFixed(1)} hours of virtual time: ${totals.failures} failed\n`,
  );
  process.exitCode = totals.failures === 0 ? 0 : 1;
}
