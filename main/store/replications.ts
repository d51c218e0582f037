import type Database from "better-sqlite3";
import type { History, HistoryHost, HostUpdate } from "../../captures/verdict/history.ts";
import { AckTimeline, fromOutside, withOwnBooks } from "../../captures/verdict/index.ts";
import type { Lane, Replication } from "../api/contract.ts";

/** One arrow of the ladder stands for at most this many updates. */
const maxBatch = 1000;

/** Where a host stands in the ladder; a host that is none of these has no place there. */
interface Lanes {
  readonly of: ReadonlyMap<string, Lane>;
  /** Of the two members. */
  readonly first: Lane;
  readonly second: Lane;
}

function lanesOf(hosts: readonly HistoryHost[], first: Lane, second: Lane): Lanes {
  const laneOfRole: Partial<Record<HistoryHost["role"], Lane>> = {
    primary: first,
    secondary: second,
    keeper: "keeper",
  };
  const placed = hosts.flatMap(({ name, role }) => {
    const lane = laneOfRole[role];
    return lane === undefined ? [] : [[name, lane] as const];
  });
  return { of: new Map(placed), first, second };
}

interface HeldAt {
  readonly atUs: number;
  readonly host: string;
}

interface TimedUpdate {
  /** The maker's record; where that died before it could report, the record of the one that held the update. */
  readonly made: HostUpdate;
  readonly heldUs?: number;
  readonly holder?: string;
  readonly ackedUs?: number;
}

/** A whole state that a holder wrote down: it has everything up to its sequence. */
type Whole = HeldAt & { readonly sequence: number };

/** When updates were held: each by itself, or with a whole state. */
class HeldTimes {
  readonly #single = new Map<string, HeldAt>();
  /** By association and epoch. */
  readonly #wholes = new Map<string, Whole[]>();
  readonly #epochs = new Set<number>();
  /** Held updates that are no whole states. */
  readonly updates: readonly HostUpdate[];

