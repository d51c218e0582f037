import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  centreOn,
  clampViewport,
  MIN_SPAN_US,
  panBy,
  reveal,
  spanUs,
  zoomAt,
  type Viewport,
} from "../../renderer/model/viewport.ts";

const bounds: Viewport = { fromUs: 1_000_000, toUs: 21_000_000 };

const anyView = fc
  .tuple(fc.integer({ min: 0, max: 30_000_000 }), fc.integer({ min: 1, max: 30_000_000 }))
  .map(([fromUs, span]): Viewport => ({ fromUs, toUs: fromUs + span }));

function expectInside(view: Viewport): void {
  expect(view.fromUs).toBeGreaterThanOrEqual(bounds.fromUs);
  expect(view.toUs).toBeLessThanOrEqual(bounds.toUs + 1e-6);
  expect(spanUs(view)).toBeGreaterThanOrEqual(MIN_SPAN_US - 1e-6);
}

describe("viewport", () => {
  it("stays inside the run whatever is asked", () => {
    fc.assert(
      fc.property(
        anyView,
        fc.double({ min: 0.001, max: 1_000, noNaN: true }),
        fc.integer(),
        (view, factor, delta) => {
          expectInside(clampViewport(view, bounds));
          expectInside(zoomAt(clampViewport(view, bounds), factor, view.fromUs, bounds));
          expectInside(panBy(view, delta, bounds));
          expectInside(centreOn(view, delta, bounds));
        },
      ),
    );
  });

  it("keeps the instant under the pointer in place while zooming", () => {
    const view = { fromUs: 5_000_000, toUs: 7_000_000 };
    const zoomed = zoomAt(view, 0.5, 5_500_000, bounds);
    expect(zoomed).toEqual({ fromUs: 5_250_000, toUs: 6_250_000 });
  });

  it("keeps its span when it meets an end of the run", () => {
    expect(panBy({ fromUs: 19_000_000, toUs: 20_000_000 }, 5_000_000, bounds)).toEqual({
      fromUs: 20_000_000,
      toUs: 21_000_000,
    });
  });

  it("moves only for an instant that is not in comfortable sight", () => {
    const view = { fromUs: 5_000_000, toUs: 6_000_000 };
    expect(reveal(view, 5_500_000, bounds)).toBe(view);
    expect(reveal(view, 9_000_000, bounds)).toEqual({ fromUs: 8_500_000, toUs: 9_500_000 });
  });
});
