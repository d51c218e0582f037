import type Database from "better-sqlite3";
import type { EventName } from "../../agents/control/records.ts";
import type { History, HostEvent } from "../../captures/verdict/history.ts";
import { failoverInstants, fromOutside } from "../../captures/verdict/index.ts";
import type { Mark } from "../api/contract.ts";

const maxMarks = 1000;

/** Events that get a line across the chart; the others stay in the event list. */
const kindOfEvent: Partial<Record<EventName, Mark["kind"]>> = {
  "association-up": "association-up",
  "address-confirmed": "address-confirmed",
  "primary-lost": "detected",
  "association-closed": "closed",
  "association-lost": "other",
  "takeover-started": "takeover",
  "takeover-complete": "other",
  "secondary-lost": "other",
  "load-started": "other",
  "load-stopped": "other",
  fenced: "fenced",
  stall: "other",
  policy: "policy",
  "sync-started": "other",
  synchronised: "synchronised",
  solo: "solo",
  claim: "claim",
  "claim-granted": "claim",
  "claim-denied": "claim",
  "handover-started": "handover",
  "handover-complete": "handover",
  rejoined: "synchronised",
  "impending-failure": "announced",
  "link-refused": "other",
  "recovery-step": "recovery",
  "address-takeover": "recovery",
  "loss-report": "loss",
  "numbers-skipped": "loss",
};

/** What was done on purpose and breaks nothing by itself. */
const kindOfFault: Readonly<Record<string, Mark["kind"]>> = {
  heal: "other",
  announce: "announced",
  handover: "handover",
};

/** Moments that one association has once, and that several hosts report. */
const once: ReadonlySet<EventName> = new Set([
  "association-up",
  "address-confirmed",
  "primary-lost",
  "association-closed",
  "association-lost",
  "secondary-lost",
  "load-started",
  "load-stopped",
]);

/** Several hosts report the same moment of one association: the first report is the mark. */
function isRepeated({ name, detail, host }: HostEvent, seen: Map<string, string>): boolean {
  if (name === "policy") {
    const policy = String(detail["policy"]);
    const known = seen.get(name) === policy;
    seen.set(name, policy);
    return known;
  }
  if (!once.has(name)) return false;
  // A secondary may be lost again after a later synchronisation, each time to another primary; each end loses its own.
  const ofWhom = name === "secondary-lost" || name === "primary-lost" ? host : "";
  const key = `${name}/${ofWhom}/${String(detail["address"] ?? "")}`;
  if (seen.has(key)) return true;
  seen.set(key, host);
  return false;
}

/** A loss in numbers, because a person looks for them first. */
function textOf({ name, text, detail }: HostEvent): string {
  const { direction, firstTsn, lastTsn, messagesAtMost, step } = detail;
  if (name === "loss-report" && firstTsn !== undefined && lastTsn !== undefined)
    return `${String(direction)}, TSN ${String(firstTsn)} to ${String(lastTsn)}, at most ${String(messagesAtMost)} messages`;
  return name === "recovery-step" && typeof step === "string" ? `${step}: ${text}` : text;
}

/** The instants of a run worth a line across every chart, oldest first: from events, faults and packets. */
function marksOf(history: History): Mark[] {
  const marks: Mark[] = [];
  const seen = new Map<string, string>();
  for (const event of history.events) {
    const kind = kindOfEvent[event.name];
    if (kind === undefined || isRepeated(event, seen)) continue;
    marks.push({ atUs: event.at, kind, host: event.host, text: textOf(event) });
  }
  for (const fault of history.faults) {
    const kind = kindOfFault[fault.fault] ?? "fault";
    marks.push({ atUs: fault.at, kind, host: fault.host, text: fault.text });
  }
  const { firstPacket, restored } = failoverInstants(history);
  const across = fromOutside(history);
  const theirs = across === undefined ? undefined : failoverInstants(across);
  const theirFirst = theirs?.takeover === undefined ? undefined : theirs.firstPacket;
  for (const packet of [firstPacket, theirFirst]) {
    if (packet === undefined) continue;
    const text = `first packet from ${packet.host} (${packet.sctp.sourceAddress})`;
    marks.push({ atUs: packet.at, kind: "first-packet", host: packet.host, text });
  }
  if (restored !== undefined) {
    const text = `restored: every flow delivers again, ${restored.flow} last`;
    marks.push({ atUs: restored.at, kind: "restored", host: restored.host, text });
  }
  return marks.sort((left, right) => left.atUs - right.atUs).slice(0, maxMarks);
}

export function writeMarks(database: Database.Database, history: History): void {
  const insert = database.prepare("INSERT INTO mark VALUES (NULL, ?, ?, ?, ?)");
  for (const { atUs, kind, host, text } of marksOf(history)) insert.run(atUs, kind, host, text);
}
