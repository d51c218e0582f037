import { brushY, select, type D3BrushEvent } from "d3";
import { useEffect, useMemo, useRef, type Dispatch, type ReactElement } from "react";
import type { DeskLink } from "../../main/api/contract.ts";
import { prepareCanvas } from "../charts/canvas.ts";
import { drawOverview } from "../charts/overview/draw.ts";
import { layoutOverview, overviewInstant, overviewY } from "../charts/overview/layout.ts";
import { readPalette } from "../charts/palette.ts";
import { useRequest } from "../hooks/use-request.ts";
import { useSize } from "../hooks/use-size.ts";
import type { Action, RunContext } from "../model/run-state.ts";
import type { Viewport } from "../model/viewport.ts";

interface OverviewStripProps {
  readonly link: DeskLink;
  readonly runId: string;
  readonly context: RunContext;
  readonly view: Viewport;
  readonly dispatch: Dispatch<Action>;
  readonly theme: "light" | "dark";
}

/** The brush must stay visible and graspable when the view is a thousandth of the run. */
const MIN_BRUSH_PX = 5;
/** So small that the desk answers with counts. */
const COUNTS_ONLY = 1;

/** The whole run at a glance, with a brush for the part that the ladder shows. */
export function OverviewStrip({
  link,
  runId,
  context,
  view,
  dispatch,
  theme,
}: OverviewStripProps): ReactElement {
  const { bounds, marks } = context;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = useSize(box);
  const whole = useRequest(link, "run.ladder", {
    runId,
    fromUs: Math.floor(bounds.fromUs),
    toUs: Math.ceil(bounds.toUs),
    limit: COUNTS_ONLY,
  });
  const layout = useMemo(
    () =>
      whole.data === undefined || height === 0
        ? undefined
        : layoutOverview(whole.data, marks, bounds, width, height),
    [whole.data, marks, bounds, width, height],
  );
  useEffect(() => {
    const target = canvas.current;
    const drawing = target === null ? undefined : prepareCanvas(target, width, height);
    if (target !== null && drawing !== undefined && layout !== undefined)
      drawOverview(drawing, layout, readPalette(target));
  }, [layout, width, height, theme]);
  return (
    <div className="overview-column">
      <div className="overview-title" aria-hidden="true">
        <span>A</span> run <span>B</span>
      </div>
      <div ref={box} className="overview" data-testid="overview">
        <canvas
          ref={canvas}
          className="layer"
          role="img"
          aria-label={`Packets over the whole run, by A's and by B's address.${whole.failure ?? ""}`}
        />
        {height > 0 ? (
          <Brush bounds={bounds} view={view} width={width} height={height} dispatch={dispatch} />
        ) : null}
      </div>
    </div>
  );
}

interface BrushProps {
  readonly bounds: Viewport;
  readonly view: Viewport;
  readonly width: number;
  readonly height: number;
  readonly dispatch: Dispatch<Action>;
}

function Brush({ bounds, view, width, height, dispatch }: BrushProps): ReactElement {
  const group = useRef<SVGGElement>(null);
  const behaviour = useMemo(
    () =>
      brushY<unknown>().extent([
        [0, 0],
        [width, height],
      ]),
    [width, height],
  );
  useEffect(() => {
    if (group.current === null) return;
    const target = select<SVGGElement, unknown>(group.current);
    behaviour.on("brush end", (event: D3BrushEvent<unknown>) => {
      // Only a person's gesture has a source; our own move below has none.
      if (event.sourceEvent === null || event.sourceEvent === undefined || event.selection === null) return;
      const [from, to] = event.selection as [number, number];
      if (to - from < 2) return;
      dispatch({
        type: "view",
        view: { fromUs: overviewInstant(bounds, height, from), toUs: overviewInstant(bounds, height, to) },
      });
    });
    target.call(behaviour);
  }, [behaviour, bounds, height, dispatch]);
  useEffect(() => {
    if (group.current === null) return;
    const from = overviewY(bounds, height, view.fromUs);
    const to = overviewY(bounds, height, view.toUs);
    const grow = Math.max(0, MIN_BRUSH_PX - (to - from)) / 2;
    select<SVGGElement, unknown>(group.current).call(behaviour.move, [
      Math.max(0, from - grow),
      Math.min(height, to + grow),
    ]);
  }, [behaviour, bounds, view, height]);
  return (
    <svg className="layer surface" width={width} height={height} aria-hidden="true">
      <g ref={group} className="brush" />
    </svg>
  );
}
