/** The part of a run that a chart shows, in microseconds since the Unix epoch. */
export interface Viewport {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Below this, microsecond stamps no longer separate anything. */
export const MIN_SPAN_US = 200;

export function spanUs(view: Viewport): number {
  return view.toUs - view.fromUs;
}

/** Moves and shortens `view` until it lies inside `bounds` and spans at least `MIN_SPAN_US`. */
export function clampViewport(view: Viewport, bounds: Viewport): Viewport {
  const widest = Math.max(MIN_SPAN_US, spanUs(bounds));
  const span = Math.min(widest, Math.max(MIN_SPAN_US, spanUs(view)));
  const latestStart = Math.max(bounds.fromUs, bounds.toUs - span);
  const fromUs = Math.min(Math.max(view.fromUs, bounds.fromUs), latestStart);
  return { fromUs, toUs: fromUs + span };
}

/** `factor` below 1 shows less time (zooms in); the instant `anchorUs` keeps its place on the screen. */
export function zoomAt(view: Viewport, factor: number, anchorUs: number, bounds: Viewport): Viewport {
  const span = Math.min(Math.max(spanUs(view) * factor, MIN_SPAN_US), Math.max(MIN_SPAN_US, spanUs(bounds)));
  const share = spanUs(view) === 0 ? 0.5 : (anchorUs - view.fromUs) / spanUs(view);
  const fromUs = anchorUs - share * span;
  return clampViewport({ fromUs, toUs: fromUs + span }, bounds);
}

export function panBy(view: Viewport, deltaUs: number, bounds: Viewport): Viewport {
  return clampViewport({ fromUs: view.fromUs + deltaUs, toUs: view.toUs + deltaUs }, bounds);
}

/** Same zoom, with `atUs` in the middle as far as the bounds allow. */
export function centreOn(view: Viewport, atUs: number, bounds: Viewport): Viewport {
  const half = spanUs(view) / 2;
  return clampViewport({ fromUs: atUs - half, toUs: atUs + half }, bounds);
}

/** Leaves `view` alone where `atUs` is comfortably inside it, else centres on it. */
export function reveal(view: Viewport, atUs: number, bounds: Viewport): Viewport {
  const margin = spanUs(view) * 0.05;
  const inside = atUs >= view.fromUs + margin && atUs <= view.toUs - margin;
  return inside ? view : centreOn(view, atUs, bounds);
}
