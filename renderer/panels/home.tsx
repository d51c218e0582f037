import type { ReactElement } from "react";
import type { DeskLink, RunSummary } from "../../main/api/contract.ts";
import { useRequest } from "../hooks/use-request.ts";
import { formatDay, formatDuration } from "../model/time-format.ts";
import { Outcome } from "./outcome.tsx";
import { Status } from "./status.tsx";

export function Home({ link }: { readonly link: DeskLink }): ReactElement {
  const runs = useRequest(link, "runs.list", {});
  return (
    <main className="home">
      <h1>Runs</h1>
      <Status request={runs} what="the list of runs" />
      {runs.data?.length === 0 ? <NoRuns /> : null}
      {runs.data !== undefined && runs.data.length > 0 ? <RunTable runs={runs.data} /> : null}
    </main>
  );
}

function NoRuns(): ReactElement {
  return (
    <div className="empty">
      <p>There is no run yet.</p>
      <p>
        Type <code>npm run demo</code> in a terminal: it builds a small lab on this machine, kills the primary
        under load and records what happened. It takes under two minutes. Then reload this page.
      </p>
    </div>
  );
}

function RunTable({ runs }: { readonly runs: readonly RunSummary[] }): ReactElement {
  return (
    <table className="runs">
      <thead>
        <tr>
          <th scope="col">Outcome</th>
          <th scope="col">Run</th>
          <th scope="col">Started</th>
          <th scope="col">Length</th>
          <th scope="col">Outside computer</th>
          <th scope="col">In one sentence</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.id}>
            <td>
              <Outcome outcome={run.outcome} />
            </td>
            <td>
              <a href={`#/run/${encodeURIComponent(run.id)}`}>{run.title}</a>
              <div className="quiet mono">{run.id}</div>
            </td>
            <td className="mono nowrap">{formatDay(run.startedUs)}</td>
            <td className="mono nowrap">{formatDuration(run.durationUs)}</td>
            <td>{run.peer}</td>
            <td>{run.headline}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
