import {
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  type Dispatch,
  type ReactElement,
  type RefObject,
} from "react";
import type { LadderWindow, RunOverview } from "../../main/api/contract.ts";
import { prepareCanvas } from "../charts/canvas.ts";
import { layoutAnnotations } from "../charts/ladder/annotations.ts";
import { drawHighlights, drawLadder } from "../charts/ladder/draw.ts";
import { ladderGeometry } from "../charts/ladder/geometry.ts";
import { hitPacket, layoutLadder, type LadderLayout, type PacketLine } from "../charts/ladder/layout.ts";
import { readPalette } from "../charts/palette.ts";
import { useSize } from "../hooks/use-size.ts";
import { failoverBands } from "../model/failover.ts";
import { hostOfLane, lanesOf } from "../model/packet-kinds.ts";
import type { Action, RunContext, RunState, Selection } from "../model/run-state.ts";
import { LadderBackdrop, LadderFront } from "./ladder-scenery.tsx";
import { LadderSurface } from "./ladder-surface.tsx";
import { LadderTooltip } from "./ladder-tooltip.tsx";

interface LadderChartProps {
  readonly overview: RunOverview;
  readonly context: RunContext;
  readonly state: RunState;
  readonly ladder: LadderWindow | undefined;
  readonly dispatch: Dispatch<Action>;
  readonly theme: "light" | "dark";
}

/** How far from a line the pointer still means it. */
const REACH_PX = 6;

interface Hover {
  readonly line: PacketLine;
  readonly x: number;
  readonly y: number;
}

export function LadderChart(props: LadderChartProps): ReactElement {
  const { overview, context, state, ladder, dispatch, theme } = props;
  const box = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(box);
  const lanes = useMemo(() => lanesOf(overview.hosts), [overview.hosts]);
  const geometry = useMemo(
    () => ladderGeometry(width, height, state.view, lanes),
    [width, height, state.view, lanes],
  );
  const layout = useMemo(
    () =>
      ladder === undefined ? undefined : layoutLadder(ladder, geometry, state.hidden, overview.services),
    [ladder, geometry, state.hidden, overview.services],
  );
  const annotations = useMemo(
    () => layoutAnnotations(geometry, context.marks, failoverBands(context.failover), context.originUs),
    [geometry, context],
  );
  const { hover, onPoint, onLeave, onPick } = usePointing(layout, dispatch);
  const selectedLine = useMemo(
    () => findSelected(layout, state.selected, overview),
    [layout, state.selected, overview],
  );
  const { base, overlay } = useCanvases(layout, [selectedLine, hover?.line], width, height, theme);

  return (
    <div ref={box} className="ladder-chart">
      {width === 0 || height === 0 ? null : (
        <>
          <LadderBackdrop geometry={geometry} overview={overview} annotations={annotations} />
          <canvas
            ref={base}
            className="layer"
            data-testid="ladder-canvas"
            role="img"
            aria-label={describe(ladder)}
          />
          <canvas ref={overlay} className="layer" aria-hidden="true" />
          <LadderFront
            geometry={geometry}
            overview={overview}
            context={context}
            annotations={annotations}
            lag={layout?.lag}
            scrubUs={state.scrubUs}
          />
          <LadderSurface
            geometry={geometry}
            context={context}
            scrubUs={state.scrubUs}
            pointing={hover !== undefined}
            dispatch={dispatch}
            onPoint={onPoint}
            onLeave={onLeave}
            onPick={onPick}
          />
          {hover === undefined ? null : (
            <LadderTooltip hover={hover} layout={layout} geometry={geometry} originUs={context.originUs} />
          )}
        </>
      )}
    </div>
  );
}

interface Pointing {
  readonly hover: Hover | undefined;
  readonly onPoint: (x: number, y: number) => void;
  readonly onLeave: () => void;
  readonly onPick: (x: number, y: number, atUs: number) => void;
}

/** What lies under the pointer; a click chooses it, a click on nothing moves the scrubber there. */
function usePointing(layout: LadderLayout | undefined, dispatch: Dispatch<Action>): Pointing {
  const [hover, setHover] = useState<Hover | undefined>(undefined);
  const onPoint = useCallback(
    (x: number, y: number) => {
      const line = layout === undefined ? undefined : hitPacket(layout, x, y, REACH_PX);
      setHover(line === undefined ? undefined : { line, x, y });
    },
    [layout],
  );
  const onLeave = useCallback(() => {
    setHover(undefined);
  }, []);
  const onPick = useCallback(
    (x: number, y: number, atUs: number) => {
      const line = layout === undefined ? undefined : hitPacket(layout, x, y, REACH_PX);
      if (line === undefined) {
        dispatch({ type: "select", selection: undefined });
        dispatch({ type: "scrub", atUs });
        return;
      }
      const { packetId, sentUs } = line.transmission;
      dispatch({ type: "select", selection: { packetId, atUs: sentUs, source: "elsewhere" } });
    },
    [layout, dispatch],
  );
  return { hover, onPoint, onLeave, onPick };
}

interface Canvases {
  readonly base: RefObject<HTMLCanvasElement | null>;
  readonly overlay: RefObject<HTMLCanvasElement | null>;
}

/** All packets on one canvas, what is pointed at on another above it: pointing repaints only the second. */
function useCanvases(
  layout: LadderLayout | undefined,
  [selected, hovered]: readonly [PacketLine | undefined, PacketLine | undefined],
  width: number,
  height: number,
  theme: "light" | "dark",
): Canvases {
  const base = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = base.current;
    const drawing = canvas === null ? undefined : prepareCanvas(canvas, width, height);
    if (canvas === null || drawing === undefined || layout === undefined) return;
    drawLadder(drawing, layout, readPalette(canvas));
  }, [layout, width, height, theme]);
  useEffect(() => {
    const canvas = overlay.current;
    const drawing = canvas === null ? undefined : prepareCanvas(canvas, width, height);
    if (canvas === null || drawing === undefined || layout === undefined) return;
    const lines = [selected, hovered].filter((line) => line !== undefined);
    drawHighlights(drawing, layout, readPalette(canvas), lines);
  }, [layout, selected, hovered, width, height, theme]);
  return { base, overlay };
}

function describe(ladder: LadderWindow | undefined): string {
  if (ladder === undefined) return "Ladder of packets, loading";
  const what = ladder.exact
    ? `${ladder.transmissions.length} packets, ${ladder.replications.length} replications`
    : `counts of ${ladder.total} events`;
  return `Ladder of packets between the peer, A and B over time: ${what}. Press T for a table.`;
}

/**
 * A transmission knows the observation at its sender. One chosen in the table at the receiving end is
 * found by host and instant.
 */
function findSelected(
  layout: LadderLayout | undefined,
  selected: Selection | undefined,
  overview: RunOverview,
): PacketLine | undefined {
  if (layout === undefined || selected === undefined) return undefined;
  const hosts = new Set(overview.hosts.map((host) => host.name));
  return (
    layout.packets.find((line) => line.transmission.packetId === selected.packetId) ??
    layout.packets.find(
      (line) => line.transmission.receivedUs === selected.atUs && hosts.has(hostOfLane(line.transmission.to)),
    )
  );
}
