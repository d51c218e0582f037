import { setTimeout as sleep } from "node:timers/promises";
import type { EventRecord, FlowTotal } from "../../../agents/control/records.ts";
import type { JobSetting } from "./setting.ts";

const drainMs = 30_000;
const pollMs = 100;

type ReportedEvent = Pick<EventRecord, "name" | "text"> & { readonly host: string };

/** What a side has given out, and whether all of that is acknowledged. */
interface SideStatus {
  readonly totals: readonly FlowTotal[];
  readonly drained: boolean;
}

/** Waits until everything that a side gave out is acknowledged; answers its totals either way. */
export async function drained(
  name: string,
  ask: () => Promise<SideStatus>,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<readonly FlowTotal[]> {
  const endMs = performance.now() + drainMs;
  for (;;) {
    const status = await ask();
    if (status.drained) return status.totals;
    if (performance.now() > endMs) {
      note(`${name} still has unacknowledged data after ${drainMs / 1000} s`);
      return status.totals;
    }
    await sleep(pollMs, undefined, { signal });
  }
}

/**
 * What either side gave out, each stream of a flow once. Every `down` message comes back as an `echo` with its number,
 * where the outside computer sends back. What it counted of its echoes itself says how many went, not which.
 */
export function allTotals(
  cluster: readonly FlowTotal[],
  outside: readonly FlowTotal[],
  sendsBack: boolean,
): FlowTotal[] {
  const echoed = sendsBack ? cluster.filter(({ flow }) => flow === "down") : [];
  return [
    ...cluster,
    ...outside.filter(({ flow }) => flow !== "echo"),
    ...echoed.map((each): FlowTotal => ({ ...each, flow: "echo" })),
  ];
}

/**
 * An outside computer that sends too few echoes has lost nothing: the load was more than it can do. Answers
 * the sentence that ends the run; undefined where all was sent.
 */
export function overloadOf(events: readonly ReportedEvent[], setting: JobSetting): string | undefined {
  const unsent = events.filter(
    ({ host, name, text }) => host === "peer" && name === "note" && text.includes("echoes wait for room"),
  );
  if (unsent.length === 0) return undefined;
  const { ratePerSecond, sizeBytes } = setting;
  return `The outside computer could not send ${unsent.length} of its echoes at ${ratePerSecond} messages a second of ${sizeBytes} bytes, so this run proves nothing: choose a lower --rate or --size.`;
}
