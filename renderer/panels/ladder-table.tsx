import type { Dispatch, ReactElement } from "react";
import type { LadderWindow, RunOverview } from "../../main/api/contract.ts";
import { sliceCounts } from "../charts/overview/layout.ts";
import { laneTitle } from "../model/packet-kinds.ts";
import type { Action, RunContext } from "../model/run-state.ts";
import { formatDuration, formatOffset } from "../model/time-format.ts";
import { spanUs, type Viewport } from "../model/viewport.ts";

/** More rows than a person reads, few enough to draw without paging. */
const MAX_ROWS = 500;
const SLICES = 40;

interface LadderTableProps {
  readonly overview: RunOverview;
  readonly ladder: LadderWindow | undefined;
  readonly context: RunContext;
  readonly view: Viewport;
  readonly dispatch: Dispatch<Action>;
}

/** The ladder for keyboard and screen reader: the same facts as rows. */
export function LadderTable({ overview, ladder, context, view, dispatch }: LadderTableProps): ReactElement {
  const { originUs } = context;
  const marks = context.marks.filter((mark) => mark.atUs >= view.fromUs && mark.atUs <= view.toUs);
  return (
    <div className="scroll as-table">
      <table>
        <caption>Marks in view</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Host</th>
            <th scope="col">Mark</th>
          </tr>
        </thead>
        <tbody>
          {marks.map((mark) => (
            <tr key={`${mark.atUs} ${mark.kind} ${mark.text}`}>
              <td className="mono">
                <button
                  type="button"
                  className="link"
                  onClick={() => {
                    dispatch({ type: "scrub", atUs: mark.atUs });
                  }}
                >
                  {formatOffset(mark.atUs - originUs)}
                </button>
              </td>
              <td>{mark.host}</td>
              <td>{mark.text}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ServiceRows overview={overview} view={view} originUs={originUs} />
      {ladder === undefined ? null : <LagRows ladder={ladder} view={view} originUs={originUs} />}
      {ladder === undefined ? null : ladder.exact ? (
        <>
          <PacketRows ladder={ladder} view={view} originUs={originUs} dispatch={dispatch} />
          <ReplicationRows ladder={ladder} view={view} originUs={originUs} />
        </>
      ) : (
        <DensityRows ladder={ladder} originUs={originUs} />
      )}
    </div>
  );
}

/** Who served in the view, and the leases that were acknowledged meanwhile. */
function ServiceRows({
  overview,
  view,
  originUs,
}: {
  readonly overview: RunOverview;
  readonly view: Viewport;
  readonly originUs: number;
}): ReactElement {
  const services = overview.services.filter(({ fromUs, toUs }) => toUs >= view.fromUs && fromUs <= view.toUs);
  const leases = overview.leases.filter(({ atUs }) => atUs >= view.fromUs && atUs <= view.toUs);
  return (
    <>
      <table>
        <caption>Who served</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Instance</th>
            <th scope="col">Epoch</th>
          </tr>
        </thead>
        <tbody>
          {services.map(({ host, epoch, fromUs, toUs, began }) => (
            <tr key={epoch}>
              <td className="mono nowrap">{formatOffset(fromUs - originUs)}</td>
              <td className="mono nowrap">{formatOffset(toUs - originUs)}</td>
              <td>{host}</td>
              <td>
                {epoch}
                {began === "start" ? "" : ` (by ${began})`}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {leases.length === 0 ? null : (
        <table>
          <caption>Leases: {shown(leases.length)}</caption>
          <thead>
            <tr>
              <th scope="col">Acknowledged</th>
              <th scope="col">Instance</th>
              <th scope="col">TSNs below</th>
            </tr>
          </thead>
          <tbody>
            {leases.slice(0, MAX_ROWS).map(({ atUs, host, limitTsn }) => (
              <tr key={`${atUs} ${limitTsn}`}>
                <td className="mono nowrap">{formatOffset(atUs - originUs)}</td>
                <td>{host}</td>
                <td className="mono">{limitTsn}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** The replication lag in view: the worst of it, and where it was never made up for. */
function LagRows({ ladder, view, originUs }: RowsProps): ReactElement | null {
  const slices = ladder.lag.filter(({ fromUs, toUs }) => toUs >= view.fromUs && fromUs <= view.toUs);
  if (slices.length === 0) return null;
  const worst = slices.toSorted((one, other) => other.lagUs - one.lagUs).slice(0, WORST_LAGS);
  return (
    <table>
      <caption>Replication lag: the worst {worst.length} slices in view</caption>
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">Lag</th>
          <th scope="col">Outcome</th>
        </tr>
      </thead>
      <tbody>
        {worst.map(({ fromUs, lagUs, lost }) => (
          <tr key={fromUs}>
            <td className="mono nowrap">{formatOffset(fromUs - originUs)}</td>
            <td className="mono">{formatDuration(lagUs)}</td>
            <td>{lost ? "✕ never held" : "held later"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const WORST_LAGS = 10;

type RowsProps = { readonly ladder: LadderWindow; readonly view: Viewport; readonly originUs: number };

function shown(total: number): string {
  return total > MAX_ROWS ? `first ${MAX_ROWS} of ${total} in view` : `${total} in view`;
}

function PacketRows({
  ladder,
  view,
  originUs,
  dispatch,
}: RowsProps & { readonly dispatch: Dispatch<Action> }): ReactElement {
  const items = ladder.transmissions.filter((item) => item.sentUs >= view.fromUs && item.sentUs <= view.toUs);
  return (
    <table>
      <caption>Packets: {shown(items.length)}</caption>
      <thead>
        <tr>
          <th scope="col">Sent</th>
          <th scope="col">From → to</th>
          <th scope="col">Transit</th>
          <th scope="col">Packet</th>
        </tr>
      </thead>
      <tbody>
        {items.slice(0, MAX_ROWS).map((item) => (
          <tr key={item.id}>
            <td className="mono nowrap">
              <button
                type="button"
                className="link"
                onClick={() => {
                  dispatch({
                    type: "select",
                    selection: { packetId: item.packetId, atUs: item.sentUs, source: "elsewhere" },
                  });
                }}
              >
                {formatOffset(item.sentUs - originUs)}
              </button>
            </td>
            <td>
              {laneTitle(item.from)} → {laneTitle(item.to)}
            </td>
            <td className="mono nowrap">
              {item.receivedUs === undefined ? "✕ lost" : formatDuration(item.receivedUs - item.sentUs)}
            </td>
            <td>
              {item.label}
              {item.repeats === undefined ? "" : " (retransmission)"}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function ReplicationRows({ ladder, view, originUs }: RowsProps): ReactElement {
  const items = ladder.replications.filter((item) => item.madeUs >= view.fromUs && item.madeUs <= view.toUs);
  return (
    <table>
      <caption>Replication: {shown(items.length)}</caption>
      <thead>
        <tr>
          <th scope="col">Made</th>
          <th scope="col">From → to</th>
          <th scope="col">Held after</th>
          <th scope="col">Known after</th>
          <th scope="col">Updates</th>
        </tr>
      </thead>
      <tbody>
        {items.slice(0, MAX_ROWS).map((item) => (
          <tr key={`${item.madeUs} ${item.firstSequence}`}>
            <td className="mono nowrap">{formatOffset(item.madeUs - originUs)}</td>
            <td>
              {laneTitle(item.from ?? "a")} → {laneTitle(item.to ?? "b")}
            </td>
            <td className="mono">
              {item.heldUs === undefined ? "✕ never" : formatDuration(item.heldUs - item.madeUs)}
            </td>
            <td className="mono">
              {item.ackedUs === undefined ? "✕ never" : formatDuration(item.ackedUs - item.madeUs)}
            </td>
            <td>
              {item.firstSequence === item.lastSequence
                ? item.firstSequence
                : `${item.firstSequence} to ${item.lastSequence}`}{" "}
              {item.label}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function DensityRows({
  ladder,
  originUs,
}: {
  readonly ladder: LadderWindow;
  readonly originUs: number;
}): ReactElement {
  const slices = sliceCounts(ladder, SLICES);
  const sliceUs = spanUs(ladder) / slices.length;
  return (
    <table>
      <caption>Packets in equal slices of {formatDuration(sliceUs)}; zoom in for single packets</caption>
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">By A's address</th>
          <th scope="col">By B's address</th>
        </tr>
      </thead>
      <tbody>
        {slices.map((slice, index) => (
          <tr key={index}>
            <td className="mono">{formatOffset(ladder.fromUs + index * sliceUs - originUs)}</td>
            <td className="mono">{slice.viaA}</td>
            <td className="mono">{slice.viaB}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
