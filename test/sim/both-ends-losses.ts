import type { EndName, EndRecord, TwoClusters } from "./two-clusters.ts";
import { Losses } from "./replication/checker/losses.ts";
import type { Accounts, Missing } from "./replication/checker/losses.ts";
import { readPacket } from "./sctp/checker/packet-reader.ts";

type Delivered = Extract<EndRecord, { kind: "message" }>;

/**
 * Two clusters that may lose something: what each end has of what the other one sent, and whether anybody was told of
 * what is missing. Directions are those of the near end.
 */

const keyOf = ({ flow, streamId, number }: Missing): string => `${flow} ${streamId} ${number}`;

/** From which update each epoch of an end went on. */
function beginnings(records: readonly EndRecord[]): Map<number, number> {
  const from = new Map<number, number>();
  for (const record of records) {
    if (record.kind !== "update" || record.act !== "made") continue;
    from.set(record.epoch, Math.min(from.get(record.epoch) ?? Infinity, record.sequence - 1));
  }
  return from;
}

/** What the application of an end was given, and what of that its successor, who never had the update, knows nothing of. */
interface Given {
  /** In the order of the updates. */
  readonly forGood: readonly Delivered[];
  readonly void: readonly Delivered[];
}

function givenTo(world: TwoClusters, end: EndName): Given {
  const records = world.records.filter((record) => record.end === end);
  const from = [...beginnings(records)];
  const forGood = new Map<number, Delivered>();
  const undone: Delivered[] = [];
  for (const record of records) {
    if (record.kind !== "message" || record.act !== "delivered" || record.sequence === undefined) continue;
    const { sequence, underEpoch } = record;
    if (from.some(([epoch, last]) => epoch > underEpoch && sequence > last)) undone.push(record);
    else forGood.set(sequence, record);
  }
  const inOrder = [...forGood].toSorted(([one], [other]) => one - other);
  return { forGood: inOrder.map(([, record]) => record), void: undone };
}

export const deliveredFor = (world: TwoClusters, end: EndName): readonly Delivered[] =>
  givenTo(world, end).forGood;

/**
 * Messages that came twice, or after a later one of their stream. A message that the outside end was given again,
 * since its first delivery is void, is answered again: of such there are two echoes, in any order.
 */
export function outOfOrder(world: TwoClusters, end: EndName): string[] {
  const answeredTwice = new Set(
    end === "near" ? givenTo(world, "outside").void.map((each) => keyOf({ ...each, flow: "echo" })) : [],
  );
  const due = new Map<string, number>();
  const times = new Map<string, number>();
  return deliveredFor(world, end).flatMap((message) => {
    const { flow, streamId, number } = message;
    const key = keyOf(message);
    times.set(key, (times.get(key) ?? 0) + 1);
    if (answeredTwice.has(key)) return (times.get(key) ?? 0) > 2 ? [`${key} came three times`] : [];
    const least = due.get(`${flow} ${streamId}`) ?? 0;
    due.set(`${flow} ${streamId}`, Math.max(least, number + 1));
    return number < least ? [`${key} came where ${least} was due`] : [];
  });
}

/** What was numbered and is not there; an echo is owed for what the outside end has for good. */
function missingOf(world: TwoClusters): Missing[] {
  const near = new Set(deliveredFor(world, "near").map(keyOf));
  const outside = new Set(deliveredFor(world, "outside").map(keyOf));
  const totals = (["near", "outside"] as const).flatMap((end) => world.serving(end)?.status().totals ?? []);
  return totals.flatMap(({ flow, streamId, sent }) => {
    const numbers = Array.from({ length: sent }, (_, number): Missing => ({ flow, streamId, number }));
    if (flow === "up") return numbers.filter((message) => !near.has(keyOf(message)));
    const came = numbers.filter((message) => outside.has(keyOf(message)));
    const echoes = came.map((message): Missing => ({ ...message, flow: "echo" }));
    return [
      ...numbers.filter((message) => !outside.has(keyOf(message))),
      ...echoes.filter((message) => !near.has(keyOf(message))),
    ];
  });
}

/** Whether anybody was told of each message that is missing; either end may have said so. */
export function accountsOf(world: TwoClusters, streams: number): Accounts {
  const losses = new Losses();
  for (const { datagram } of world.network.log) {
    const direction = datagram.to.startsWith("192.0.2.1") ? "inbound" : "outbound";
    losses.sees(direction, readPacket(datagram.bytes), datagram.bytes);
  }
  for (const record of world.records) if (record.kind === "event") tell(losses, record);
  for (const { streamId, payload } of world.givenUp)
    losses.givesUp({ kind: "cluster-gives-up", atMs: 0, streamId, payload });
  return losses.accountFor(missingOf(world), streams);
}

function tell(
  losses: Losses,
  { end, name, detail, underEpoch }: Extract<EndRecord, { kind: "event" }>,
): void {
  const number = (key: string): number => Number(detail[key]);
  if (name === "loss-report") {
    const isToNear = (detail["direction"] === "inbound") === (end === "near");
    losses.reports({
      kind: "cluster-reports-loss",
      atMs: 0,
      machine: end,
      process: 0,
      epoch: underEpoch,
      direction: isToNear ? "inbound" : "outbound",
      firstTsn: number("firstTsn"),
      lastTsn: number("lastTsn"),
    });
  } else if (name === "numbers-skipped") {
    const flow = String(detail["flow"]);
    const range = { firstIndex: number("firstIndex"), lastIndex: number("lastIndex") };
    losses.skips({ kind: "cluster-skips", atMs: 0, flow, ...range });
  }
}
