import type { LadderWindow, Lane, Mark } from "../../../main/api/contract.ts";
import { isAssociationWay } from "../../model/packet-kinds.ts";
import { spanUs, type Viewport } from "../../model/viewport.ts";

/** Packets in one slice of the run: by A's address to the left of the middle, by B's to the right. */
export interface OverviewBar {
  readonly y: number;
  readonly height: number;
  readonly viaA: number;
  readonly viaB: number;
}

export interface OverviewLayout {
  readonly width: number;
  readonly height: number;
  /** `viaA` and `viaB` in pixels. */
  readonly bars: readonly OverviewBar[];
  readonly marks: readonly { readonly y: number; readonly kind: Mark["kind"] }[];
}

/** Room above and below, so that the ends of the brush can be grasped. */
const OVERVIEW_MARGIN = 8;

export function overviewY(bounds: Viewport, height: number, atUs: number): number {
  return OVERVIEW_MARGIN + ((atUs - bounds.fromUs) / spanUs(bounds)) * (height - 2 * OVERVIEW_MARGIN);
}

export function layoutOverview(
  whole: LadderWindow,
  marks: readonly Mark[],
  bounds: Viewport,
  width: number,
  height: number,
): OverviewLayout {
  const slices = sliceCounts(whole, Math.max(1, Math.floor((height - 2 * OVERVIEW_MARGIN) / 2)));
  const most = Math.max(1, ...slices.map((slice) => Math.max(slice.viaA, slice.viaB)));
  const half = width / 2 - 3;
  const sliceUs = spanUs(whole) / slices.length;
  const bars = slices.map((slice, index) => {
    const y = overviewY(bounds, height, whole.fromUs + index * sliceUs);
    const end = overviewY(bounds, height, whole.fromUs + (index + 1) * sliceUs);
    return { y, height: end - y, viaA: (slice.viaA / most) * half, viaB: (slice.viaB / most) * half };
  });
  return {
    width,
    height,
    bars,
    marks: marks.map((mark) => ({ y: overviewY(bounds, height, mark.atUs), kind: mark.kind })),
  };
}

export interface Slice {
  viaA: number;
  viaB: number;
}

/** Counts per path in equal slices of time, from a density answer or, for a small run, from the items. */
export function sliceCounts(whole: LadderWindow, wanted: number): Slice[] {
  const given = whole.density[0]?.counts.length ?? 0;
  // A whole number of given slices makes one of ours: anything else shows stripes that are not in the run.
  const merged = Math.max(1, Math.ceil(given / wanted));
  const slices: Slice[] = Array.from({ length: given > 0 ? Math.ceil(given / merged) : wanted }, () => ({
    viaA: 0,
    viaB: 0,
  }));
  const add = (index: number, from: Lane, to: Lane, count: number): void => {
    const slice = slices[Math.min(slices.length - 1, Math.max(0, index))];
    // What goes between the two computers is replication, not traffic of the association.
    if (slice === undefined || !isAssociationWay(from, to)) return;
    slice[isOfB(from) || isOfB(to) ? "viaB" : "viaA"] += count;
  };
  for (const { from, to, counts } of whole.density) {
    for (const [index, count] of counts.entries()) add(Math.floor(index / merged), from, to, count);
  }
  for (const item of whole.transmissions) {
    const share = (item.sentUs - whole.fromUs) / spanUs(whole);
    add(Math.floor(share * slices.length), item.from, item.to, 1);
  }
  return slices;
}

function isOfB(lane: Lane): boolean {
  return lane === "b" || lane === "b-address";
}

/** The instant at a height of the strip: the inverse of `overviewY`. */
export function overviewInstant(bounds: Viewport, height: number, y: number): number {
  return bounds.fromUs + ((y - OVERVIEW_MARGIN) / (height - 2 * OVERVIEW_MARGIN)) * spanUs(bounds);
}
