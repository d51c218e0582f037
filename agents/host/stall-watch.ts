import { monitorEventLoopDelay } from "node:perf_hooks";

/** Cheap, and finer than any beat of a cluster link. */
const resolutionMs = 5;
const lookMs = 1000;
/** What is shorter is an ordinary busy turn. */
const leastStallMs = 10;

/** Tells, once a second at most, how long this program's event loop stood still at the longest. */
export function watchStalls(onStall: (stalledMs: number) => void): void {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  delays.enable();
  setInterval(() => {
    const stalledMs = delays.max / 1e6 - resolutionMs;
    delays.reset();
    if (stalledMs >= leastStallMs) onStall(stalledMs);
  }, lookMs).unref();
}
