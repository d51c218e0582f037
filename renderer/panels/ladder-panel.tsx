import { useMemo, useState, type Dispatch, type ReactElement } from "react";
import type { DeskLink, LadderWindow, RunOverview, Transmission } from "../../main/api/contract.ts";
import { useRequest } from "../hooks/use-request.ts";
import type { Command } from "../model/keys.ts";
import { LADDER_LIMIT, nextLadderRequest } from "../model/ladder-window.ts";
import { PACKET_KINDS } from "../model/packet-kinds.ts";
import type { Action, RunContext, RunState } from "../model/run-state.ts";
import { formatCount, formatDuration } from "../model/time-format.ts";
import { spanUs } from "../model/viewport.ts";
import { LadderChart } from "./ladder-chart.tsx";
import { LadderTable } from "./ladder-table.tsx";
import { OverviewStrip } from "./overview-strip.tsx";
import { Status } from "./status.tsx";

interface LadderPanelProps {
  readonly link: DeskLink;
  readonly overview: RunOverview;
  readonly context: RunContext;
  readonly state: RunState;
  readonly dispatch: Dispatch<Action>;
  readonly theme: "light" | "dark";
}

export function LadderPanel(props: LadderPanelProps): ReactElement {
  const { link, overview, context, state, dispatch, theme } = props;
  const { ladder, request } = useLadder(link, overview.run.id, context, state);
  return (
    <section className="ladder" aria-label="Ladder timeline">
      <Toolbar state={state} dispatch={dispatch} />
      <Legend hidden={state.hidden} dispatch={dispatch} note={viewNote(state, ladder)} />
      <Status request={request} what="packets" />
      <div className="ladder-body">
        <OverviewStrip
          link={link}
          runId={overview.run.id}
          context={context}
          view={state.view}
          dispatch={dispatch}
          theme={theme}
        />
        {state.asTable ? (
          <LadderTable
            overview={overview}
            ladder={ladder}
            context={context}
            view={state.view}
            dispatch={dispatch}
          />
        ) : (
          <LadderChart
            overview={overview}
            context={context}
            state={state}
            ladder={ladder}
            dispatch={dispatch}
            theme={theme}
          />
        )}
      </div>
    </section>
  );
}

/** The newest window of packets, and the request for a better one where the view asks for it. */
function useLadder(
  link: DeskLink,
  runId: string,
  context: RunContext,
  state: RunState,
): { ladder: LadderWindow | undefined; request: ReturnType<typeof useRequest<"run.ladder">> } {
  const [cached, setCached] = useState<LadderWindow | undefined>(undefined);
  const wanted = useMemo(
    () => nextLadderRequest(cached, state.view, context.bounds, LADDER_LIMIT),
    [cached, state.view, context.bounds],
  );
  const request = useRequest(
    link,
    "run.ladder",
    wanted === undefined ? undefined : { runId, ...wanted, limit: LADDER_LIMIT },
  );
  if (request.data !== undefined && request.data !== cached) setCached(request.data);
  return { ladder: cached, request };
}

const BUTTONS: readonly { readonly command: Command; readonly title: string; readonly key: string }[] = [
  { command: "focus", title: "Failover", key: "F" },
  { command: "jump", title: "Fault", key: "J" },
  { command: "whole-run", title: "Whole run", key: "0" },
  { command: "zoom-in", title: "+", key: "W" },
  { command: "zoom-out", title: "−", key: "S" },
];

function Toolbar({
  state,
  dispatch,
}: {
  readonly state: RunState;
  readonly dispatch: Dispatch<Action>;
}): ReactElement {
  const button = (command: Command, title: string, key: string, pressed?: boolean): ReactElement => (
    <button
      key={command}
      type="button"
      {...(pressed === undefined ? {} : { "aria-pressed": pressed })}
      onClick={() => {
        dispatch({ type: "command", command });
      }}
    >
      {title} <kbd>{key}</kbd>
    </button>
  );
  return (
    <div className="toolbar" role="toolbar" aria-label="Ladder">
      {BUTTONS.map(({ command, title, key }) => button(command, title, key))}
      {button("replay", state.playing ? "Stop" : "Replay", "Space", state.playing)}
      {button("as-table", "As table", "T", state.asTable)}
    </div>
  );
}

function viewNote(state: RunState, ladder: LadderWindow | undefined): string {
  const span = `${formatDuration(spanUs(state.view))} in view`;
  return ladder === undefined || ladder.exact
    ? span
    : `${span}, ${formatCount(ladder.total)} events as counts`;
}

interface LegendProps {
  readonly hidden: ReadonlySet<Transmission["kind"]>;
  readonly dispatch: Dispatch<Action>;
  readonly note: string;
}

function Legend({ hidden, dispatch, note }: LegendProps): ReactElement {
  return (
    <div className="legend" role="group" aria-label="Kinds of packets; press one to hide it">
      {PACKET_KINDS.map(({ kind, title, glyph }) => (
        <button
          key={kind}
          type="button"
          className={`kind kind-${kind}`}
          aria-pressed={!hidden.has(kind)}
          title={hidden.has(kind) ? `Show ${title}` : `Hide ${title}`}
          onClick={() => {
            dispatch({ type: "toggle-kind", kind });
          }}
        >
          <span aria-hidden="true">{glyph}</span> {title}
        </button>
      ))}
      <span className="spacer" />
      <span className="quiet" data-testid="view-span">
        {note}
      </span>
      <span className="legend-signs">
        <span>
          <i className="sign-repeat" /> retransmission
        </span>
        <span>
          <b className="sign-lost" aria-hidden="true">
            ✕
          </b>{" "}
          lost on its way
        </span>
        <span>
          <i className="sign-replication" /> replication
        </span>
        <span>
          <i className="sign-lag" /> lag
        </span>
        <span>
          <b className="sign-lease" aria-hidden="true">
            ◇
          </b>{" "}
          lease
        </span>
        <span>
          <i className="sign-primary" /> serves, by epoch
        </span>
      </span>
    </div>
  );
}
