import type Database from "better-sqlite3";
import type { HistoryHost, HostEvent, HostUpdate } from "../../captures/verdict/history.ts";
import { hostsAcross, successionOf } from "../../captures/verdict/index.ts";
import type { LeaseHeld, Outage, PolicyInForce, Service } from "../api/contract.ts";
import type { Row } from "./columns.ts";
import { parseStored } from "./columns.ts";

/** More leases than a person looks at; a run that has more is thinned out evenly. */
const maxLeases = 2000;

interface Fault {
  readonly atUs: number;
  readonly host: string;
  readonly fault: string;
  readonly text: string;
}

interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

const told = ["takeover-started", "handover-started", "handover-complete", "policy", "lease", "role"];

function eventsOf(database: Database.Database): HostEvent[] {
  const rows = database
    .prepare<string[], Row>(
      `SELECT host, at_us, name, text, detail FROM event WHERE name IN (${told.map(() => "?").join(", ")})
       ORDER BY at_us, id`,
    )
    .all(...told);
  return rows.map((row) => ({
    kind: "event",
    host: row["host"] as string,
    at: row["at_us"] as number,
    name: row["name"] as HostEvent["name"],
    text: row["text"] as string,
    detail: parseStored(row["detail"] as string) as HostEvent["detail"],
  }));
}

/** The first update that each host made under each epoch. */
function firstUpdates(database: Database.Database): Pick<HostUpdate, "host" | "act" | "epoch" | "at">[] {
  const sql = "SELECT host, epoch, min(at_us) AS at FROM update_log WHERE act = 'made' GROUP BY host, epoch";
  return database
    .prepare<[], { host: string; epoch: number; at: number }>(sql)
    .all()
    .map((row) => ({ ...row, act: "made" }));
}

const isDeath = (fault: string): boolean => fault === "kill" || fault === "terminate" || fault === "crash";
const isFreeze = (fault: string): boolean => fault === "freeze";
const cutsOutside = ({ fault, text }: Fault): boolean => fault === "link-cut" && text.includes("outside");

/** What was gone when: an instance that was killed or frozen, a way to the outside that was cut. */
function outagesOf(faults: readonly Fault[], events: readonly HostEvent[]): Outage[] {
  const outages: Outage[] = [];
  for (const [index, mark] of faults.entries()) {
    const { host, atUs, fault } = mark;
    const what = isDeath(fault) || isFreeze(fault) ? "instance" : cutsOutside(mark) ? "address" : undefined;
    if (what === undefined) continue;
    const healed = faults.slice(index + 1).find((later) => {
      const about = what === "address" ? later.text.includes("outside") : !later.text.includes("network");
      return later.host === host && later.fault === "heal" && about;
    });
    // A process that was killed does not come back; another one may be started on its host.
    const back = isDeath(fault)
      ? events.find(({ name, host: of, at }) => name === "role" && of === host && at > atUs)?.at
      : healed?.atUs;
    outages.push({ host, what, fromUs: atUs, ...(back === undefined ? {} : { toUs: back }) });
  }
  return outages;
}

function servicesOf(
  hosts: readonly HistoryHost[],
  events: readonly HostEvent[],
  database: Database.Database,
  outages: readonly Outage[],
  span: Span,
): Service[] {
  const { tenures } = successionOf(hosts, events, firstUpdates(database));
  return tenures.map(({ host, epoch, fromUs, toUs = span.toUs, began }) => {
    const start = Math.max(fromUs, span.fromUs);
    // A frozen instance that wakes as the primary goes on; one that is replaced meanwhile served until it froze.
    const struck = outages.find(
      (outage) =>
        outage.what === "instance" &&
        outage.host === host &&
        outage.fromUs >= start &&
        outage.fromUs < toUs &&
        (outage.toUs ?? Number.POSITIVE_INFINITY) >= toUs,
    );
    return { host, epoch, fromUs: start, toUs: struck?.fromUs ?? toUs, began };
  });
}

function leasesOf(events: readonly HostEvent[]): LeaseHeld[] {
  const leases = events.flatMap(({ name, host, at, detail }): LeaseHeld[] => {
    const { limitTsn, nextTsn } = detail;
    if (name !== "lease" || typeof limitTsn !== "number") return [];
    return [{ atUs: at, host, limitTsn, ...(typeof nextTsn === "number" ? { nextTsn } : {}) }];
  });
  const step = Math.ceil(leases.length / maxLeases);
  return step <= 1 ? leases : leases.filter((_, index) => index % step === 0);
}

/** Each change of the policy; both members report the one that a run begins with. */
function policiesOf(events: readonly HostEvent[]): PolicyInForce[] {
  const policies: PolicyInForce[] = [];
  for (const { name, at, detail } of events) {
    const { policy, placement, fencing } = detail;
    if (name !== "policy" || typeof policy !== "string" || policies.at(-1)?.policy === policy) continue;
    policies.push({
      atUs: at,
      policy,
      ...(typeof placement === "string" ? { placement } : {}),
      ...(typeof fencing === "string" ? { fencing } : {}),
    });
  }
  return policies;
}

/** Who served when, under which policy and with which leases: read from the record, whatever its format. */
export function situationOf(
  database: Database.Database,
  hosts: readonly HistoryHost[],
  span: Span,
): {
  readonly services: Service[];
  readonly outsideServices: Service[];
  readonly outages: Outage[];
  readonly leases: LeaseHeld[];
  readonly policies: PolicyInForce[];
} {
  const events = eventsOf(database);
  const faults = database
    .prepare<[], Fault>("SELECT at_us AS atUs, host, fault, text FROM fault ORDER BY at_us, id")
    .all();
  const outages = outagesOf(faults, events);
  return {
    services: servicesOf(hosts, events, database, outages, span),
    outsideServices: servicesOf(hostsAcross(hosts) ?? [], events, database, outages, span),
    outages,
    leases: leasesOf(events),
    policies: policiesOf(events),
  };
}
