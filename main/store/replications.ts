import type Database from "better-sqlite3";
import type { History, HostUpdate } from "../../captures/verdict/history.ts";
import { AckTimeline } from "../../captures/verdict/index.ts";
import type { Replication } from "../api/contract.ts";

/** One arrow of the ladder stands for at most this many updates. */
const maxBatch = 1000;

interface TimedUpdate {
  /** The maker's record; where that died before it could report, the record of the one that held the update. */
  readonly made: HostUpdate;
  readonly heldUs?: number;
  readonly ackedUs?: number;
}

/** Updates that some primary made while it had a secondary, in order, with what became of them. */
function timedUpdates(history: History): TimedUpdate[] {
  const key = (update: HostUpdate): string => `${update.epoch}/${update.sequence}`;
  const held = new Map<string, number>();
  const replicatedEpochs = new Set<number>();
  for (const update of history.updates) {
    if (update.act !== "held") continue;
    held.set(key(update), update.at);
    replicatedEpochs.add(update.epoch);
  }
  const timelines = new Map<string, AckTimeline>();
  const ackedAt = (made: HostUpdate): number | undefined => {
    let timeline = timelines.get(made.host);
    if (timeline === undefined) {
      timeline = new AckTimeline(history.acked.filter((record) => record.host === made.host));
      timelines.set(made.host, timeline);
    }
    return timeline.firstAt(made.sequence);
  };
  // The outside computer numbers its own changes too; nobody holds those.
  const members = new Set(history.hosts.filter((host) => host.role !== "peer").map((host) => host.name));
  const reported = history.updates.filter(
    ({ act, host, epoch }) => act === "made" && members.has(host) && replicatedEpochs.has(epoch),
  );
  const known = new Set(reported.map(key));
  // A killed primary takes its last records with it; that the secondary held them proves that they were made.
  const unreported = history.updates.filter((update) => update.act === "held" && !known.has(key(update)));
  return [...reported, ...unreported]
    .toSorted((a, b) => a.epoch - b.epoch || a.sequence - b.sequence)
    .map((made) => {
      const heldUs = held.get(key(made));
      const ackedUs = ackedAt(made);
      return {
        made,
        ...(heldUs === undefined ? {} : { heldUs }),
        ...(ackedUs === undefined ? {} : { ackedUs }),
      };
    });
}

/** What one acknowledgement covers was one batch; without acknowledgements, what arrived or was made together. */
function belongsTo(batch: readonly TimedUpdate[], next: TimedUpdate): boolean {
  const last = batch.at(-1);
  if (last === undefined || batch.length >= maxBatch) return false;
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

function summarize(batch: readonly TimedUpdate[]): Replication {
  const first = batch[0] as TimedUpdate;
  const last = batch.at(-1) as TimedUpdate;
  const heldTimes = batch.flatMap(({ heldUs }) => (heldUs === undefined ? [] : [heldUs]));
  const allHeld = heldTimes.length === batch.length;
  return {
    firstSequence: first.made.sequence,
    lastSequence: last.made.sequence,
    madeUs: first.made.at,
    ...(allHeld ? { heldUs: heldTimes.reduce((latest, at) => Math.max(latest, at)) } : {}),
    ...(last.ackedUs === undefined ? {} : { ackedUs: last.ackedUs }),
    label: labelOf(batch),
  };
}

/** Groups the updates into the batches in which they went over the cluster link; one row each. */
export function writeReplications(database: Database.Database, history: History): void {
  const insert = database.prepare("INSERT INTO replication VALUES (NULL, ?, ?, ?, ?, ?, ?)");
  const write = (batch: readonly TimedUpdate[]): void => {
    const { firstSequence, lastSequence, madeUs, heldUs, ackedUs, label } = summarize(batch);
    insert.run(firstSequence, lastSequence, madeUs, heldUs ?? null, ackedUs ?? null, label);
  };
  let batch: TimedUpdate[] = [];
  for (const update of timedUpdates(history)) {
    if (batch.length > 0 && !belongsTo(batch, update)) {
      write(batch);
      batch = [];
    }
    batch.push(update);
  }
  if (batch.length > 0) write(batch);
}
