import type { Transmission } from "../../../main/api/contract.ts";
import { compactLabel } from "../../model/label-placement.ts";
import { isAssociationWay, isOutsideLane } from "../../model/packet-kinds.ts";
import type { Palette } from "../palette.ts";
import type { LadderGeometry } from "./geometry.ts";
import type { DensityBar, LadderLayout, PacketLine } from "./layout.ts";

/** Room that one packet needs before arrow heads, glyphs and texts are drawn, in pixels. */
const ARROW_SPACING = 3;
const GLYPH_SPACING = 7;
/** Text beside the cross of a lost packet. */
const LOST_TEXT_CHARS = 26;

/** How far a batch is drawn that nobody held. */
const LOST_REPLICATION_SHARE = 0.3;

const RARE: ReadonlySet<Transmission["kind"]> = new Set(["setup", "shutdown", "abort", "heartbeat", "other"]);

type Context = CanvasRenderingContext2D;

/** Draws the packets and the replication into a cleared canvas; axes, lanes and texts are SVG above it. */
export function drawLadder(context: Context, layout: LadderLayout, palette: Palette): void {
  const { geometry } = layout;
  context.save();
  clipToPlot(context, geometry);
  drawLag(context, layout, palette);
  if (layout.exact) {
    drawReplications(context, layout, palette);
    drawPackets(context, layout, palette);
  } else drawBars(context, layout, palette);
  context.restore();
}

function clipToPlot(context: Context, geometry: LadderGeometry): void {
  const { bandRight, top, gutterLeft, bottom } = geometry;
  context.beginPath();
  context.rect(bandRight, top, gutterLeft - bandRight, bottom - top);
  context.clip();
}

function drawBars(context: Context, layout: LadderLayout, palette: Palette): void {
  for (const bar of layout.bars) {
    const towardPeer = isOutsideLane(bar.to);
    context.fillStyle = barColour(bar, palette);
    context.globalAlpha = towardPeer ? 0.55 : 0.85;
    context.fillRect(bar.x, bar.y, bar.width, bar.height + 0.5);
  }
  context.globalAlpha = 1;
}

function barColour(bar: DensityBar, palette: Palette): string {
  if (!isAssociationWay(bar.from, bar.to)) return palette.replication;
  return bar.from === "b-address" || bar.to === "b-address" ? palette.pathB : palette.pathA;
}

/** In the colour of replication; of what is lost where it never was held. */
function drawLag(context: Context, { lag }: LadderLayout, palette: Palette): void {
  context.globalAlpha = 0.45;
  for (const { x, y, width, height, lost } of lag.bars) {
    context.fillStyle = lost ? palette.lost : palette.replication;
    context.fillRect(x, y, width, height + 0.5);
  }
  context.globalAlpha = 1;
}

function drawReplications(context: Context, layout: LadderLayout, palette: Palette): void {
  const room = (layout.geometry.bottom - layout.geometry.top) / Math.max(1, layout.replications.length);
  const alpha = crowdAlpha(room);
  context.strokeStyle = palette.replication;
  context.fillStyle = palette.replication;
  context.lineWidth = 1;
  for (const line of layout.replications) {
    const end = line.heldY ?? line.y1 + 4;
    context.globalAlpha = alpha;
    // Not half way: the keeper's lane may be there, and it was not sent to that.
    const broken = line.x1 + (line.x2 - line.x1) * LOST_REPLICATION_SHARE;
    stroke(context, line.x1, line.y1, line.heldY === undefined ? broken : line.x2, end);
    if (line.heldY === undefined) cross(context, broken, end, palette.lost);
    else if (room >= ARROW_SPACING) arrowHead(context, line.x1, line.y1, line.x2, line.heldY);
    if (line.heldY !== undefined && line.ackedY !== undefined && room >= GLYPH_SPACING) {
      context.globalAlpha = alpha * 0.5;
      context.setLineDash([1, 3]);
      stroke(context, line.x2, line.heldY, line.x1, line.ackedY);
      context.setLineDash([]);
    }
  }
  context.globalAlpha = 1;
}

/** Crowded lines are thin veils, sparse ones are strong. */
function crowdAlpha(spacing: number): number {
  return Math.min(0.95, Math.max(0.3, spacing / 2.5));
}

function drawPackets(context: Context, layout: LadderLayout, palette: Palette): void {
  const common: PacketLine[] = [];
  const rare: PacketLine[] = [];
  for (const line of layout.packets) {
    (line.lost || line.repeated || RARE.has(line.transmission.kind) ? rare : common).push(line);
  }
  const alpha = crowdAlpha(layout.spacing);
  for (const line of common) drawPacket(context, line, layout, palette, alpha, 1);
  // Rare packets come last and at full strength: they are what the reader looks for.
  for (const line of rare) drawPacket(context, line, layout, palette, 1, 1.5);
  context.globalAlpha = 1;
}

function drawPacket(
  context: Context,
  line: PacketLine,
  layout: LadderLayout,
  palette: Palette,
  alpha: number,
  width: number,
): void {
  const colour = palette.kinds[line.transmission.kind];
  context.globalAlpha = alpha;
  context.strokeStyle = colour;
  context.fillStyle = colour;
  context.lineWidth = width;
  context.setLineDash(line.repeated ? [6, 4] : []);
  stroke(context, line.x1, line.y1, line.x2, line.y2);
  context.setLineDash([]);
  if (line.lost) cross(context, line.x2, line.y2, palette.lost);
  else if (layout.spacing >= ARROW_SPACING) arrowHead(context, line.x1, line.y1, line.x2, line.y2);
  if (layout.spacing >= GLYPH_SPACING) glyph(context, line);
  if (layout.withText.has(line)) text(context, line, palette);
}

