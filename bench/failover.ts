import { execFile } from "node:child_process";
import { parseArgs } from "node:util";
import { promisify } from "node:util";
import { openRun } from "../main/store/index.ts";

/**
 * Failover times of the demo, run after run, with our agent and with usrsctp as the outside computer in
 * turn: medians, and the ratio of the two. `npm run bench:failover -- --rounds 5`.
 */
const entry: string = new URL("../main/cli/entry.ts", import.meta.url).pathname;
const peers = ["agent", "usrsctp"] as const;
const shown: readonly (readonly [id: string, title: string])[] = [
  ["fault-to-detection", "fault to detection"],
  ["fault-to-first-packet", "fault to first packet from B"],
  ["fault-to-restoration", "fault to restoration"],
  ["gap-up", "longest gap up, around the fault"],
  ["gap-down", "longest gap down, around the fault"],
  ["lag-held-median", "replication lag, made to held, median"],
  ["lag-acked-median", "replication lag, made to acknowledged, median"],
];

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
  process.stderr.write("--rounds must be a whole number from 1 to 100.\n");
  process.exit(64);
}

const run = promisify(execFile);
const figures = new Map<string, number[]>();
let passed = 0;

for (let round = 0; round < rounds; round++) {
  for (const peer of peers) {
    const stdout = await demo(peer);
    const folder = /^ +run +(\S+)$/m.exec(stdout)?.[1] ?? "";
    const reader = openRun(folder);
    const report = reader.verdict();
    reader.close();
    if (report?.outcome === "pass") passed += 1;
    for (const { id, value } of report?.figures ?? []) {
      const key = `${peer} ${id}`;
      figures.set(key, [...(figures.get(key) ?? []), value]);
    }
    process.stderr.write(`round ${round + 1}, ${peer}: ${report?.outcome ?? "no verdict"}\n`);
  }
}

/** What a demo printed; a run that does not pass counts as such and is no reason to stop. */
async function demo(peer: string): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, [entry, "demo", "--peer", peer], { maxBuffer: 2 ** 24 });
    return stdout;
  } catch (error) {
    if (error instanceof Error && "stdout" in error && String(error.stdout).includes("  run ")) {
      return String(error.stdout);
    }
    throw error;
  }
}

/** Of microseconds, in milliseconds. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const value = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return value / 1000;
}

process.stdout.write(`${passed} of ${rounds * peers.length} runs passed\n\n`);
process.stdout.write(
  "| median of milliseconds | peer: agent | peer: usrsctp | ratio |\n| --- | --- | --- | --- |\n",
);
for (const [id, title] of shown) {
  const [own, other] = peers.map((peer) => median(figures.get(`${peer} ${id}`) ?? []));
  const ratio = (own ?? Number.NaN) / (other ?? Number.NaN);
  process.stdout.write(`| ${title} | ${own?.toFixed(2)} | ${other?.toFixed(2)} | ${ratio.toFixed(2)} |\n`);
}
