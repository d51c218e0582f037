import type { History, HistoryHost, HostSent } from "./history.ts";

/**
 * By when a killed agent had surely ended: the kill is stamped just before it is ordered, and on a busy computer
 * the order takes milliseconds. The other member sees the link closed once the process is gone.
 */
function endedBy({ events }: History, host: HistoryHost, killedAt: number): number {
  const seen = events.find(
    ({ name, host: by, at }) =>
      (name === "primary-lost" || name === "secondary-lost") && by !== host.name && at >= killedAt,
  );
  return (seen?.at ?? killedAt) + host.clockErrorMicros;
}

/** Faults that end a process; one that is told to end waits for its records to be read, but not for ever. */
const endings: ReadonlySet<string> = new Set(["kill", "terminate"]);

/**
 * Whether an agent ended before it could hand over what it wrote down at an instant; another one may run there later.
 *
 * @param sent what it says that it sent, oldest first: where that ends all its books end
 */
export function tookItsRecords(
  history: History,
  host: HistoryHost,
  sent: readonly HostSent[],
  atUs: number,
): boolean {
  return history.faults.some(({ host: of, fault, at }) => {
    if (of !== host.name || !endings.has(fault) || atUs > endedBy(history, host, at)) return false;
    const last = sent.findLast((record) => record.at <= at)?.at ?? Number.NEGATIVE_INFINITY;
    return atUs > last;
  });
}
