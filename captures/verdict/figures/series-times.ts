import type { Figure } from "../report.ts";
import type { Scene } from "../scene.ts";
import { percentile } from "./percentile.ts";

/** Kills of who serves in this scene's cluster, oldest first. */
const killsOf = ({ history, succession }: Scene): Scene["history"]["faults"] =>
  history.faults.filter(
    ({ fault, host }) => fault === "kill" && succession.tenures.some((tenure) => tenure.host === host),
  );

/** Several kills, one after another. */
export const isSeries = (scene: Scene): boolean => killsOf(scene).length > 1;

/** How soon another member went on after each kill of a series; the other failover times are of its first one. */
export function seriesTimes(scene: Scene): Figure[] {
  if (!isSeries(scene)) return [];
  const times = killsOf(scene).flatMap(({ at, host }) => {
    const next = scene.succession.tenures.find((tenure) => tenure.host !== host && tenure.fromUs >= at);
    return next === undefined ? [] : [next.fromUs - at];
  });
  if (times.length === 0) return [];
  const error = Math.max(...scene.history.hosts.map(({ clockErrorMicros }) => clockErrorMicros));
  const figure = (suffix: string, name: string, share: number): Figure => ({
    id: `series-takeover-${suffix}`,
    title: `Kill to takeover, ${name} of ${times.length}`,
    value: percentile(times, share),
    unit: "us",
    error,
    method: "from each kill (desk's clock) to the event takeover-started on the other member (its clock)",
  });
  return [figure("median", "median", 0.5), figure("most", "longest", 1)];
}
