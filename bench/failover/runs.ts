import { rm } from "node:fs/promises";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import { chooseSetting } from "../../main/cli/choose-setting.ts";
import type { DemoOptions } from "../../main/cli/play.ts";
import { play } from "../../main/cli/play.ts";
import type { FaultName } from "../../main/lab/faults/index.ts";
import type { JobProgress, JobSetting, PeerKind } from "../../main/lab/job/index.ts";
import { timerSetting } from "../../main/lab/job/setting.ts";
import { openRun } from "../../main/store/index.ts";
import { percentile, table } from "../figures.ts";

export interface FailoverOptions {
  readonly runs: number;
  readonly fault: FaultName;
  readonly policy: string;
  readonly peer: PeerKind;
  readonly timers: "telecom" | "rfc9260";
  readonly beats: string | undefined;
  readonly rate: number;
  readonly seconds: number;
  /** Whether the records of the runs stay. */
  readonly keep: boolean;
}

/** A figure of the verdict, and what the issue wants of it after some faults. */
interface Row {
  readonly id: string;
  readonly title: string;
  readonly aims: Readonly<Partial<Record<FaultName, string>>>;
}

const rows: readonly Row[] = [
  { id: "fault-to-detection", title: "fault to detection", aims: {} },
  { id: "detection-to-first-packet", title: "detection to first packet from B", aims: {} },
  { id: "fault-to-first-packet", title: "fault to first packet from B", aims: { "host-cut": "p99 60" } },
  { id: "fault-to-restoration", title: "fault to restoration of every flow", aims: {} },
  {
    id: "gap-down",
    title: "cluster to peer gap (longest without a delivery)",
    aims: { crash: "p50 5, p99 25", "host-cut": "p99 60", handover: "p99 5" },
  },
  {
    id: "gap-up",
    title: "peer to cluster gap",
    aims: { crash: "p99 50 with ASCONF (usrsctp); without it RTO + RTT + 20", handover: "p99 5" },
  },
  { id: "gap-down-elsewhere", title: "the same elsewhere in the run, cluster to peer", aims: {} },
  { id: "gap-up-elsewhere", title: "the same elsewhere in the run, peer to cluster", aims: {} },
];

/** What one run says. */
interface Told {
  readonly report: VerdictReport;
  /** The longest stalls of the event loops of a and b, in milliseconds; the agents tell from 10 ms on. */
  readonly stallMs: number;
}

export const silent: JobProgress = { step: () => undefined, note: () => undefined };

/** Plays runs one after the other; a table in Markdown. A run that does not end well is counted, and no reason to stop. */
export async function failoverTable(options: FailoverOptions): Promise<string> {
  const { runs, fault, policy, peer, timers, beats, rate, seconds } = options;
  const shape = { rate, size: 200, streams: 4, seconds };
  const demo: DemoOptions = { policy, fault, peer, timers, lab: "netns", ...shape, ...(beats && { beats }) };
  const setting = chooseSetting(demo, undefined);
  const all: Told[] = [];
  for (let run = 1; run <= runs; run++) {
    try {
      const told = await playOnce(demo, setting, options.keep);
      all.push(told);
      process.stderr.write(`run ${run}: ${told.report.outcome}, ${told.report.headline}\n`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      process.stderr.write(`run ${run}: it ended early: ${why}\n`);
    }
  }
  return describe(options, setting, all);
}

async function playOnce(options: DemoOptions, setting: JobSetting, keep: boolean): Promise<Told> {
  const { signal } = new AbortController();
  const { folder, report } = await play({ options, setting, testbed: undefined, progress: silent, signal });
  const reader = openRun(folder.folder);
  const stalls = reader
    .history()
    .events.filter(({ name, host }) => name === "stall" && (host === "a" || host === "b"))
    .map(({ detail }) => Number(detail["stalledMs"]));
  reader.close();
  if (!keep) await rm(folder.folder, { recursive: true });
  return { report, stallMs: Math.max(0, ...stalls) };
}

function describe(options: FailoverOptions, setting: JobSetting, all: readonly Told[]): string {
  const passed = all.filter(({ report }) => report.outcome === "pass").length;
  const { fault, policy, peer, rate, runs } = options;
  const { rtoMinMs, rtoInitialMs, rtoMaxMs, sackDelayMs } = timerSetting(setting.timers);
  const { beatIntervalMs, takeoverAfterMs } = setting.beats;
  const stalls = all.map(({ stallMs }) => stallMs);
  const lines = rows.flatMap(({ id, title, aims }) => {
    const micros = all.flatMap(({ report }) =>
      report.figures.filter((figure) => figure.id === id).map(({ value }) => value),
    );
    if (micros.length === 0) return [];
    const values = [0.5, 0.99, 1].map((share) => (percentile(micros, share) / 1000).toFixed(2));
    return [[title, aims[fault] ?? "", ...values, String(micros.length)]];
  });
  const stallMs = [0.5, 0.99, 1].map((share) => percentile(stalls, share).toFixed(0));
  return [
    `${fault}, ${policy}: ${passed} of ${runs} runs passed, ${runs - all.length} ended early\n\n`,
    `Peer: ${peer}, timers ${setting.timers} (RTO ${rtoInitialMs}, ${rtoMinMs} to ${rtoMaxMs} ms, SACK delay ${sackDelayMs} ms); `,
    `agents scheduled ${setting.scheduling}; ${rate} messages a second each way; a beat every ${beatIntervalMs} ms, silence counts after ${takeoverAfterMs} ms\n\n`,
    table(
      ["milliseconds", "aim", "p50", "p99", "most", "runs"],
      [
        ...lines,
        ["longest stall of an agent's event loop in a run (0: below 10)", "", ...stallMs, String(all.length)],
      ],
    ),
  ].join("");
}
