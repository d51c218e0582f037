import type { Dispatch, ReactElement } from "react";
import type { LadderWindow } from "../../main/api/contract.ts";
import { sliceCounts } from "../charts/overview/layout.ts";
import { laneTitle } from "../model/packet-kinds.ts";
import type { Action, RunContext } from "../model/run-state.ts";
import { formatDuration, formatOffset } from "../model/time-format.ts";
import { spanUs, type Viewport } from "../model/viewport.ts";

/** More rows than a person reads, few enough to draw without paging. */
const MAX_ROWS = 500;
const SLICES = 40;

interface LadderTableProps {
  readonly ladder: LadderWindow | undefined;
  readonly context: RunContext;
  readonly view: Viewport;
  readonly dispatch: Dispatch<Action>;
}

/** The ladder for keyboard and screen reader: the same facts as rows. */
export function LadderTable({ ladder, context, view, dispatch }: LadderTableProps): ReactElement {
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
          <th scope="col">Made on A</th>
          <th scope="col">Held by B after</th>
          <th scope="col">Known to A after</th>
          <th scope="col">Updates</th>
        </tr>
      </thead>
      <tbody>
        {items.slice(0, MAX_ROWS).map((item) => (
          <tr key={item.firstSequence}>
            <td className="mono nowrap">{formatOffset(item.madeUs - originUs)}</td>
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
