import { setTimeout as sleep } from "node:timers/promises";
import { parseBeats } from "../../main/lab/job/beats.ts";
import { timerSetting } from "../../main/lab/job/setting.ts";
import { table } from "../figures.ts";
import { BenchCluster } from "../replication/cluster.ts";
import type { Direction } from "../replication/ends/messages.ts";

/** How long the cluster is watched before the next look, and how often the direction of the load changes. */
const lookMs = 1000;
const looksPerDirection = 30;

interface Tally {
  minutes: number;
  falseTakeovers: number;
  pauses: number;
  stallMs: number;
}

/**
 * A cluster under as much load as the machine bears, and no fault: whoever takes over does so falsely. After
 * that the cluster is set up anew. A table in Markdown.
 */
export async function soak(minutes: number, beats: string): Promise<string> {
  const parsed = parseBeats(beats);
  if (!parsed.ok) throw new Error(`--beats: ${parsed.reason}`);
  const untilMs = performance.now() + minutes * 60_000;
  const tally: Tally = { minutes: 0, falseTakeovers: 0, pauses: 0, stallMs: 0 };
  let round = 0;
  while (performance.now() < untilMs) {
    const direction = round++ % 2 === 0 ? "out" : "in";
    const startMs = performance.now();
    const cluster = new BenchCluster({
      policy: "every-update",
      timers: timerSetting("telecom"),
      beats: parsed.timing,
    });
    try {
      await soakOnce(cluster, direction, tally, untilMs);
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    } finally {
      await cluster.end();
    }
    tally.minutes += (performance.now() - startMs) / 60_000;
    const { falseTakeovers, pauses, stallMs } = tally;
    process.stderr.write(
      `${tally.minutes.toFixed(1)} minutes: ${falseTakeovers} false takeovers, ${pauses} pauses, longest stall ${stallMs.toFixed(0)} ms\n`,
    );
  }
  return table(
    [`full load, beats ${beats}, ${tally.minutes.toFixed(1)} minutes`, "aim", "counted"],
    [
      ["false takeovers", "0", String(tally.falseTakeovers)],
      ["times that the primary paused, because no answer came in time", "", String(tally.pauses)],
      ["longest stall of an agent's event loop, ms", "", tally.stallMs.toFixed(0)],
    ],
  );
}

async function soakOnce(
  cluster: BenchCluster,
  direction: Direction,
  tally: Tally,
  untilMs: number,
): Promise<void> {
  const peer = await cluster.startOutside("peer");
  await cluster.start();
  peer.tell({ order: "connect", udpPort: await cluster.udpPort });
  await peer.next("associated");
  if (direction === "out") {
    const load = { ratePerSecond: 1e7, sizeBytes: 1024, streams: 1 };
    cluster.a.tell({ order: "handle", message: { type: "load", ...load } });
  }
  peer.tell({ order: "send", direction, sizeBytes: 1024 });
  for (let look = 0; look < looksPerDirection && performance.now() < untilMs; look++) {
    await sleep(lookMs);
    for (const member of [cluster.a, cluster.b]) {
      if (member === undefined) continue;
      const { stallMicros } = await member.sample();
      tally.stallMs = Math.max(tally.stallMs, stallMicros.most / 1000);
    }
    tally.pauses += cluster.a.take("paused");
    const takeovers = cluster.b?.take("took-over") ?? 0;
    tally.falseTakeovers += takeovers;
    if (takeovers > 0) return;
  }
}
