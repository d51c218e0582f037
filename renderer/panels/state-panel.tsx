import { useEffect, useRef, useState, type ReactElement } from "react";
import type { DeskLink, RunOverview, StateAt } from "../../main/api/contract.ts";
import { useRequest } from "../hooks/use-request.ts";
import type { RunContext } from "../model/run-state.ts";
import { roleAt, situationAt, type Situation } from "../model/situation.ts";
import { orderStateRows, SEVERITY_WORDS, type OrderedStateRow } from "../model/state-rows.ts";
import { formatClock, formatDuration, formatOffset } from "../model/time-format.ts";
import { spanUs, type Viewport } from "../model/viewport.ts";
import { Status } from "./status.tsx";

interface StatePanelProps {
  readonly link: DeskLink;
  readonly overview: RunOverview;
  readonly view: Viewport;
  readonly context: RunContext;
  readonly scrubUs: number;
}

/** The association state of A and of B, and what the packets showed, at the scrubbed instant. */
export function StatePanel({ link, overview, view, context, scrubUs }: StatePanelProps): ReactElement {
  const runId = overview.run.id;
  const [association, setAssociation] = useState(overview.associations[0]);
  const request = useRequest(link, "run.state", { runId, atUs: Math.round(scrubUs), association });
  const lag = useRequest(link, "run.ladder", { runId, ...lagWindow(view, scrubUs), limit: 1 });
  const before = usePrevious(request.data);
  const situation = situationAt(overview, lag.data, Math.round(scrubUs));
  return (
    <div className="state-panel">
      <p className="state-when" data-testid="state-when">
        State at <b className="mono">{formatOffset(scrubUs - context.originUs)}</b>{" "}
        <span className="quiet mono">{formatClock(scrubUs)} UTC</span>
        <span className="quiet"> · drag the line in the ladder; Space replays</span>
      </p>
      {overview.associations.length > 1 && association !== undefined ? (
        <AssociationChoice
          associations={overview.associations}
          chosen={association}
          onChoose={setAssociation}
        />
      ) : null}
      <SituationLine
        situation={situation}
        originUs={context.originUs}
        hasTerms={overview.terms.policy !== undefined}
      />
      <Status request={request} what="the state" />
      {request.data === undefined ? null : (
        <StateTable state={request.data} situation={situation} rows={orderStateRows(request.data, before)} />
      )}
    </div>
  );
}

interface AssociationChoiceProps {
  readonly associations: readonly number[];
  readonly chosen: number;
  readonly onChoose: (association: number) => void;
}

/** Which association's state is shown, by the outside computer's port. */
function AssociationChoice({ associations, chosen, onChoose }: AssociationChoiceProps): ReactElement {
  return (
    <label className="state-association">
      <span className="quiet">Association with port</span>{" "}
      <select value={chosen} onChange={(event) => onChoose(Number(event.target.value))}>
        {associations.map((port) => (
          <option key={port} value={port}>
            {port}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Long enough for what waits to be seen, short enough for slices of a millisecond. */
const LAG_WINDOW_US = 100_000;

/** A window around the scrubbed instant that stays the same while the scrubber moves a little. */
function lagWindow(view: Viewport, scrubUs: number): { fromUs: number; toUs: number } {
  const half = Math.min(LAG_WINDOW_US, Math.max(2_000, spanUs(view)));
  const middle = Math.round(scrubUs / half) * half;
  return { fromUs: Math.floor(middle - half), toUs: Math.ceil(middle + half) };
}

interface SituationLineProps {
  readonly situation: Situation;
  readonly originUs: number;
  readonly hasTerms: boolean;
}

/** Who serves and under what, in words: the first thing to know at an instant. */
function SituationLine({ situation, originUs, hasTerms }: SituationLineProps): ReactElement | null {
  const { service, nobody, policy, lease, lag } = situation;
  if (service === undefined) return null;
  return (
    <dl className="situation" data-testid="situation">
      <div>
        <dt>Serves</dt>
        <dd>
          {nobody ? (
            <b className="nobody">nobody since {service.host.toUpperCase()}</b>
          ) : (
            <b>{service.host.toUpperCase()}</b>
          )}{" "}
          <span className="quiet">epoch {service.epoch}</span>
        </dd>
      </div>
      {lag === undefined || nobody ? null : (
        <div>
          <dt>Lag</dt>
          <dd className={lag.lost ? "nobody" : ""}>
            <span className="mono">{lag.lagUs === 0 ? "none" : formatDuration(lag.lagUs)}</span>
            {lag.lost ? " never held: lost if it ends now" : ""}
          </dd>
        </div>
      )}
      {policy === undefined || !hasTerms ? null : (
        <div>
          <dt>Policy</dt>
          <dd>
            <span className="mono">{policy.policy}</span>
            <span className="quiet"> fencing {policy.fencing ?? "not said"}</span>
          </dd>
        </div>
      )}
      {lease === undefined || nobody ? null : (
        <div>
          <dt>Lease</dt>
          <dd>
            TSNs below <span className="mono">{lease.limitTsn}</span>{" "}
            <span className="quiet">since {formatOffset(lease.atUs - originUs)}</span>
          </dd>
        </div>
      )}
    </dl>
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
  situation,
  rows,
}: {
  readonly state: StateAt;
  readonly situation: Situation;
  readonly rows: readonly OrderedStateRow[];
}): ReactElement {
  if (rows.length === 0)
    return <p className="empty">No association yet at this instant; scrub to a later one.</p>;
  return (
    <div className="scroll">
      <table className="state-table">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">
              A <RoleNote role={roleAt(situation, "a", state.aRole)} sequence={state.aSequence} />
            </th>
            <th scope="col">
              B <RoleNote role={roleAt(situation, "b", state.bRole)} sequence={state.bSequence} />
            </th>
            <th scope="col">
              Seen by peer<div className="role-note">from the packets</div>
            </th>
            <th scope="col">
              Difference
              <div className="role-note">{behindText(state)}</div>
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

/** Which of the two lacks updates of the other; those of a dead one never come. */
function behindText({ aRole, bRole, aSequence, bSequence }: StateAt): string {
  const behind = Math.abs(aSequence - bSequence);
  const [ahead, other] = aSequence > bSequence ? ["A", "B"] : ["B", "A"];
  const [role, otherRole] = ahead === "A" ? [aRole, bRole] : [bRole, aRole];
  if (behind === 0) return "neither is behind";
  if (otherRole.startsWith("dead")) return `${other} is gone`;
  return role.startsWith("dead")
    ? `${other} never got the last ${behind} of ${ahead}`
    : `${other} is ${behind} behind`;
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
