import { axisLeft, scaleLinear, select } from "d3";
import { useEffect, useRef, type ReactElement } from "react";
import type { Lane, RunOverview } from "../../main/api/contract.ts";
import { LABEL_LINE_HEIGHT, type Annotations } from "../charts/ladder/annotations.ts";
import type { LadderGeometry } from "../charts/ladder/geometry.ts";
import type { LagBand } from "../charts/ladder/layout.ts";
import { hostOfLane } from "../model/packet-kinds.ts";
import type { RunContext } from "../model/run-state.ts";
import { formatDuration, formatTick } from "../model/time-format.ts";
import { EpochTags, LeaseMarks, LifeLine } from "./life-lines.tsx";

interface SceneryProps {
  readonly geometry: LadderGeometry;
  readonly overview: RunOverview;
  readonly context: RunContext;
  readonly annotations: Annotations;
}

/** Below the packets: shaded phases of the failover and the life lines. */
export function LadderBackdrop({
  geometry,
  overview,
  annotations,
}: Omit<SceneryProps, "context">): ReactElement {
  const right = geometry.gutterLeft - 8;
  return (
    <svg className="layer" width={geometry.width} height={geometry.height} aria-hidden="true">
      {annotations.bands.map(({ band, top, bottom }) => (
        <rect
          key={band.id}
          className={`band band-${band.id}`}
          x={geometry.bandLeft}
          y={top}
          width={right - geometry.bandLeft}
          height={Math.max(1, bottom - top)}
        />
      ))}
      {geometry.lanes.map(({ lane }) => (
        <LifeLine key={lane} lane={lane} geometry={geometry} overview={overview} />
      ))}
    </svg>
  );
}

/** Above the packets: lane titles, the time axis, names of phases and marks. */
export function LadderFront({
  geometry,
  overview,
  context,
  annotations,
  lag,
  scrubUs,
}: SceneryProps & { readonly lag: LagBand | undefined; readonly scrubUs: number }): ReactElement {
  return (
    <svg className="layer front" width={geometry.width} height={geometry.height} aria-hidden="true">
      <LaneTitles geometry={geometry} overview={overview} />
      <TimeAxis geometry={geometry} originUs={context.originUs} scrubUs={scrubUs} />
      <LeaseMarks geometry={geometry} overview={overview} />
      <BandTexts geometry={geometry} annotations={annotations} />
      <MarkTexts geometry={geometry} annotations={annotations} />
      <LagText lag={lag} />
      <EpochTags geometry={geometry} overview={overview} />
    </svg>
  );
}

/** Lanes nearer than this leave no room for "A's address". */
const ROOM_FOR_TITLE_PX = 72;
const ROOM_FOR_SHORT_TITLE_PX = 56;
const ADDRESS_CHAR_PX = 6.1;

function LaneTitles({ geometry, overview }: Pick<SceneryProps, "geometry" | "overview">): ReactElement {
  const { laneX } = geometry;
  const step = laneX.a - laneX["a-address"];
  const address = (lane: Lane): string => {
    if (lane === "a" || lane === "b" || lane === "keeper") return "";
    return overview.hosts.find((host) => host.name === hostOfLane(lane))?.outsideAddress ?? "";
  };
  const left = laneX["a-address"] - step * 0.45;
  const right = laneX["b-address"] + step * 0.45;
  return (
    <g className="lane-titles">
      {laneX.peer2 === laneX.peer ? null : (
        <path
          className="bracket"
          d={`M${laneX.peer2 - step * 0.35} 20 V15 H${laneX.peer + step * 0.35} V20`}
        />
      )}
      <text className="bracket-text on-bracket" x={(laneX.peer2 + laneX.peer) / 2} y={11}>
        {laneX.peer2 === laneX.peer ? "outside" : "outside cluster"}
      </text>
      <path className="bracket" d={`M${left} 20 V15 H${right} V20`} />
      <text className="bracket-text on-bracket" x={(left + right) / 2} y={11}>
        cluster: one SCTP endpoint
      </text>
      {geometry.lanes.map(({ lane, title }) => (
        <g key={lane}>
          <text className="lane-title" x={laneX[lane]} y={31}>
            {shortTitle(title, step)}
          </text>
          <text className="lane-address" x={laneX[lane]} y={42}>
            {address(lane).length * ADDRESS_CHAR_PX > step ? "" : address(lane)}
          </text>
        </g>
      ))}
    </g>
  );
}

