import { pointer, select, zoom, zoomIdentity, type D3ZoomEvent } from "d3";
import {
  useEffect,
  useRef,
  type Dispatch,
  type KeyboardEvent,
  type PointerEvent,
  type ReactElement,
} from "react";
import { instantAt, yAt, type LadderGeometry } from "../charts/ladder/geometry.ts";
import { scrubInstant } from "../charts/ladder/layout.ts";
import type { Action, RunContext } from "../model/run-state.ts";
import { formatClock, formatOffset } from "../model/time-format.ts";
import { MIN_SPAN_US, spanUs } from "../model/viewport.ts";

interface LadderSurfaceProps {
  readonly geometry: LadderGeometry;
  readonly context: RunContext;
  readonly scrubUs: number;
  /** A packet is under the pointer. */
  readonly pointing: boolean;
  readonly dispatch: Dispatch<Action>;
  readonly onPoint: (x: number, y: number) => void;
  readonly onLeave: () => void;
  readonly onPick: (x: number, y: number, atUs: number) => void;
}

/** What takes wheel, drag, click and the scrubber; the topmost layer. */
export function LadderSurface(props: LadderSurfaceProps): ReactElement {
  const { geometry, context, scrubUs, pointing, dispatch, onPoint, onLeave, onPick } = props;
  const surface = useRef<SVGRectElement>(null);
  useZoom(surface, geometry, context, dispatch);
  const { top, bottom, gutterLeft } = geometry;
  return (
    <svg className="layer surface" width={geometry.width} height={geometry.height}>
      <rect
        ref={surface}
        data-testid="ladder-surface"
        className={pointing ? "zoom-surface pointing" : "zoom-surface"}
        x={0}
        y={top}
        width={gutterLeft - 4}
        height={bottom - top}
        onPointerMove={(event) => {
          if (event.buttons === 0) onPoint(...pointer(event.nativeEvent, event.currentTarget));
        }}
        onPointerLeave={onLeave}
        onClick={(event) => {
          const [x, y] = pointer(event.nativeEvent, event.currentTarget);
          onPick(x, y, scrubInstant(geometry, y));
        }}
      />
      <Scrubber geometry={geometry} context={context} scrubUs={scrubUs} dispatch={dispatch} />
    </svg>
  );
}

/** d3-zoom on the time axis only; the view in the state is the truth, d3's transform follows it. */
function useZoom(
  surface: { readonly current: SVGRectElement | null },
  geometry: LadderGeometry,
  context: RunContext,
  dispatch: Dispatch<Action>,
): void {
  const { bounds } = context;
  const latest = useRef(geometry);
  useEffect(() => {
    latest.current = geometry;
    if (surface.current === null) return;
    const scale = spanUs(bounds) / spanUs(geometry.view);
    const share = (geometry.view.fromUs - bounds.fromUs) / spanUs(bounds);
    const unscaled = geometry.top + share * (geometry.bottom - geometry.top);
    const transform = zoomIdentity.translate(0, geometry.top - scale * unscaled).scale(scale);
    // Set without an event: an event would report our own change back to us.
    select(surface.current).property("__zoom", transform);
  }, [surface, geometry, bounds]);

  useEffect(() => {
    if (surface.current === null) return undefined;
    const behaviour = zoom<SVGRectElement, unknown>()
      .scaleExtent([1, spanUs(bounds) / MIN_SPAN_US])
      .extent(() => [
        [0, latest.current.top],
        [1, latest.current.bottom],
      ])
      .on("zoom", (event: D3ZoomEvent<SVGRectElement, unknown>) => {
        const { top, bottom } = latest.current;
        const instant = (y: number): number =>
          bounds.fromUs + ((event.transform.invertY(y) - top) / (bottom - top)) * spanUs(bounds);
        dispatch({ type: "view", view: { fromUs: instant(top), toUs: instant(bottom) } });
      });
    const target = select(surface.current);
    target.call(behaviour).on("dblclick.zoom", null);
    return () => {
      target.on(".zoom", null);
    };
  }, [surface, bounds, dispatch]);
}

const HANDLE_HEIGHT = 18;
const KEY_STEP_PX = 2;

interface ScrubberProps {
  readonly geometry: LadderGeometry;
  readonly context: RunContext;
  readonly scrubUs: number;
  readonly dispatch: Dispatch<Action>;
}

function Scrubber({ geometry, context, scrubUs, dispatch }: ScrubberProps): ReactElement | null {
  const handle = useRef<SVGGElement>(null);
  const y = yAt(geometry, scrubUs);
  const visible = y >= geometry.top - 1 && y <= geometry.bottom + 1;
  const scrubTo = (height: number): void => {
    dispatch({ type: "scrub", atUs: scrubInstant(geometry, height) });
  };
  const onDrag = (event: PointerEvent<SVGGElement>): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    scrubTo(pointer(event.nativeEvent, event.currentTarget)[1]);
  };
  const onKey = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = { ArrowUp: -1, ArrowDown: 1, PageUp: -20, PageDown: 20 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    dispatch({ type: "scrub", atUs: instantAt(geometry, y + step * KEY_STEP_PX) });
  };
  if (!visible) return null;
  const text = formatOffset(scrubUs - context.originUs);
  return (
    <g
      ref={handle}
      className="scrubber"
      data-testid="scrubber"
      role="slider"
      tabIndex={0}
      aria-label="Instant of the state"
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={Math.round(spanUs(context.bounds))}
      aria-valuenow={Math.round(scrubUs - context.bounds.fromUs)}
      aria-valuetext={`${text}, ${formatClock(scrubUs)} UTC`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={onDrag}
      onKeyDown={onKey}
    >
      <line className="scrub-hit" x1={0} x2={geometry.gutterLeft - 8} y1={y} y2={y} />
      <line className="scrub-line" x1={geometry.bandRight} x2={geometry.gutterLeft - 8} y1={y} y2={y} />
      <path
        className="scrub-handle"
        d={`M1 ${y - HANDLE_HEIGHT / 2} H${geometry.axisX - 5} L${geometry.axisX + 2} ${y} L${geometry.axisX - 5} ${y + HANDLE_HEIGHT / 2} H1 Z`}
      />
      <text className="scrub-text" x={geometry.axisX - 7} y={y + 4}>
        {text}
      </text>
    </g>
  );
}
