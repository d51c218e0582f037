import type { FlowName } from "../../agents/control/records.ts";
import { tsn as toTsn, tsnDistance } from "../../agents/sctp/base/serial.ts";
import { streamKey } from "./deliveries.ts";
import { isOutside } from "./ends.ts";
import type { FlowTotal, History, HostEvent, MessageHead } from "./history.ts";
import type { Scene } from "./scene.ts";
import type { TsnSide, WireTsn } from "./wire-tsns.ts";
import { sideOf, WireTsns } from "./wire-tsns.ts";

/** What an instance that went on from an older state said it had lost: a range of TSNs, both ends included. */
export interface LossReport {
  readonly event: HostEvent;
  readonly direction: "inbound" | "outbound";
  /** The side that the lost data were going to. */
  readonly side: TsnSide;
  readonly firstTsn: number;
  readonly lastTsn: number;
  readonly messagesAtMost: number;
}

/** Why a message never reached its receiver. */
export type LossReason =
  /** One of its TSNs lies in a reported range. */
  | { readonly kind: "reported"; readonly report: LossReport }
  /**
   * The numbered application said that it will not use the number again, and it was never on the wire. Not given
   * out: no record says that there ever was such a message.
   */
  | { readonly kind: "skipped"; readonly wasGivenOut: boolean }
  /** It was never on the wire, and a report counts messages that were still queued. */
  | { readonly kind: "given-up"; readonly report: LossReport }
  /** An echo of a message that did not arrive. */
  | { readonly kind: "not-owed" }
  | { readonly kind: "unreported" };

/** Whether there was such a message at all: a number that nobody gave out, and an echo that nobody owed, are no loss. */
export const isLoss = (reason: LossReason): boolean =>
  reason.kind === "skipped" ? reason.wasGivenOut : reason.kind !== "not-owed";

export interface MissingMessage {
  readonly flow: FlowName;
  readonly streamId: number;
  readonly number: number;
  readonly reason: LossReason;
  /** Whether the cluster that is judged was to get it, and not to send it. */
  readonly isInbound: boolean;
  /** Its first TSN on the wire. */
  readonly seen?: WireTsn;
}

const numberIn = (detail: HostEvent["detail"], name: string): number | undefined =>
  typeof detail[name] === "number" ? detail[name] : undefined;

function lossReports({ events, hosts }: History): LossReport[] {
  const outside = new Set(hosts.filter(isOutside).map(({ name }) => name));
  return events.flatMap((event): LossReport[] => {
    const { name, detail } = event;
    const { direction } = detail;
    const firstTsn = numberIn(detail, "firstTsn");
    const lastTsn = numberIn(detail, "lastTsn");
    if (name !== "loss-report" || firstTsn === undefined || lastTsn === undefined) return [];
    if (direction !== "inbound" && direction !== "outbound") return [];
    const messagesAtMost = numberIn(detail, "messagesAtMost") ?? 0;
    const side = (direction === "inbound") === outside.has(event.host) ? "peer" : "cluster";
    return [{ event, direction, side, firstTsn, lastTsn, messagesAtMost }];
  });
}

/** Steps from the first to the last TSN of a report; negative: it is the wrong way round. */
export const reportSpan = ({ firstTsn, lastTsn }: LossReport): number =>
  tsnDistance(toTsn(firstTsn), toTsn(lastTsn));

export function overlaps(
  report: LossReport,
  span: { readonly first: number; readonly last: number },
): boolean {
  const firstTsn = toTsn(report.firstTsn);
  const from = tsnDistance(firstTsn, toTsn(span.first));
  return from <= reportSpan(report) && tsnDistance(firstTsn, toTsn(span.last)) >= 0;
}

/** Whether the numbered application said that it would not use a number again. */
function skippedNumbers(scene: Scene): (flow: FlowName, streamId: number, number: number) => boolean {
  const { events, totals } = scene.history;
  const skipped = events.flatMap(({ name, detail }) => {
    const firstIndex = numberIn(detail, "firstIndex");
    const lastIndex = numberIn(detail, "lastIndex");
    if (name !== "numbers-skipped" || firstIndex === undefined || lastIndex === undefined) return [];
    return [{ flow: detail["flow"], firstIndex, lastIndex }];
  });
  return (flow, streamId, number) => {
    const streams = totals.filter((total) => total.flow === flow).length;
    const index = number * streams + streamId;
    return skipped.some(
      (range) => range.flow === flow && index >= range.firstIndex && index <= range.lastIndex,
    );
  };
}

const messageKey = (flow: FlowName, streamId: number, number: number): string =>
  `${streamKey(flow, streamId)}/${number}`;

function headsByMessage(heads: readonly MessageHead[]): Map<string, MessageHead[]> {
  const byMessage = new Map<string, MessageHead[]>();
  for (const head of heads) {
    const key = messageKey(head.flow, head.streamId, head.number);
    const known = byMessage.get(key);
    if (known === undefined) byMessage.set(key, [head]);
    else known.push(head);
  }
  return byMessage;
}

