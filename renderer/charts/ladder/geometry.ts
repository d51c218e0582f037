import type { Lane } from "../../../main/api/contract.ts";
import { LANES, type LaneTitle } from "../../model/packet-kinds.ts";
import { spanUs, type Viewport } from "../../model/viewport.ts";

/** Where everything stands in the ladder, in CSS pixels. Time runs downward. */
export interface LadderGeometry {
  readonly width: number;
  readonly height: number;
  /** The plot between the lane titles and the bottom edge. */
  readonly top: number;
  readonly bottom: number;
  /** Right end of the time axis. */
  readonly axisX: number;
  /** Column in which the phases of the failover are named. */
  readonly bandLeft: number;
  readonly bandRight: number;
  readonly lanes: readonly LaneTitle[];
  /** A lane that is not drawn lies between its neighbours. */
  readonly laneX: Readonly<Record<Lane, number>>;
  /** Column in which marks are named. */
  readonly gutterLeft: number;
  readonly gutterRight: number;
  readonly view: Viewport;
}

const AXIS_WIDTH = 74;
const BAND_WIDTH = 86;
const GUTTER_SHARE = 0.285;
const MIN_GUTTER = 100;
const MAX_GUTTER = 236;
const LANE_MARGIN_LEFT = 26;
const LANE_MARGIN_RIGHT = 36;
const MIN_LANE_STEP = 60;
const TOP = 46;
const BOTTOM_MARGIN = 8;

export function ladderGeometry(
  width: number,
  height: number,
  view: Viewport,
  lanes: readonly LaneTitle[] = LANES,
): LadderGeometry {
  const bandLeft = AXIS_WIDTH + 4;
  const bandRight = bandLeft + BAND_WIDTH;
  const gutterRight = width - 6;
  // On a narrow screen the names of marks give way first, the lanes last.
  const spare =
    gutterRight - bandRight - LANE_MARGIN_LEFT - LANE_MARGIN_RIGHT - (lanes.length - 1) * MIN_LANE_STEP;
  const gutterWidth = Math.max(MIN_GUTTER, Math.min(MAX_GUTTER, width * GUTTER_SHARE, spare));
  const gutterLeft = gutterRight - gutterWidth;
  const firstLane = bandRight + LANE_MARGIN_LEFT;
  const lastLane = Math.max(firstLane + 4, gutterLeft - LANE_MARGIN_RIGHT);
  const step = (lastLane - firstLane) / (lanes.length - 1);
  const placed = new Map(lanes.map(({ lane }, index) => [lane, firstLane + index * step]));
  const xOf = (lane: Lane): number => placed.get(lane) ?? firstLane;
  const [a, b] = [xOf("a"), xOf("b")];
  const laneX: Record<Lane, number> = {
    peer2: placed.get("peer2") ?? xOf("peer"),
    peer: xOf("peer"),
    "a-address": xOf("a-address"),
    a,
    keeper: placed.get("keeper") ?? (a + b) / 2,
    b,
    "b-address": xOf("b-address"),
  };
  return {
    width,
    height,
    top: TOP,
    bottom: Math.max(TOP + 1, height - BOTTOM_MARGIN),
    axisX: AXIS_WIDTH,
    bandLeft,
    bandRight,
    lanes,
    laneX,
    gutterLeft,
    gutterRight,
    view,
  };
}

export function yAt(geometry: LadderGeometry, atUs: number): number {
  const share = (atUs - geometry.view.fromUs) / spanUs(geometry.view);
  return geometry.top + share * (geometry.bottom - geometry.top);
}

export function instantAt(geometry: LadderGeometry, y: number): number {
  const share = (y - geometry.top) / (geometry.bottom - geometry.top);
  return geometry.view.fromUs + share * spanUs(geometry.view);
}