  constructor(history: History) {
    const made = new Set(
      history.updates.filter(({ act, change }) => act === "made" && change === "opened").map(keyOf),
    );
    const held = history.updates.filter(({ act }) => act === "held");
    this.updates = held.filter((update) => update.change !== "opened" || made.has(keyOf(update)));
    for (const update of this.updates) {
      if (!this.#single.has(keyOf(update)))
        this.#single.set(keyOf(update), { atUs: update.at, host: update.host });
    }
    for (const { change, association = 0, epoch, sequence, at, host } of held) {
      if (change !== "opened") continue;
      const key = `${association}/${epoch}`;
      const wholes = this.#wholes.get(key) ?? [];
      wholes.push({ atUs: at, host, sequence });
      this.#wholes.set(key, wholes);
      this.#epochs.add(epoch);
    }
  }

  get epochs(): ReadonlySet<number> {
    return new Set([...this.#epochs, ...this.updates.map(({ epoch }) => epoch)]);
  }

  of(update: HostUpdate): HeldAt | undefined {
    const single = this.#single.get(keyOf(update));
    const whole = this.#wholes
      .get(`${update.association ?? 0}/${update.epoch}`)
      ?.find(({ sequence, atUs }) => sequence >= update.sequence && atUs >= update.at);
    if (single === undefined || whole === undefined) return single ?? whole;
    return single.atUs <= whole.atUs ? single : whole;
  }
}

const keyOf = ({ association = 0, epoch, sequence }: HostUpdate): string =>
  `${association}/${epoch}/${sequence}`;

/** Updates that some primary made while it had a secondary, in order, with what became of them. */
function timedUpdates(history: History): TimedUpdate[] {
  const held = new HeldTimes(history);
  const replicatedEpochs = held.epochs;
  const timelines = new Map<string, AckTimeline>();
  const ackedAt = ({ host, association, sequence }: HostUpdate): number | undefined => {
    const key = `${host}/${association ?? 0}`;
    let timeline = timelines.get(key);
    if (timeline === undefined) {
      timeline = new AckTimeline(
        history.acked.filter((record) => record.host === host && record.association === association),
      );
      timelines.set(key, timeline);
    }
    return timeline.firstAt(sequence);
  };
  // The outside computer numbers its own changes too; nobody holds those.
  const members = new Set(
    history.hosts.filter(({ role }) => role === "primary" || role === "secondary").map(({ name }) => name),
  );
  const reported = history.updates.filter(
    ({ act, host, epoch }) => act === "made" && members.has(host) && replicatedEpochs.has(epoch),
  );
  const known = new Set(reported.map(keyOf));
  // A killed primary takes its last records with it; that somebody held them proves that they were made.
  const unreported = held.updates.filter((update) => !known.has(keyOf(update)));
  return [...reported, ...unreported]
    .toSorted(
      (a, b) => a.epoch - b.epoch || (a.association ?? 0) - (b.association ?? 0) || a.sequence - b.sequence,
    )
    .map((made) => {
      const at = held.of(made);
      const ackedUs = ackedAt(made);
      return {
        made,
        ...(at === undefined ? {} : { heldUs: at.atUs, holder: at.host }),
        ...(ackedUs === undefined ? {} : { ackedUs }),
      };
    });
}

/** What one acknowledgement covers was one batch; without acknowledgements, what arrived or was made together. */
function belongsTo(batch: readonly TimedUpdate[], next: TimedUpdate): boolean {
  const last = batch.at(-1);
  if (last === undefined || batch.length >= maxBatch) return false;
  if (last.made.association !== next.made.association) return false;
  if (last.made.host !== next.made.host || last.made.sequence + 1 !== next.made.sequence) return false;
  if (last.ackedUs !== next.ackedUs) return false;
  if (next.ackedUs !== undefined) return true;
  return last.heldUs === next.heldUs && (next.heldUs !== undefined || last.made.at === next.made.at);
}

function labelOf(batch: readonly TimedUpdate[]): string {
  const counts = new Map<string, number>();
  for (const { made } of batch) counts.set(made.change, (counts.get(made.change) ?? 0) + 1);
  const parts = [...counts].map(([change, count]) => (count === 1 ? change : `${count} ${change}`));
  // Made at an instant that nobody reported: the arrow is drawn where it arrived.
  const unreported = batch[0]?.made.act === "held" ? " (the maker died before it could report this)" : "";
  return parts.join(", ") + unreported;
}

/** From whom to whom; where nobody held it, to the other member. */
function wayOf(batch: readonly TimedUpdate[], lanes: Lanes): Pick<Replication, "from" | "to"> {
  const maker = batch.find(({ made }) => made.act === "made")?.made.host;
  const holder = batch.find((each) => each.holder !== undefined)?.holder;
  const { first, second } = lanes;
  const other = (lane: Lane | undefined): Lane => (lane === first ? second : first);
  const to = holder === undefined ? undefined : lanes.of.get(holder);
  const from = maker === undefined ? other(to) : lanes.of.get(maker);
  if (from === undefined) return {};
  return { from, to: to ?? other(from) };
}

function summarize(batch: readonly TimedUpdate[], lanes: Lanes): Replication {
  const first = batch[0] as TimedUpdate;
  const last = batch.at(-1) as TimedUpdate;
  const heldTimes = batch.flatMap(({ heldUs }) => (heldUs === undefined ? [] : [heldUs]));
  const allHeld = heldTimes.length === batch.length;
  return {
    ...wayOf(batch, lanes),
    firstSequence: first.made.sequence,
    lastSequence: last.made.sequence,
    madeUs: first.made.at,
    ...(allHeld ? { heldUs: heldTimes.reduce((latest, at) => Math.max(latest, at)) } : {}),
    ...(last.ackedUs === undefined ? {} : { ackedUs: last.ackedUs }),
    label: labelOf(batch),
  };
}

/** Groups the updates of each cluster into the batches in which they went over its link; one row each. */
export function writeReplications(database: Database.Database, history: History): void {
  const insert = database.prepare("INSERT INTO replication VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)");
  const across = fromOutside(history);
  const ends = [
    { seen: history, first: "a", second: "b" } as const,
    ...(across === undefined ? [] : [{ seen: across, first: "peer", second: "peer2" } as const]),
  ];
  for (const { seen, first, second } of ends) {
    const lanes = lanesOf(seen.hosts, first, second);
    for (const batch of batchesOf(withOwnBooks(seen))) {
      const { firstSequence, lastSequence, madeUs, heldUs, ackedUs, label, from, to } = summarize(
        batch,
        lanes,
      );
      const times = [heldUs ?? null, ackedUs ?? null];
      insert.run(firstSequence, lastSequence, madeUs, ...times, label, from ?? null, to ?? null);
    }
  }
}

function batchesOf(history: History): TimedUpdate[][] {
  const batches: TimedUpdate[][] = [];
  for (const update of timedUpdates(history)) {
    const batch = batches.at(-1);
    if (batch !== undefined && belongsTo(batch, update)) batch.push(update);
    else batches.push([update]);
  }
  return batches;
}
