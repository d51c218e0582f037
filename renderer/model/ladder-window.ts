import type { LadderWindow } from "../../main/api/contract.ts";
import { spanUs, type Viewport } from "./viewport.ts";

/** More items than this come as counts; below it the exact glyphs draw within a frame or two. */
export const LADDER_LIMIT = 8_000;

/** Fetched on either side of the view, so that a small pan needs nothing new. */
const PADDING_SHARE = 0.25;
/** Zooming this far into a density answer asks for finer slices. */
const REFINE_RATIO = 3;

/** What to ask the desk for next, or undefined while `cached` is good enough for `view`. */
export function nextLadderRequest(
  cached: LadderWindow | undefined,
  view: Viewport,
  bounds: Viewport,
  limit: number,
): Viewport | undefined {
  const padded = pad(view, bounds);
  if (cached === undefined) return padded;
  const wanted = within(view, bounds);
  const covered = cached.fromUs <= wanted.fromUs && cached.toUs >= wanted.toUs;
  if (!covered) return padded;
  if (cached.exact) return undefined;
  if (spanUs(cached) > spanUs(wanted) && estimateCount(cached, wanted) <= limit) return wanted;
  return spanUs(cached) > spanUs(wanted) * REFINE_RATIO ? padded : undefined;
}

function within(view: Viewport, bounds: Viewport): Viewport {
  return {
    fromUs: Math.floor(Math.max(view.fromUs, bounds.fromUs)),
    toUs: Math.ceil(Math.min(view.toUs, bounds.toUs)),
  };
}

function pad(view: Viewport, bounds: Viewport): Viewport {
  const extra = spanUs(view) * PADDING_SHARE;
  return within({ fromUs: view.fromUs - extra, toUs: view.toUs + extra }, bounds);
}

/** How many items of a density answer fall into `view`, slices that straddle an edge counted in full. */
export function estimateCount(cached: LadderWindow, view: Viewport): number {
  let count = 0;
  for (const lane of cached.density) {
    const sliceUs = spanUs(cached) / Math.max(1, lane.counts.length);
    for (const [index, inSlice] of lane.counts.entries()) {
      const fromUs = cached.fromUs + index * sliceUs;
      if (fromUs < view.toUs && fromUs + sliceUs > view.fromUs) count += inSlice;
    }
  }
  return count;
}