/** How far the holder was behind at its worst in view: the band itself has no scale. */
function LagText({ lag }: { readonly lag: LagBand | undefined }): ReactElement | null {
  if (lag?.most === undefined) return null;
  const { lagUs, x, y, outward } = lag.most;
  return (
    <text className="lag-text" x={x + outward * 3} y={y + 4} textAnchor={outward === 1 ? "start" : "end"}>
      lag {formatDuration(lagUs)}
    </text>
  );
}

function shortTitle(title: string, roomPx: number): string {
  if (roomPx >= ROOM_FOR_TITLE_PX) return title;
  return title.replace("'s address", roomPx < ROOM_FOR_SHORT_TITLE_PX ? " addr" : "'s addr.");
}

const TICK_DISTANCE_PX = 58;
/** The handle of the scrubber says the time itself: a tick's text beneath it would only be half readable. */
const TICK_CLEARANCE_PX = 15;

function TimeAxis({
  geometry,
  originUs,
  scrubUs,
}: {
  readonly geometry: LadderGeometry;
  readonly originUs: number;
  readonly scrubUs: number;
}): ReactElement {
  const group = useRef<SVGGElement>(null);
  useEffect(() => {
    if (group.current === null) return;
    const { view, top, bottom } = geometry;
    const scale = scaleLinear([view.fromUs - originUs, view.toUs - originUs], [top, bottom]);
    const wanted = Math.max(2, Math.round((bottom - top) / TICK_DISTANCE_PX));
    const ticks = scale.ticks(wanted);
    const stepUs = (ticks[1] ?? 1) - (ticks[0] ?? 0);
    const scrubY = scale(scrubUs - originUs);
    const axis = axisLeft(scale)
      .tickValues(ticks)
      .tickFormat((value) => {
        const covered = Math.abs(scale(Number(value)) - scrubY) < TICK_CLEARANCE_PX;
        return covered ? "" : formatTick(Number(value), stepUs);
      });
    select(group.current).call(axis);
  }, [geometry, originUs, scrubUs]);
  return <g ref={group} className="time-axis" transform={`translate(${geometry.axisX},0)`} />;
}

function BandTexts({ geometry, annotations }: Pick<SceneryProps, "geometry" | "annotations">): ReactElement {
  return (
    <g className="band-texts">
      {annotations.bands.map(({ band, top, bottom, labelTop, lines }) => (
        <g key={band.id} className={`band-${band.id}`}>
          <rect
            className="band-edge"
            x={geometry.bandLeft}
            y={top}
            width={4}
            height={Math.max(2, bottom - top)}
          />
          <path
            className="leader"
            d={`M${geometry.bandLeft + 4} ${(top + bottom) / 2} L${geometry.bandLeft + 12} ${labelTop + 14}`}
          />
          {lines.map((line, index) => (
            <text
              key={line}
              className={index === 0 ? "band-title" : "band-duration"}
              x={geometry.bandLeft + 15}
              y={labelTop + 11 + index * LABEL_LINE_HEIGHT}
            >
              {line}
            </text>
          ))}
        </g>
      ))}
    </g>
  );
}

function MarkTexts({ geometry, annotations }: Pick<SceneryProps, "geometry" | "annotations">): ReactElement {
  const left = geometry.bandRight;
  const right = geometry.gutterLeft - 8;
  return (
    <g className="mark-texts">
      {annotations.marks.map(({ mark, index, y, top, height, lines }) => (
        <g key={index} className={`mark mark-${mark.kind}`}>
          <title>{mark.text}</title>
          <line className="mark-line" x1={left} x2={right} y1={y} y2={y} />
          <path className="leader" d={`M${right} ${y} L${geometry.gutterLeft + 2} ${top + height / 2 + 1}`} />
          <rect className="mark-bar" x={geometry.gutterLeft + 2} y={top + 1} width={3} height={height} />
          {lines.map((line, number) => (
            <text
              key={number}
              className={number === 0 ? "mark-head" : "mark-body"}
              x={geometry.gutterLeft + 10}
              y={top + 11 + number * LABEL_LINE_HEIGHT}
            >
              {line}
            </text>
          ))}
        </g>
      ))}
      {annotations.unlabelled.map(({ mark, y }) => (
        <line
          key={`${mark.atUs} ${mark.text}`}
          className={`mark-line mark-${mark.kind}`}
          x1={left}
          x2={right}
          y1={y}
          y2={y}
        />
      ))}
      {annotations.unlabelled.length > 0 ? (
        <text className="mark-more" x={geometry.gutterRight} y={42}>
          {`+ ${annotations.unlabelled.length} more marks: zoom in, or T`}
        </text>
      ) : null}
    </g>
  );
}
