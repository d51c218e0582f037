import type { AssociationState } from "../../agents/sctp/index.ts";
import { countAbove } from "../../agents/sctp/index.ts";
import type { History } from "../../captures/verdict/history.ts";
import { associationsOf } from "../../captures/verdict/index.ts";
import type { Severity, StateAt, StateRow } from "../api/contract.ts";
import { InstanceTimeline } from "./instance-timeline.ts";
import type { WireView } from "./wire-view.ts";
import { wireViewAt } from "./wire-view.ts";

/** Anything that holds a recorded history; the timelines that are worked out from it are kept with it. */
export interface HistorySource {
  history(): History;
}

interface Timelines {
  readonly history: History;
  readonly a: InstanceTimeline;
  readonly b: InstanceTimeline;
}

/** By the outside computer's port, in the order of the ports. */
type ByAssociation = ReadonlyMap<number, Timelines>;

const known: WeakMap<HistorySource, ByAssociation> = new WeakMap<HistorySource, ByAssociation>();

function timelinesOf(history: History): Timelines {
  const of = (host: string): InstanceTimeline =>
    new InstanceTimeline(history.updates.filter((update) => update.host === host));
  return { history, a: of("a"), b: of("b") };
}

function associationsIn(source: HistorySource): ByAssociation {
  const there = known.get(source);
  if (there !== undefined) return there;
  const all = new Map(
    associationsOf(source.history()).map(({ port, history }) => [port, timelinesOf(history)]),
  );
  known.set(source, all);
  return all;
}

interface FieldRule {
  readonly field: string;
  readonly meaning: string;
  readonly read: (state: AssociationState) => string;
  readonly wire?: (view: WireView) => string | undefined;
  /** What it costs when the secondary's copy is behind at the moment of a takeover. */
  readonly severity: Severity;
  /** Whether that copy, behind or not, honours everything that the packets promised; undefined: cannot be told. */
  readonly honours?: (state: AssociationState, view: WireView) => boolean | undefined;
}

/** True when `value` is at or after `promised` in serial order (RFC 9260 section 1.6). */
const covers = (value: number, promised: number | undefined): boolean | undefined =>
  promised === undefined ? undefined : ((value - promised) | 0) >= 0;

/** Nothing of it was promised to the peer: with output commit it differs only by work that nobody saw. */
const unpromised = (): boolean => true;

const hex = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : `0x${value.toString(16).padStart(8, "0")}`;
const text = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);
const list = (values: readonly (number | string)[]): string =>
  values.length === 0 ? "none" : values.join(" ");

/** Only what is in use: 2048 zeros help nobody. */
const usedStreams = (values: readonly number[]): string => {
  const used = values.flatMap((value, stream) => (value === 0 ? [] : [`${stream}:${value}`]));
  return list(used);
};

