import { useCallback, useEffect, useMemo, useReducer, useRef, type ReactElement } from "react";
import type { DeskLink, RunOverview } from "../../main/api/contract.ts";
import { useReplay } from "../hooks/use-replay.ts";
import { useRequest } from "../hooks/use-request.ts";
import { commandFor } from "../model/keys.ts";
import { initialState, reduceRun, runContext, type Action, type RunState } from "../model/run-state.ts";
import { spanUs } from "../model/viewport.ts";
import { Details } from "./details.tsx";
import { KeySheet } from "./key-sheet.tsx";
import { LadderPanel } from "./ladder-panel.tsx";
import { RunHeader } from "./run-header.tsx";
import { Splitter } from "./splitter.tsx";
import { Status } from "./status.tsx";

interface RunScreenProps {
  readonly link: DeskLink;
  readonly runId: string;
  readonly theme: "light" | "dark";
}

export function RunScreen({ link, runId, theme }: RunScreenProps): ReactElement {
  const overview = useRequest(link, "run.open", { runId });
  if (overview.data !== undefined) return <RunView link={link} overview={overview.data} theme={theme} />;
  return (
    <main className="home">
      <Status request={overview} what="the run" />
      {overview.failure === undefined ? null : <a href="#/">Back to the list of runs</a>}
    </main>
  );
}

/** A replay crosses the view in this many seconds. */
const REPLAY_SECONDS = 8;

interface RunViewProps {
  readonly link: DeskLink;
  readonly overview: RunOverview;
  readonly theme: "light" | "dark";
}

function RunView({ link, overview, theme }: RunViewProps): ReactElement {
  const context = useMemo(() => runContext(overview), [overview]);
  const [state, dispatch] = useReducer(
    (old: RunState, action: Action) => reduceRun(context, old, action),
    context,
    initialState,
  );
  const filterInput = useRef<HTMLInputElement>(null);
  useKeys(dispatch, filterInput);
  const onReplayFrame = useCallback((aheadUs: number) => {
    dispatch({ type: "replay", aheadUs });
  }, []);
  useReplay(state.playing, spanUs(state.view) / REPLAY_SECONDS, onReplayFrame);
  const verdict = useRequest(link, "run.verdict", { runId: overview.run.id });

  return (
    <main className="run">
      <RunHeader overview={overview} context={context} verdict={verdict.data} />
      <div className="run-body">
        <LadderPanel
          link={link}
          overview={overview}
          context={context}
          state={state}
          dispatch={dispatch}
          theme={theme}
        />
        <Splitter />
        <Details
          link={link}
          overview={overview}
          context={context}
          state={state}
          dispatch={dispatch}
          verdict={verdict}
          filterInput={filterInput}
        />
      </div>
      {state.keySheet ? (
        <KeySheet
          onClose={() => {
            dispatch({ type: "command", command: "key-sheet" });
          }}
        />
      ) : null}
    </main>
  );
}

function useKeys(
  dispatch: (action: Action) => void,
  filterInput: { readonly current: HTMLInputElement | null },
): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      const target = event.target instanceof Element ? event.target : undefined;
      const command = commandFor(event);
      if (command === undefined || event.defaultPrevented) return;
      const typing = target?.closest("input, select, textarea") !== null && target !== undefined;
      if (typing && command !== "escape") return;
      // Space on a button presses it.
      if (command === "replay" && target?.closest("button, a")) return;
      event.preventDefault();
      dispatch({ type: "command", command });
      if (command === "escape" && typing) filterInput.current?.blur();
      if (command === "filter") requestAnimationFrame(() => filterInput.current?.focus());
    };
    globalThis.addEventListener("keydown", onKeyDown);
    return () => {
      globalThis.removeEventListener("keydown", onKeyDown);
    };
  }, [dispatch, filterInput]);
}