/** Finds for each missing message why it is missing. */
class LossReader {
  readonly tsns: WireTsns;
  readonly #reports: readonly LossReport[];
  readonly #heads: ReadonlyMap<string, readonly MessageHead[]>;
  readonly #isSkipped: ReturnType<typeof skippedNumbers>;
  readonly #delivered: ReadonlyMap<string, ReadonlySet<number>>;
  readonly #undone: ReadonlyMap<string, ReadonlySet<number>>;
  readonly #givenOut: ReadonlySet<string>;
  readonly #judged: TsnSide;

  /** @param judged the end of which it is asked what came to it */
  constructor(scene: Scene, judged: TsnSide) {
    this.#judged = judged;
    this.tsns = new WireTsns(scene.wire);
    this.#reports = lossReports(scene.history);
    this.#heads = headsByMessage(scene.history.messageHeads ?? []);
    this.#isSkipped = skippedNumbers(scene);
    this.#givenOut = new Set(
      scene.history.messages
        .filter(({ act }) => act === "sent")
        .map(({ flow, streamId, number }) => messageKey(flow, streamId, number)),
    );
    const numbersOf = (which: "deliveries" | "rolledBack"): Map<string, Set<number>> =>
      new Map(
        [...scene.deliveries].map(([key, stream]) => [
          key,
          new Set(stream[which].map(({ number }) => number)),
        ]),
      );
    this.#delivered = numbersOf("deliveries");
    this.#undone = numbersOf("rolledBack");
  }

  missingOf({ flow, streamId, sent }: FlowTotal): MissingMessage[] {
    const delivered = this.#delivered.get(streamKey(flow, streamId));
    const missing: MissingMessage[] = [];
    for (let number = 0; number < sent; number += 1) {
      if (delivered?.has(number) === true) continue;
      const isInbound = sideOf(flow) === this.#judged;
      missing.push({ flow, streamId, number, isInbound, ...this.#explain(flow, streamId, number) });
    }
    return missing;
  }

  #explain(flow: FlowName, streamId: number, number: number): Pick<MissingMessage, "reason" | "seen"> {
    const key = messageKey(flow, streamId, number);
    const heads = this.#heads.get(key) ?? [];
    const seen = heads[0] === undefined ? undefined : this.tsns.get(sideOf(flow), heads[0].tsn);
    const reports = this.#reports.filter(({ side }) => side === sideOf(flow));
    const report = reports.find((each) => heads.some((head) => overlaps(each, this.tsns.spanOf(head))));
    if (report !== undefined) {
      return { reason: { kind: "reported", report }, ...(seen === undefined ? {} : { seen }) };
    }
    const isAnswered = this.#delivered.get(streamKey("down", streamId))?.has(number) === true;
    // An outside cluster may have gone back behind the delivery that an echo on the wire answers.
    const isVoid = this.#undone.get(streamKey("down", streamId))?.has(number) === true;
    if (flow === "echo" && !isAnswered && (isVoid || heads.length === 0)) {
      return { reason: { kind: "not-owed" } };
    }
    if (heads.length > 0) return { reason: { kind: "unreported" }, ...(seen === undefined ? {} : { seen }) };
    if (flow !== "echo" && this.#isSkipped(flow, streamId, number))
      return { reason: { kind: "skipped", wasGivenOut: this.#givenOut.has(key) } };
    // Queued messages that a former instance may have sent are given up with the TSNs of its lease.
    const counting = reports.find(({ direction }) => direction === "outbound");
    if (counting !== undefined) return { reason: { kind: "given-up", report: counting } };
    return { reason: { kind: "unreported" } };
  }
}

/** What was lost in a run whose policy allows a loss. */
export interface Losses {
  readonly missing: readonly MissingMessage[];
  readonly reports: readonly LossReport[];
  /** Those of the cluster at the other end, where there is one. */
  readonly othersReports: readonly LossReport[];
  readonly tsns: WireTsns;
}

/** Each message that its receiver never got, with the reason; of the whole run, whichever end is asked. */
export function readLosses(scene: Scene): Losses {
  const whole = scene.near ?? scene;
  const reader = new LossReader(whole, scene.near === undefined ? "cluster" : "peer");
  const missing = whole.history.totals.flatMap((total) => reader.missingOf(total));
  return { missing, reports: lossReports(whole.history), othersReports: [], tsns: reader.tsns };
}

/** Of those, what the cluster of this scene has reported. */
export function ownLosses(scene: Scene): Losses {
  const losses = readLosses(scene);
  const others = new Set(scene.history.hosts.filter(isOutside).map(({ name }) => name));
  const isOwn = ({ event }: LossReport): boolean => !others.has(event.host);
  const missing = losses.missing.filter(({ reason }) => !("report" in reason) || isOwn(reason.report));
  const othersReports = losses.reports.filter((report) => !isOwn(report));
  return { ...losses, missing, reports: losses.reports.filter(isOwn), othersReports };
}

/** The missing messages that a report accounts for, by report. */
export function missingByReport(losses: Losses): Map<HostEvent, MissingMessage[]> {
  const byReport = new Map<HostEvent, MissingMessage[]>(losses.reports.map(({ event }) => [event, []]));
  for (const message of losses.missing) {
    const { reason } = message;
    if (reason.kind === "reported" || reason.kind === "given-up")
      byReport.get(reason.report.event)?.push(message);
  }
  return byReport;
}
