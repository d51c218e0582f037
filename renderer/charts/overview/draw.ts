import type { Palette } from "../palette.ts";
import type { OverviewLayout } from "./layout.ts";

/** Density bars on both sides of the middle, the marks across both on top. */
export function drawOverview(
  context: CanvasRenderingContext2D,
  layout: OverviewLayout,
  palette: Palette,
): void {
  const middle = layout.width / 2;
  for (const bar of layout.bars) {
    context.fillStyle = palette.pathA;
    context.fillRect(middle - bar.viaA, bar.y, bar.viaA, bar.height);
    context.fillStyle = palette.pathB;
    context.fillRect(middle, bar.y, bar.viaB, bar.height);
  }
  for (const mark of layout.marks) {
    const strong = mark.kind === "fault";
    context.fillStyle = strong ? palette.fault : palette.text;
    context.globalAlpha = strong ? 1 : 0.6;
    context.fillRect(1, mark.y - (strong ? 1 : 0.5), layout.width - 2, strong ? 2 : 1);
  }
  context.globalAlpha = 1;
}