function stroke(context: Context, x1: number, y1: number, x2: number, y2: number): void {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

function arrowHead(context: Context, x1: number, y1: number, x2: number, y2: number): void {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  const size = 6;
  context.beginPath();
  context.moveTo(x2, y2);
  context.lineTo(x2 - size * Math.cos(angle - 0.4), y2 - size * Math.sin(angle - 0.4));
  context.lineTo(x2 - size * Math.cos(angle + 0.4), y2 - size * Math.sin(angle + 0.4));
  context.closePath();
  context.fill();
}

function cross(context: Context, x: number, y: number, colour: string): void {
  context.strokeStyle = colour;
  context.globalAlpha = 1;
  context.lineWidth = 2;
  stroke(context, x - 4, y - 4, x + 4, y + 4);
  stroke(context, x - 4, y + 4, x + 4, y - 4);
}

/** The sign of the packet's kind, a little after its start: the same signs as in the legend. */
function glyph(context: Context, line: PacketLine): void {
  const x = line.x1 + (line.x2 - line.x1) * 0.12;
  const y = line.y1 + (line.y2 - line.y1) * 0.12;
  const size = 3;
  context.lineWidth = 1.2;
  context.beginPath();
  switch (line.transmission.kind) {
    case "data":
      context.arc(x, y, size, 0, Math.PI * 2);
      context.fill();
      return;
    case "sack":
      context.arc(x, y, size, 0, Math.PI * 2);
      context.stroke();
      return;
    case "heartbeat":
      polygon(context, [x, y - 4, x + 4, y, x, y + 4, x - 4, y]);
      return;
    case "setup":
      context.fillRect(x - size, y - size, size * 2, size * 2);
      return;
    case "shutdown":
      polygon(context, [x - 4, y - 3, x + 4, y - 3, x, y + 4]);
      return;
    case "abort":
      stroke(context, x - size, y - size, x + size, y + size);
      stroke(context, x - size, y + size, x + size, y - size);
      return;
    case "other":
      polygon(context, [x - 4, y + 3, x + 4, y + 3, x, y - 4]);
  }
}

function polygon(context: Context, points: readonly number[]): void {
  context.beginPath();
  for (let index = 0; index < points.length; index += 2) {
    context.lineTo(points[index] ?? 0, points[index + 1] ?? 0);
  }
  context.closePath();
  context.fill();
}

function text(context: Context, line: PacketLine, palette: Palette): void {
  context.font = "10.5px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  context.fillStyle = palette.text;
  context.globalAlpha = 1;
  if (line.lost) {
    // Beyond the cross nothing is drawn, and the line itself is too short for a text.
    const right = line.x2 >= line.x1;
    context.textAlign = right ? "left" : "right";
    context.textBaseline = "middle";
    context.fillText(
      compactLabel(line.transmission.label, LOST_TEXT_CHARS),
      line.x2 + (right ? 8 : -8),
      line.y2,
    );
    return;
  }
  const room = Math.abs(line.x2 - line.x1) - 6;
  const maxChars = Math.floor(room / context.measureText("m").width);
  context.textAlign = "center";
  context.textBaseline = "bottom";
  context.save();
  context.translate((line.x1 + line.x2) / 2, (line.y1 + line.y2) / 2 - 1);
  // The text follows its line, and never stands on its head.
  const slope = Math.atan2(line.y2 - line.y1, line.x2 - line.x1);
  context.rotate(Math.abs(slope) > Math.PI / 2 ? slope + Math.PI : slope);
  context.fillText(compactLabel(line.transmission.label, maxChars), 0, 0);
  context.restore();
}

/** The packet under the pointer and the selected one, each tied to the first copy of what it repeats. */
export function drawHighlights(
  context: Context,
  layout: LadderLayout,
  palette: Palette,
  lines: readonly PacketLine[],
): void {
  context.save();
  clipToPlot(context, layout.geometry);
  const strong = { ...layout, spacing: GLYPH_SPACING };
  for (const line of lines) {
    const { repeats } = line.transmission;
    const original = repeats === undefined ? undefined : layout.firstCopies.get(repeats);
    context.lineWidth = 7;
    context.globalAlpha = 0.35;
    context.strokeStyle = palette.selection;
    stroke(context, line.x1, line.y1, line.x2, line.y2);
    drawPacket(context, line, strong, palette, 1, 2.5);
    if (original !== undefined) drawPacket(context, original, strong, palette, 1, 2.5);
    if (repeats !== undefined) drawLink(context, line, original, layout.geometry.top, palette);
  }
  context.restore();
}

/** A dotted arc from a first copy to its repetition; up and out of the picture where the copy is not at hand. */
function drawLink(
  context: Context,
  line: PacketLine,
  original: PacketLine | undefined,
  top: number,
  palette: Palette,
): void {
  const from = original ?? { x1: line.x1, y1: top - 40 };
  const bow = 26;
  context.strokeStyle = palette.selection;
  context.globalAlpha = 1;
  context.lineWidth = 2;
  context.setLineDash([3, 3]);
  context.beginPath();
  context.moveTo(from.x1, from.y1);
  context.bezierCurveTo(from.x1 - bow, from.y1, line.x1 - bow, line.y1, line.x1, line.y1);
  context.stroke();
  context.setLineDash([]);
}
