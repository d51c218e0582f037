import { AckTimeline } from "../books.ts";
import type { HostUpdate } from "../history.ts";
import type { Figure } from "../report.ts";
import type { Scene } from "../scene.ts";
import { percentile } from "./percentile.ts";
import { holderOf } from "../scene.ts";

function medianAndTail(
  values: readonly number[],
  what: { readonly id: string; readonly title: string; readonly error: number; readonly method: string },
): Figure[] {
  if (values.length === 0) return [];
  const figure = (suffix: string, name: string, share: number): Figure => ({
    id: `${what.id}-${suffix}`,
    title: `${what.title}, ${name}`,
    value: percentile(values, share),
    unit: "us",
    error: what.error,
    method: `${what.method}; ${values.length} updates`,
  });
  return [figure("median", "median", 0.5), figure("p99", "99th percentile", 0.99)];
}

function heldTimes(updates: readonly HostUpdate[], secondary: string): Map<string, number> {
  const times = new Map<string, number>();
  for (const { host, act, epoch, sequence, at } of updates) {
    if (act === "held" && host === secondary) times.set(`${epoch}/${sequence}`, at);
  }
  return times;
}

/** What the primary was told to be held while it served under an epoch. */
function acksByEpoch({ history, succession }: Scene, primary: string): Map<number, AckTimeline> {
  const own = history.acked.filter(({ host }) => host === primary);
  return new Map(
    succession.tenures.map(({ epoch, fromUs, toUs = Number.POSITIVE_INFINITY }) => {
      return [epoch, new AckTimeline(own.filter(({ at }) => at >= fromUs && at < toUs))];
    }),
  );
}

/**
 * How long an update was under way to its holder, and until the primary knew. Of what a returned holder got as part of
 * a whole state nothing is said: it was under way for as long as nobody was there.
 */
export function replicationLag(scene: Scene): Figure[] {
  const { primary, history, policies } = scene;
  if (primary === undefined) return [];
  const secondary = holderOf(scene, primary.name, policies.at(Number.POSITIVE_INFINITY));
  if (secondary === undefined) return [];
  const held = heldTimes(history.updates, secondary.name);
  const acks = acksByEpoch(scene, primary.name);
  const toHeld: number[] = [];
  const toAcked: number[] = [];
  for (const { host, act, epoch, sequence, at } of history.updates) {
    if (act !== "made" || host !== primary.name) continue;
    const heldAt = held.get(`${epoch}/${sequence}`);
    if (heldAt === undefined) continue;
    toHeld.push(heldAt - at);
    const ackedAt = acks.get(epoch)?.firstAt(sequence);
    if (ackedAt !== undefined) toAcked.push(ackedAt - at);
  }
  return [
    ...medianAndTail(toHeld, {
      id: "lag-held",
      title: "Replication lag, made to held",
      error: primary.clockErrorMicros + secondary.clockErrorMicros,
      method: `from the record "made" on ${primary.name} to the record "held" on ${secondary.name}, two clocks`,
    }),
    ...medianAndTail(toAcked, {
      id: "lag-acked",
      title: "Replication lag, made to acknowledged",
      error: 0,
      method: `from the record "made" to the first record "acked" that covers it, both on ${primary.name}`,
    }),
  ];
}
