import type Database from "better-sqlite3";
import type { EventName } from "../../agents/control/records.ts";
import type { History, HostEvent } from "../../captures/verdict/history.ts";
import { failoverInstants } from "../../captures/verdict/index.ts";
import type { Mark } from "../api/contract.ts";

const maxMarks = 200;

/** Events that get a line across the chart; the others stay in the event list. */
const kindOfEvent: Partial<Record<EventName, Mark["kind"]>> = {
  "association-up": "association-up",
  "address-confirmed": "address-confirmed",
  "primary-lost": "detected",
  "association-closed": "closed",
  "association-lost": "other",
  "takeover-started": "other",
  "takeover-complete": "other",
  "secondary-lost": "other",
  "load-started": "other",
  "load-stopped": "other",
  fenced: "other",
  stall: "other",
};

/** Several hosts report the same moment of one association: the first report is the mark. */
function isRepeated(event: HostEvent, seen: Set<string>): boolean {
  const address = event.detail["address"];
  const key = `${event.name}/${event.name === "stall" ? event.at : ""}/${String(address ?? "")}`;
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}

/** The instants of a run worth a line across every chart, oldest first: from events, faults and packets. */
function marksOf(history: History): Mark[] {
  const marks: Mark[] = [];
  const seen = new Set<string>();
  for (const event of history.events) {
    const kind = kindOfEvent[event.name];
    if (kind === undefined || isRepeated(event, seen)) continue;
    marks.push({ atUs: event.at, kind, host: event.host, text: event.text });
  }
  for (const fault of history.faults) {
    const kind = fault.fault === "heal" ? "other" : "fault";
    marks.push({ atUs: fault.at, kind, host: fault.host, text: fault.text });
  }
  const { firstPacket, restored } = failoverInstants(history);
  if (firstPacket !== undefined) {
    const text = `first packet from ${firstPacket.host} (${firstPacket.sctp.sourceAddress})`;
    marks.push({ atUs: firstPacket.at, kind: "first-packet", host: firstPacket.host, text });
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
