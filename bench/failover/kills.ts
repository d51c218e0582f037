import { rm } from "node:fs/promises";
import type { FlowName } from "../../agents/control/records.ts";
import type { History } from "../../captures/verdict/history.ts";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import { chooseSetting } from "../../main/cli/choose-setting.ts";
import type { DemoOptions } from "../../main/cli/play.ts";
import { play } from "../../main/cli/play.ts";
import { openRun } from "../../main/store/index.ts";
import { percentile, table } from "../figures.ts";
import { type FailoverOptions, silent } from "./runs.ts";

export type KillsOptions = Omit<FailoverOptions, "runs" | "fault"> & {
  readonly kills: number;
  /** The first run's; each run after it has the next one. */
  readonly seed: number;
};

/** One record holds no more, however many there are in all: what a run takes in memory is bounded. */
const killsOfARun = 10;
/** Gaps after a kill are looked for until here. */
const watchedMicros = 3_000_000;

/** What came of one kill, in microseconds. */
interface KillTold {
  readonly toTakeover: number;
  readonly gaps: Readonly<Partial<Record<FlowName, number>>>;
}

interface Tally {
  kills: number;
  runs: number;
  /** Runs by their outcome; `ended` of which nobody went on, or which broke down. */
  readonly outcomes: Record<"pass" | "fail" | "unknown" | "ended", number>;
  messages: number;
  readonly counts: Record<"messages-lost" | "messages-duplicated" | "messages-reordered", number>;
  readonly told: KillTold[];
}

/** A table in Markdown. The records of runs that did not pass stay. */
export async function killsTable(options: KillsOptions): Promise<string> {
  const tally: Tally = {
    kills: 0,
    runs: 0,
    outcomes: { pass: 0, fail: 0, unknown: 0, ended: 0 },
    messages: 0,
    counts: { "messages-lost": 0, "messages-duplicated": 0, "messages-reordered": 0 },
    told: [],
  };
  let due = options.kills;
  for (let { seed } = options; due > 0; seed++, due -= killsOfARun) {
    tally.runs += 1;
    const line = await playRun(options, Math.min(due, killsOfARun), seed, tally);
    process.stderr.write(`seed ${seed}: ${line}; ${tally.kills} kills so far\n`);
  }
  return describe(options, tally);
}

/** Plays a run and adds it; answers what is to be said of it. */
async function playRun(options: KillsOptions, kills: number, seed: number, tally: Tally): Promise<string> {
  const { policy, peer, timers, beats, rate, seconds, keep } = options;
  const load = { rate, size: 200, streams: 4, seconds };
  const demo: DemoOptions = {
    ...load,
    ...(beats !== undefined && { beats }),
    policy,
    fault: "kills",
    kills,
    seed,
    peer,
    timers,
    lab: "netns",
  };
  const setting = chooseSetting(demo, undefined);
  const { signal } = new AbortController();
  try {
    const { report, folder } = await play({
      options: demo,
      setting,
      testbed: undefined,
      progress: silent,
      signal,
    });
    addReport(report, tally);
    const reader = openRun(folder.folder);
    const told = readKills(reader.history());
    reader.close();
    tally.told.push(...told);
    tally.kills += told.length;
    if (report.outcome === "pass" && !keep) await rm(folder.folder, { recursive: true });
    return `${report.outcome}, ${report.headline}${report.outcome === "pass" ? "" : ` (${folder.folder})`}`;
  } catch (error) {
    tally.outcomes.ended += 1;
    return `it ended early: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The checks say their number first: "0 of 4972". */
function addReport({ outcome, checks }: VerdictReport, tally: Tally): void {
  tally.outcomes[outcome] += 1;
  for (const { id, summary } of checks) {
    const [count = 0, of = 0] = (/^(\d+)(?: of (\d+))?/.exec(summary)?.slice(1) ?? []).map(Number);
    if (id in tally.counts) tally.counts[id as keyof Tally["counts"]] += count;
    if (id === "messages-lost") tally.messages += of;
  }
}

/** What the record says of each kill: when the other member went on, and how long each flow stood still. */
function readKills(history: History): KillTold[] {
  const { faults, events, messages } = history;
  const deliveries = messages.filter(({ act }) => act === "delivered");
  const kills = faults.filter(({ fault }) => fault === "kill");
  return kills.map(({ at }, index) => {
    const until = Math.min(kills[index + 1]?.at ?? Infinity, at + watchedMicros);
    const takeover = events.find(({ name, at: us }) => name === "takeover-complete" && us >= at);
    const gapOf = (flow: FlowName): number => {
      const times = deliveries.filter((each) => each.flow === flow && each.at < until).map((each) => each.at);
      return times.reduce((longest, us, position) => {
        return us <= at ? longest : Math.max(longest, us - (times[position - 1] ?? us));
      }, 0);
    };
    return { toTakeover: (takeover?.at ?? Infinity) - at, gaps: { up: gapOf("up"), down: gapOf("down") } };
  });
}

function describe(options: KillsOptions, { kills, runs, outcomes, messages, counts, told }: Tally): string {
  const { policy, peer, rate, seed } = options;
  const row = (title: string, micros: readonly number[]): string[] => [
    title,
    ...[0.5, 0.99, 1].map((share) => (percentile(micros, share) / 1000).toFixed(1)),
  ];
  const { pass, fail, unknown, ended } = outcomes;
  return [
    `${kills} kills in ${runs} runs, policy ${policy}, peer ${peer}, seeds from ${seed}, ${rate} messages a second each way: `,
    `${pass} runs passed, ${fail} failed, ${unknown} undecided, ${ended} ended early\n`,
    `Of ${messages} messages ${counts["messages-lost"]} lost, ${counts["messages-duplicated"]} duplicated, `,
    `${counts["messages-reordered"]} out of order\n\n`,
    table(
      ["milliseconds", "p50", "p99", "most"],
      [
        row(
          "kill to takeover",
          told.map(({ toTakeover }) => toTakeover),
        ),
        row(
          "longest gap after it, peer to cluster",
          told.map(({ gaps }) => gaps.up ?? NaN),
        ),
        row(
          "longest gap after it, cluster to peer",
          told.map(({ gaps }) => gaps.down ?? NaN),
        ),
      ],
    ),
  ].join("");
}
