import { setTimeout as sleep } from "node:timers/promises";
import { timerSetting } from "../../main/lab/job/setting.ts";
import { percentile, table } from "../figures.ts";
import { BenchCluster } from "./cluster.ts";
import type { BenchProcess } from "./process.ts";

/** Aim of the issue: all associations are served again after this time. */
const aimMs = 250;
/** Under load before the kill, and most that the associations may take to settle after it. */
const loadMs = 2000;
const associateMs = 120_000;
const settleMs = 10_000;

interface Takeover {
  /** From the kill until the last outside computer heard the new primary. */
  readonly lastMs: number;
  readonly medianMs: number;
  /** Within the new primary, from the decision to the last packet. */
  readonly inMemberMs: number;
  readonly survived: number;
}

/** Kills a primary with many associations, again and again; a table in Markdown. */
export async function takeoverTable(associations: number, rounds: number): Promise<string> {
  const takeovers: Takeover[] = [];
  for (let round = 1; round <= rounds; round++) {
    try {
      const takeover = await takeOver(associations);
      takeovers.push(takeover);
      const { lastMs, survived } = takeover;
      process.stderr.write(`round ${round}: ${lastMs.toFixed(1)} ms, ${survived} go on\n`);
    } catch (error) {
      process.stderr.write(`round ${round}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
  const row = (title: string, aim: string, of: (takeover: Takeover) => number): string[] => {
    const values = takeovers.map(of);
    return [title, aim, ...[0.5, 0.99].map((share) => percentile(values, share).toFixed(1))];
  };
  const survived = Math.min(...takeovers.map((takeover) => takeover.survived));
  return table(
    [`milliseconds, ${takeovers.length} kills`, "aim", "p50", "p99"],
    [
      row("kill to the last association's first packet", `${aimMs}`, ({ lastMs }) => lastMs),
      row("kill to the middle association's first packet", "", ({ medianMs }) => medianMs),
      row("of that within the new primary", "", ({ inMemberMs }) => inMemberMs),
      ["associations that go on, at least", `${associations}`, String(survived), ""],
    ],
  );
}

async function takeOver(associations: number): Promise<Takeover> {
  const cluster = new BenchCluster({ policy: "every-update", timers: timerSetting("telecom") });
  try {
    const guests = await cluster.startOutside("guests");
    await cluster.start();
    guests.tell({ order: "invite", udpPort: await cluster.udpPort, guests: associations });
    await guests.next("associated", associateMs);
    await sleep(loadMs);
    guests.tell({ order: "watch" });
    await guests.next("watching");
    const killedAtMicros = cluster.a.kill();
    const took = await cluster.b?.next("took-over");
    const { served, up } = await settled(guests, associations);
    const afterMs = served.map((atMicros) => (atMicros - killedAtMicros) / 1000);
    if (served.length < associations)
      throw new Error(`only ${served.length} of ${associations} associations were served again`);
    const [medianMs, lastMs] = [percentile(afterMs, 0.5), percentile(afterMs, 1)];
    return { lastMs, medianMs, inMemberMs: took?.tookMs ?? Number.NaN, survived: up };
  } finally {
    await cluster.end();
  }
}

/** Resolves when all are served again and nothing old is unacknowledged, or when that takes too long. */
async function settled(guests: BenchProcess, associations: number) {
  const deadline = performance.now() + settleMs;
  for (;;) {
    guests.tell({ order: "count" });
    const counted = await guests.next("counted");
    const isDone = counted.served.length === associations && counted.drained === associations;
    if (isDone || performance.now() > deadline) return counted;
    await sleep(100);
  }
}