const rules: readonly FieldRule[] = [
  {
    field: "phase",
    meaning: "State of the association (RFC 9260 section 4)",
    read: (s) => s.phase,
    severity: "breaks-association",
  },
  {
    field: "local tag",
    meaning: "Verification tag that the peer must use",
    read: (s) => hex(s.agreement.localTag) ?? "",
    wire: (v) => hex(v.localTag),
    severity: "breaks-association",
  },
  {
    field: "peer tag",
    meaning: "Verification tag that the cluster must use",
    read: (s) => hex(s.agreement.peerTag) ?? "",
    wire: (v) => hex(v.peerTag),
    severity: "breaks-association",
  },
  {
    field: "cumulative TSN",
    meaning:
      "Last TSN received in sequence; the peer has forgotten everything up to what it saw acknowledged",
    read: (s) => String(s.receive.cumulativeTsn),
    wire: (v) => text(v.cumulativeTsn),
    severity: "breaks-association",
    honours: (s, v) => covers(s.receive.cumulativeTsn, v.cumulativeTsn),
  },
  {
    field: "next TSN",
    meaning: "TSN of the next new DATA; the peer's column: the one after the highest that it got",
    read: (s) => String(s.send.nextTsn),
    wire: (v) => text(v.highestTsn === undefined ? undefined : (v.highestTsn + 1) >>> 0),
    severity: "breaks-association",
    honours: (s, v) => covers(s.send.nextTsn, v.highestTsn === undefined ? undefined : v.highestTsn + 1),
  },
  {
    field: "cumulative ack",
    meaning: "Last TSN that the peer acknowledged",
    read: (s) => String(s.send.cumulativeAck),
    wire: (v) => text(v.cumulativeAck),
    severity: "costs-retransmission",
  },
  {
    field: "outstanding",
    meaning: "DATA chunks that the peer has not acknowledged",
    read: (s) => `${s.send.outstanding.length} chunks, ${s.send.outstandingBytes} B`,
    severity: "costs-retransmission",
  },
  {
    field: "queued",
    meaning: "Messages that have no TSN yet",
    read: (s) => `${s.send.queuedMessages} messages, ${s.send.queuedBytes} B`,
    severity: "breaks-association",
    honours: unpromised,
  },
  {
    field: "received above",
    meaning: "TSNs received above the cumulative one (gap blocks); reneging is legal",
    read: (s) => `${countAbove(s.receive)}`,
    severity: "costs-retransmission",
  },
  {
    field: "undelivered",
    meaning: "Received and not yet delivered to the application",
    read: (s) => `${s.receive.buffered.size} chunks, ${s.receive.bufferedBytes} B`,
    severity: "costs-retransmission",
  },
  {
    field: "next SSN out",
    meaning: "Next stream sequence number to send, by stream",
    read: (s) =>
      list([...s.send.streams].flatMap(([id, { nextSsn }]) => (nextSsn === 0 ? [] : [`${id}:${nextSsn}`]))),
    severity: "breaks-association",
    honours: (s, v) => covers(s.send.nextTsn, v.highestTsn === undefined ? undefined : v.highestTsn + 1),
  },
  {
    field: "next SSN in",
    meaning: "Next stream sequence number to deliver, by stream",
    read: (s) => usedStreams(s.receive.nextSsn),
    severity: "breaks-association",
    honours: (s, v) => covers(s.receive.cumulativeTsn, v.cumulativeTsn),
  },
  {
    field: "peer addresses",
    meaning: "Where the peer can be reached",
    read: (s) => list(s.agreement.peerAddresses),
    severity: "breaks-association",
  },
  {
    field: "our addresses",
    meaning: "All addresses of the cluster's endpoint; the peer's column: the one it heard from last",
    read: (s) => list(s.agreement.localAddresses),
    wire: (v) => v.lastSource,
    severity: "breaks-association",
  },
];

interface Instant {
  readonly a: AssociationState | undefined;
  readonly b: AssociationState | undefined;
  readonly view: WireView;
}

/** What a difference would cost. Once B has as much as A, or more, it is A that is out of date, which harms nobody. */
function severityOf(rule: FieldRule, { a, b, view }: Instant): Severity {
  if (a === undefined || b === undefined || rule.read(a) === rule.read(b)) return "same";
  if (b.sequence >= a.sequence) return "harmless";
  return rule.honours?.(b, view) === true ? "harmless" : rule.severity;
}

/** A row of the table. The wire column says what the peer could know by then, so it may lag without harm. */
function rowOf(rule: FieldRule, instant: Instant): StateRow {
  const { a, b, view } = instant;
  return {
    field: rule.field,
    meaning: rule.meaning,
    a: a === undefined ? null : rule.read(a),
    b: b === undefined ? null : rule.read(b),
    wire: rule.wire?.(view) ?? null,
    severity: severityOf(rule, instant),
  };
}

/** The roles as the hosts themselves reported them; a host that was killed is named so. */
function roleAt(history: History, host: string, atUs: number): string {
  let role = "not started";
  for (const event of history.events) {
    if (event.at > atUs) break;
    if (event.host !== host) continue;
    if (event.name === "role") role = `${String(event.detail["role"])} instance`;
    if (event.name === "takeover-complete") role = "primary instance (took over)";
    if (event.name === "fenced") role = "fenced";
  }
  const killed = history.faults.some(
    (fault) => fault.host === host && fault.fault === "kill" && fault.at <= atUs,
  );
  return killed ? "dead (its last state)" : role;
}

/**
 * The association state on A and B and as the packets showed it to the peer, at an instant of a recorded run: of the
 * association with this port of the outside computer, else of the first one.
 */
export function stateAt(source: HistorySource, atUs: number, association?: number): StateAt {
  const all = associationsIn(source);
  const [first] = all.values();
  const timelines = (association === undefined ? undefined : all.get(association)) ?? first;
  if (timelines === undefined) throw new Error("broken rule: a history has an association at least");
  const { history } = timelines;
  const instant = { a: timelines.a.at(atUs), b: timelines.b.at(atUs), view: wireViewAt(history, atUs) };
  return {
    atUs,
    aSequence: timelines.a.lastUpdate(atUs)?.sequence ?? 0,
    bSequence: timelines.b.lastUpdate(atUs)?.sequence ?? 0,
    aRole: roleAt(history, "a", atUs),
    bRole: roleAt(history, "b", atUs),
    rows: rules.map((rule) => rowOf(rule, instant)),
  };
}
