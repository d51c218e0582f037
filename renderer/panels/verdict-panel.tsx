import type { ReactElement } from "react";
import type { CheckResult, Evidence, Figure, VerdictReport } from "../../captures/verdict/report.ts";
import type { RunOverview } from "../../main/api/contract.ts";
import type { Loaded } from "../hooks/use-request.ts";
import { formatFigure, formatOffset } from "../model/time-format.ts";
import { Outcome } from "./outcome.tsx";
import { Status } from "./status.tsx";

/** Leads to an instant, to a packet, or to both. */
export type Goto = (atUs: number | undefined, packetId: number | undefined) => void;

interface VerdictPanelProps {
  readonly request: Loaded<VerdictReport>;
  readonly overview: RunOverview;
  readonly originUs: number;
  readonly onGoto: Goto;
}

export function VerdictPanel({ request, overview, originUs, onGoto }: VerdictPanelProps): ReactElement {
  const report = request.data;
  return (
    <div className="scroll verdict">
      <Status request={request} what="the verdict" />
      {report === undefined ? null : (
        <>
          <p className="verdict-headline">
            <Outcome outcome={report.outcome} /> {report.headline}
          </p>
          {report.promise === undefined ? null : <p className="verdict-promise">{report.promise}</p>}
          <CheckTable checks={report.checks} originUs={originUs} onGoto={onGoto} />
          <FigureTable figures={report.figures} />
        </>
      )}
      <Files overview={overview} />
    </div>
  );
}

function CheckTable({
  checks,
  originUs,
  onGoto,
}: {
  readonly checks: readonly CheckResult[];
  readonly originUs: number;
  readonly onGoto: Goto;
}): ReactElement {
  return (
    <table className="checks">
      <caption>Checks</caption>
      <thead>
        <tr>
          <th scope="col">Outcome</th>
          <th scope="col">Check</th>
          <th scope="col">Found</th>
        </tr>
      </thead>
      <tbody>
        {checks.map((check) => (
          <tr key={check.id}>
            <td>
              <Outcome outcome={check.outcome} />
            </td>
            <th scope="row">
              {check.title}
              <div className="quiet">{check.rule}</div>
            </th>
            <td>
              {check.summary}
              <EvidenceList check={check} originUs={originUs} onGoto={onGoto} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function EvidenceList({
  check,
  originUs,
  onGoto,
}: {
  readonly check: CheckResult;
  readonly originUs: number;
  readonly onGoto: Goto;
}): ReactElement | null {
  if (check.evidence.length === 0) return null;
  const more = check.evidenceTotal - check.evidence.length;
  return (
    <ul className="evidence">
      {check.evidence.map((item, index) => (
        // Evidence has no name of its own; its place in the list is its identity.
        <li key={index}>
          <EvidenceItem item={item} originUs={originUs} onGoto={onGoto} />
        </li>
      ))}
      {more > 0 ? <li className="quiet">and {more} more</li> : null}
    </ul>
  );
}

function EvidenceItem({
  item,
  originUs,
  onGoto,
}: {
  readonly item: Evidence;
  readonly originUs: number;
  readonly onGoto: Goto;
}): ReactElement {
  const { atUs, packetId, host, text } = item;
  const where = [host, packetId === undefined ? undefined : `packet ${packetId}`].filter(
    (part) => part !== undefined,
  );
  const note = where.length === 0 ? "" : ` (${where.join(", ")})`;
  if (atUs === undefined && packetId === undefined) return <span>{text + note}</span>;
  return (
    <button
      type="button"
      className="link"
      onClick={() => {
        onGoto(atUs, packetId);
      }}
    >
      {atUs === undefined ? null : <span className="mono">{formatOffset(atUs - originUs)} </span>}
      {text + note}
    </button>
  );
}

function FigureTable({ figures }: { readonly figures: readonly Figure[] }): ReactElement {
  return (
    <table className="figures">
      <caption>Figures</caption>
      <thead>
        <tr>
          <th scope="col">Figure</th>
          <th scope="col" className="number">
            Value
          </th>
          <th scope="col">Measured</th>
        </tr>
      </thead>
      <tbody>
        {figures.map((figure) => (
          <tr key={figure.id}>
            <th scope="row">{figure.title}</th>
            <td className="mono number nowrap">{formatFigure(figure.value, figure.unit, figure.error)}</td>
            <td className="quiet">{figure.method}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Files({ overview }: { readonly overview: RunOverview }): ReactElement {
  const { files, captures } = overview;
  return (
    <>
      <table className="figures">
        <caption>Captures</caption>
        <thead>
          <tr>
            <th scope="col">Interface</th>
            <th scope="col">Engine, stamps</th>
            <th scope="col">Dropped</th>
          </tr>
        </thead>
        <tbody>
          {captures.map((capture) => (
            <tr key={`${capture.host}:${capture.interfaceName}`}>
              <th scope="row" className="mono">
                {capture.host}:{capture.interfaceName}
              </th>
              <td>
                {capture.engine}, {capture.stampQuality}
                {capture.complete ? "" : " · ! ended early"}
              </td>
              <td>{capture.drops ?? "not known"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <dl className="files">
        <dt>Run file</dt>
        <dd className="mono">{files.sqlite}</dd>
        <dt>For Wireshark</dt>
        <dd className="mono">{files.pcapng}</dd>
      </dl>
    </>
  );
}
