import { useEffect, useRef, useState, type ReactElement } from "react";
import type { DeskLink, StateAt } from "../../main/api/contract.ts";
import { useRequest } from "../hooks/use-request.ts";
import type { RunContext } from "../model/run-state.ts";
import { orderStateRows, SEVERITY_WORDS, type OrderedStateRow } from "../model/state-rows.ts";
import { formatClock, formatOffset } from "../model/time-format.ts";
import { Status } from "./status.tsx";

interface StatePanelProps {
  readonly link: DeskLink;
  readonly runId: string;
  readonly context: RunContext;
  readonly scrubUs: number;
}

/** The association state of A and of B, and what the packets showed, at the scrubbed instant. */
export function StatePanel({ link, runId, context, scrubUs }: StatePanelProps): ReactElement {
  const request = useRequest(link, "run.state", { runId, atUs: Math.round(scrubUs) });
  const before = usePrevious(request.data);
  return (
    <div className="state-panel">
      <p className="state-when" data-testid="state-when">
        State at <b className="mono">{formatOffset(scrubUs - context.originUs)}</b>{" "}
        <span className="quiet mono">{formatClock(scrubUs)} UTC</span>
        <span className="quiet"> · drag the line in the ladder; Space replays</span>
      </p>
      <Status request={request} what="the state" />
      {request.data === undefined ? null : (
        <StateTable state={request.data} rows={orderStateRows(request.data, before)} />
      )}
    </div>
  );
}

/** The answer before the current one. */
function usePrevious(state: StateAt | undefined): StateAt | undefined {
  const latest = useRef<StateAt | undefined>(undefined);
  const [previous, setPrevious] = useState<StateAt | undefined>(undefined);
  useEffect(() => {
    if (latest.current !== state) setPrevious(latest.current);
    latest.current = state;
  }, [state]);
  return previous;
}

function StateTable({
  state,
  rows,
}: {
  readonly state: StateAt;
  readonly rows: readonly OrderedStateRow[];
}): ReactElement {
  if (rows.length === 0)
    return <p className="empty">No association yet at this instant; scrub to a later one.</p>;
  const behind = state.aSequence - state.bSequence;
  return (
    <div className="scroll">
      <table className="state-table">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">
              A <RoleNote role={state.aRole} sequence={state.aSequence} />
            </th>
            <th scope="col">
              B <RoleNote role={state.bRole} sequence={state.bSequence} />
            </th>
            <th scope="col">
              Seen by peer<div className="role-note">from the packets</div>
            </th>
            <th scope="col">
              Difference
              <div className="role-note">{behind > 0 ? `B is ${behind} behind` : "B is not behind"}</div>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ row, changed }) => (
            <tr key={row.field} className={`severity-${row.severity}`}>
              <th scope="row" title={row.meaning}>
                {changed ? (
                  <span className="changed" title="changed since the instant before">
                    Δ{" "}
                  </span>
                ) : null}
                {row.field}
              </th>
              <Value text={row.a} />
              <Value text={row.b} />
              <Value text={row.wire} />
              <td>
                <span aria-hidden="true">{SEVERITY_WORDS[row.severity].sign}</span>{" "}
                {SEVERITY_WORDS[row.severity].words}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RoleNote({ role, sequence }: { readonly role: string; readonly sequence: number }): ReactElement {
  return (
    <div className="role-note">
      {role}, update {sequence}
    </div>
  );
}

function Value({ text }: { readonly text: string | null }): ReactElement {
  return text === null ? <td className="quiet">–</td> : <td className="mono">{text}</td>;
}
