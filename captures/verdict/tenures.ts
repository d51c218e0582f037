import type { HistoryHost, HostEvent, HostUpdate } from "./history.ts";

/** One member serving the association under one epoch. */
export interface Tenure {
  readonly host: string;
  readonly epoch: number;
  /** By the clock of `host`; the first tenure has no beginning. */
  readonly fromUs: number;
  /** When the next one began, by that one's clock; absent: it lasted to the end. */
  readonly toUs?: number;
  readonly began: "start" | "takeover" | "handover";
  /** False: known only from the updates that it made, so it may have begun earlier. */
  readonly reported: boolean;
}

export interface Succession {
  /** By epoch, oldest first. */
  readonly tenures: readonly Tenure[];
  /** Epochs under which two members changed the state: fencing has failed. */
  readonly rivals: readonly {
    readonly epoch: number;
    readonly hosts: readonly string[];
    readonly atUs: number;
  }[];
}

type Start = Pick<Tenure, "host" | "began" | "reported"> & { readonly atUs: number };

type MadeUpdate = Pick<HostUpdate, "host" | "act" | "epoch" | "at">;

/** Who made the first update of an epoch; for a second member that made some, the first of those. */
function firstMade(
  updates: Iterable<MadeUpdate>,
  members: ReadonlySet<string>,
): Map<number, Map<string, number>> {
  const first = new Map<number, Map<string, number>>();
  for (const { host, act, epoch, at } of updates) {
    if (act !== "made" || !members.has(host)) continue;
    const ofEpoch = first.get(epoch) ?? new Map<string, number>();
    first.set(epoch, ofEpoch);
    ofEpoch.set(host, Math.min(at, ofEpoch.get(host) ?? at));
  }
  return first;
}

/** The epoch that an event names; the events of today's agents always do. */
const epochOf = (event: HostEvent, otherwise: number): number =>
  typeof event.detail["epoch"] === "number" ? event.detail["epoch"] : otherwise;

/** Begins that the members reported; the earliest for each epoch. */
class Starts {
  readonly byEpoch = new Map<number, Start>();

  add(epoch: number, start: Start): void {
    const known = this.byEpoch.get(epoch);
    if (known === undefined) this.byEpoch.set(epoch, start);
    else if (known.host === start.host) {
      this.byEpoch.set(epoch, {
        ...known,
        atUs: Math.min(known.atUs, start.atUs),
        reported: known.reported || start.reported,
      });
    }
  }

  get highestEpoch(): number {
    return Math.max(...this.byEpoch.keys());
  }
}

/**
 * Works out who served when, from the members' events and the epochs of the updates that they made.
 *
 * @param updates all, or for each host and epoch the first that it made
 */
export function successionOf(
  hosts: readonly HistoryHost[],
  events: readonly HostEvent[],
  updates: Iterable<MadeUpdate>,
): Succession {
  const primary = hosts.find((host) => host.role === "primary");
  const secondary = hosts.find((host) => host.role === "secondary");
  if (primary === undefined || secondary === undefined) return { tenures: [], rivals: [] };
  const members = new Set([primary.name, secondary.name]);
  const made = firstMade(updates, members);
  const starts = new Starts();
  const firstEpoch = Math.min(...made.keys(), 1);
  starts.add(firstEpoch, {
    host: primary.name,
    atUs: Number.NEGATIVE_INFINITY,
    began: "start",
    reported: true,
  });
  const handovers = new Set<number>();
  for (const event of events) {
    if (!members.has(event.host)) continue;
    if (event.name === "takeover-started") {
      const epoch = epochOf(event, starts.highestEpoch + 1);
      starts.add(epoch, { host: event.host, atUs: event.at, began: "takeover", reported: true });
    } else if (event.name === "handover-started" || event.name === "handover-complete") {
      handovers.add(epochOf(event, starts.highestEpoch + 1));
    }
  }
  const rivals: { epoch: number; hosts: string[]; atUs: number }[] = [];
  for (const [epoch, byHost] of made) {
    const [earliest] = [...byHost].toSorted(([, one], [, other]) => one - other);
    if (earliest === undefined) continue;
    const [host, atUs] = earliest;
    starts.add(epoch, { host, atUs, began: "takeover", reported: false });
    const served = starts.byEpoch.get(epoch)?.host;
    const strangers = [...byHost].filter(([name]) => name !== served);
    const first = strangers[0];
    if (first !== undefined && served !== undefined)
      rivals.push({ epoch, hosts: [served, first[0]], atUs: first[1] });
  }
  addHandovers(starts, events, handovers, members);
  return { tenures: inOrder(starts.byEpoch, handovers), rivals };
}

/** A handover after which the new primary had nothing to change, or whose own event came before its first change. */
function addHandovers(
  starts: Starts,
  events: readonly HostEvent[],
  handovers: ReadonlySet<number>,
  members: ReadonlySet<string>,
): void {
  for (const event of events) {
    if (event.name !== "handover-complete" || !members.has(event.host)) continue;
    const epoch = epochOf(event, -1);
    if (!handovers.has(epoch)) continue;
    const before = [...starts.byEpoch].filter(([known]) => known < epoch).toSorted(([a], [b]) => b - a)[0];
    const known = starts.byEpoch.get(epoch);
    const successor = known?.host ?? [...members].find((name) => name !== before?.[1].host) ?? event.host;
    if (known === undefined || event.host === successor)
      starts.add(epoch, { host: successor, atUs: event.at, began: "handover", reported: true });
  }
}

function inOrder(byEpoch: ReadonlyMap<number, Start>, handovers: ReadonlySet<number>): Tenure[] {
  const ordered = [...byEpoch].toSorted(([one], [other]) => one - other);
  return ordered.map(([epoch, { atUs, ...start }], index) => {
    const next = ordered[index + 1];
    const began = handovers.has(epoch) ? "handover" : start.began;
    return { ...start, epoch, fromUs: atUs, began, ...(next === undefined ? {} : { toUs: next[1].atUs }) };
  });
}

/** The tenure at an instant. */
export function tenureAt(tenures: readonly Tenure[], atUs: number): Tenure | undefined {
  return tenures.findLast((tenure) => tenure.fromUs <= atUs) ?? tenures[0];
}
