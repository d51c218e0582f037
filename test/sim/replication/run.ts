import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { parseReplication } from "../../../agents/replica/index.ts";
import { coverageTable, neverHit, seedsForFullCoverage } from "./coverage.ts";
import { describeKnobs, drawKnobs } from "./draw-knobs.ts";
import { anyPolicy } from "./policies.ts";
import { shrink } from "./shrink.ts";
import { report, simulate } from "./simulate.ts";
import { lineTrace } from "./trace.ts";
import { playInWorkers } from "../worker-pool.ts";
import type { BatchAnswer, BatchOrder } from "./worker-child.ts";

const worker = new URL("worker-child.ts", import.meta.url);

/**
 * The replication simulator from the command line: `npm run sim -- --seeds 10000 --from 1 --policy every-update`
 * plays seeds on all cores and ends with code 1 at the first property that does not hold, or when a kill
 * point or a recovery step was never hit; without `--policy` each seed draws one, which perhaps changes
 * on the way, and a third computer or none. `--replay SEED --trace` plays
 * one seed and prints one line for each transition; a seed that fails is shrunk.
 */
const batchSeeds = 50;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "2000" },
    from: { type: "string", default: "1" },
    policy: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    replay: { type: "string" },
    trace: { type: "boolean", default: false },
    "keep-going": { type: "boolean", default: false },
  },
});

const out = (line: string): void => void process.stdout.write(`${line}\n`);

function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(64);
}

function wholeNumber(name: "seeds" | "from" | "workers" | "replay", least: number): number {
  const value = Number(values[name]);
  return Number.isInteger(value) && value >= least
    ? value
    : refuse(`--${name} must be a whole number of at least ${least}.`);
}

function chosenPolicy(): string {
  if (values.policy === undefined || values.policy === anyPolicy) return anyPolicy;
  const parsed = parseReplication(values.policy.replace(/^witness /, ""));
  return parsed.ok ? values.policy : refuse(parsed.reason);
}

/** The same seed fails in fewer steps. */
function shrunk(seed: number, policy: string): string {
  const { knobs, message } = shrink(drawKnobs(seed, policy));
  return `shrunk to this, which violates: ${message}\n${describeKnobs(knobs)}`;
}

function replay(seed: number, policy: string): number {
  out(describeKnobs(drawKnobs(seed, policy)));
  try {
    const result = simulate(seed, policy, values.trace ? { trace: lineTrace(out) } : {});
    const { packets, delivered, virtualMs, excuse } = result;
    const end = excuse === undefined ? "all hold" : `all hold, and no more was owed: ${excuse}`;
    out(
      `seed ${seed}: ${packets} packets, ${delivered} messages, ${virtualMs.toFixed(0)} ms of virtual time: ${end}`,
    );
    return 0;
  } catch (error) {
    out(report(seed, policy, error));
    if (!values.trace) out(shrunk(seed, policy));
    return 1;
  }
}

/** What all batches together brought. */
class Totals {
  seeds: number = 0;
  packets: number = 0;
  delivered: number = 0;
  virtualMs: number = 0;
  failures: number = 0;
  readonly coverage: Map<string, number> = new Map<string, number>();
  readonly #wanted: number;
  readonly #startedAtMs: number = performance.now();
  #shownAtMs: number = performance.now();

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  add(answer: BatchAnswer): void {
    this.seeds += answer.seeds;
    this.packets += answer.packets;
    this.delivered += answer.delivered;
    this.virtualMs += answer.virtualMs;
    this.failures += answer.failures.length;
    for (const [name, count] of answer.coverage)
      this.coverage.set(name, (this.coverage.get(name) ?? 0) + count);
    for (const failure of answer.failures) out(`${failure}\n`);
    const nowMs = performance.now();
    if (nowMs - this.#shownAtMs < 10_000) return;
    this.#shownAtMs = nowMs;
    process.stderr.write(
      `${this.seeds} of ${this.#wanted} seeds, ${((nowMs - this.#startedAtMs) / 1000).toFixed(0)} s\n`,
    );
  }

  get text(): string {
    const hours = (this.virtualMs / 3_600_000).toFixed(1);
    return `${this.seeds} seeds, ${this.packets} packets, ${this.delivered} messages delivered, ${hours} hours of virtual time: ${this.failures} failed`;
  }
}

/** Hands batches of seeds to worker processes until all are played, or one fails. */
async function playAll(policy: string): Promise<Totals> {
  const [seeds, from] = [wholeNumber("seeds", 1), wholeNumber("from", 0)];
  const totals = new Totals(seeds);
  let next = from;
  const order = (): BatchOrder | undefined => {
    if (next >= from + seeds || (totals.failures > 0 && !values["keep-going"])) return undefined;
    const count = Math.min(batchSeeds, from + seeds - next);
    const batch = { from: next, count, policy, keepGoing: values["keep-going"] };
    next += count;
    return batch;
  };
  const take = (answer: BatchAnswer): void => totals.add(answer);
  await playInWorkers(worker, wholeNumber("workers", 1), order, take);
  return totals;
}

const policy = chosenPolicy();
if (values.replay !== undefined) {
  const seed = wholeNumber("replay", 0);
  process.exitCode = replay(seed, policy);
} else {
  const totals = await playAll(policy);
  for (const line of coverageTable(totals.coverage)) out(line);
  const missed = totals.seeds < seedsForFullCoverage ? [] : neverHit(totals.coverage, policy);
  if (missed.length > 0) out(`never hit: ${missed.join(", ")}`);
  out(totals.text);
  process.exitCode = totals.failures === 0 && missed.length === 0 ? 0 : 1;
}
