import type { ReactElement } from "react";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import type { RunOverview } from "../../main/api/contract.ts";
import type { RunContext } from "../model/run-state.ts";
import { formatCount, formatDay, formatDuration } from "../model/time-format.ts";
import { Outcome } from "./outcome.tsx";

interface RunHeaderProps {
  readonly overview: RunOverview;
  readonly context: RunContext;
  readonly verdict: VerdictReport | undefined;
}

export function RunHeader({ overview, context, verdict }: RunHeaderProps): ReactElement {
  const { run } = overview;
  return (
    <header className="run-header">
      <div className="run-title">
        <Outcome outcome={run.outcome} />
        <h1>{run.headline}</h1>
      </div>
      <div className="run-facts">
        <PhaseLine context={context} services={overview.services} />
        <Losses verdict={verdict} />
        <Terms overview={overview} />
        <span className="spacer" />
        <span className="quiet">
          {run.title} · outside computer {run.peer} · {formatDay(run.startedUs)} ·{" "}
          {formatCount(overview.counts.transmissions)} packets
        </span>
      </div>
    </header>
  );
}

/** Policy, placement and fencing, where the run says them. */
function Terms({ overview }: { readonly overview: RunOverview }): ReactElement | null {
  const { policy, placement, fencing } = overview.terms;
  if (policy === undefined) return null;
  const changed = overview.policies.length > 1 ? `, changed ${overview.policies.length - 1}×` : "";
  const facts = [
    { title: "policy", value: policy + changed },
    { title: "state held by", value: placement === "store" ? "store" : placement },
    { title: "fencing", value: fencing },
  ];
  return (
    <ul className="losses" aria-label="Replication">
      {facts.map(({ title, value }) =>
        value === undefined ? null : (
          <li key={title}>
            {title} <span className="mono">{value}</span>
          </li>
        ),
      )}
    </ul>
  );
}

interface PhaseLineProps {
  readonly context: RunContext;
  readonly services: RunOverview["services"];
}

/** Fault, detection, first packet and restoration with the time between each two. */
function PhaseLine({ context, services }: PhaseLineProps): ReactElement {
  const { faultUs, detectedUs, firstPacketUs, restoredUs } = context.failover;
  if (faultUs === undefined) return <span className="quiet">No fault in this run.</span>;
  // After a fault that moves nothing, a phase that did not come is no alarm.
  const stayed = services.length === 1;
  const all = [
    { title: "detected", atUs: detectedUs },
    { title: "first packet from B", atUs: firstPacketUs },
    { title: "restored", atUs: restoredUs },
  ];
  const planned = services[1]?.began === "handover";
  const steps = all.filter(({ atUs }) => atUs !== undefined || !(stayed || planned));
  // Usually in this order already; traffic can be whole again before the loss is noticed.
  steps.sort(
    (one, other) => (one.atUs ?? Number.POSITIVE_INFINITY) - (other.atUs ?? Number.POSITIVE_INFINITY),
  );
  return (
    <ol className="phases" aria-label="Failover">
      <li>
        <b>{planned ? "switch-over" : "fault"}</b>
        {stayed ? ", no takeover" : ""}
      </li>
      {steps.map(({ title, atUs }) => (
        <li key={title}>
          <span aria-hidden="true">→</span> <b>{title}</b>{" "}
          <span className="mono">{atUs === undefined ? "never" : `+${formatDuration(atUs - faultUs)}`}</span>
        </li>
      ))}
    </ol>
  );
}

const LOSS_CHECKS: readonly { readonly id: string; readonly title: string }[] = [
  { id: "messages-lost", title: "lost" },
  { id: "messages-duplicated", title: "duplicated" },
  { id: "messages-reordered", title: "reordered" },
];

function Losses({ verdict }: { readonly verdict: VerdictReport | undefined }): ReactElement | null {
  if (verdict === undefined) return null;
  return (
    <ul className="losses" aria-label="Messages">
      {LOSS_CHECKS.map(({ id, title }) => {
        const check = verdict.checks.find((entry) => entry.id === id);
        if (check === undefined) return null;
        return (
          <li key={id} className={`loss-${check.outcome}`}>
            {title} <span className="mono">{check.summary}</span>
          </li>
        );
      })}
    </ul>
  );
}
