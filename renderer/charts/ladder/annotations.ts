import type { Mark } from "../../../main/api/contract.ts";
import type { Band } from "../../model/failover.ts";
import { ellipsis, placeLabels, wrapText } from "../../model/label-placement.ts";
import { formatDuration, formatOffset } from "../../model/time-format.ts";
import { yAt, type LadderGeometry } from "./geometry.ts";

/** A mark with its line across the lanes and its text in the column to the right. */
export interface MarkLabel {
  readonly mark: Mark;
  readonly index: number;
  readonly y: number;
  readonly top: number;
  readonly height: number;
  readonly lines: readonly string[];
}

export interface BandLabel {
  readonly band: Band;
  readonly top: number;
  readonly bottom: number;
  readonly labelTop: number;
  readonly lines: readonly string[];
}

export interface Annotations {
  readonly marks: readonly MarkLabel[];
  /** Marks in view whose text found no room; their lines are drawn all the same. */
  readonly unlabelled: readonly { readonly mark: Mark; readonly y: number }[];
  readonly bands: readonly BandLabel[];
}

const LINE_HEIGHT = 14;
const GAP = 7;
/** Average width of a character of the 11.5 px interface font. */
const CHAR_WIDTH = 6.3;
const BOLD_CHAR_WIDTH = 6.9;

const PRIORITY: Readonly<Record<Mark["kind"], number>> = {
  fault: 6,
  "first-packet": 5,
  restored: 5,
  detected: 5,
  "association-up": 3,
  closed: 3,
  "address-confirmed": 2,
  other: 1,
};

/** Sign before the text, so that the kind shows without colour. */
const MARK_SIGNS: Readonly<Record<Mark["kind"], { readonly sign: string; readonly word: string }>> = {
  fault: { sign: "✕", word: "fault" },
  detected: { sign: "◉", word: "detected" },
  "first-packet": { sign: "➤", word: "first packet" },
  restored: { sign: "✓", word: "restored" },
  "association-up": { sign: "●", word: "" },
  "address-confirmed": { sign: "◆", word: "" },
  closed: { sign: "■", word: "" },
  other: { sign: "▪", word: "" },
};

export function layoutAnnotations(
  geometry: LadderGeometry,
  marks: readonly Mark[],
  bands: readonly Band[],
  originUs: number,
): Annotations {
  const inView = marks.flatMap((mark, index) =>
    mark.atUs >= geometry.view.fromUs && mark.atUs <= geometry.view.toUs
      ? [{ mark, index, y: yAt(geometry, mark.atUs), lines: markLines(geometry, mark, originUs) }]
      : [],
  );
  const placement = placeLabels(
    inView.map(({ mark, index, y, lines }) => ({
      id: String(index),
      y,
      height: lines.length * LINE_HEIGHT + GAP,
      priority: PRIORITY[mark.kind],
    })),
    geometry.top,
    geometry.bottom,
  );
  const tops = new Map(placement.placed.map(({ id, top }) => [id, top]));
  const labels: MarkLabel[] = [];
  const unlabelled: { mark: Mark; y: number }[] = [];
  for (const item of inView) {
    const top = tops.get(String(item.index));
    if (top === undefined) unlabelled.push({ mark: item.mark, y: item.y });
    else labels.push({ ...item, top, height: item.lines.length * LINE_HEIGHT });
  }
  return { marks: labels, unlabelled, bands: layoutBands(geometry, bands) };
}

function markLines(geometry: LadderGeometry, mark: Mark, originUs: number): string[] {
  const room = geometry.gutterRight - geometry.gutterLeft - 12;
  const maxChars = Math.floor(room / CHAR_WIDTH);
  const { sign, word } = MARK_SIGNS[mark.kind];
  const offset = mark.atUs === originUs ? "" : ` ${formatOffset(mark.atUs - originUs)}`;
  const head = `${sign}${word === "" ? "" : ` ${word}`}${offset} · ${mark.host}`;
  return [
    ellipsis(head, Math.floor(room / BOLD_CHAR_WIDTH)),
    ...wrapText(mark.text, maxChars, PRIORITY[mark.kind] >= 5 ? 2 : 1),
  ];
}

function layoutBands(geometry: LadderGeometry, bands: readonly Band[]): BandLabel[] {
  const inView = bands.filter(
    (band) => band.toUs >= geometry.view.fromUs && band.fromUs <= geometry.view.toUs,
  );
  const shapes = inView.map((band) => ({
    band,
    top: Math.max(geometry.top, yAt(geometry, band.fromUs)),
    bottom: Math.min(geometry.bottom, yAt(geometry, band.toUs)),
    lines: [band.title, formatDuration(band.toUs - band.fromUs)],
  }));
  const placement = placeLabels(
    shapes.map((shape, index) => ({
      id: String(index),
      y: (shape.top + shape.bottom) / 2,
      height: shape.lines.length * LINE_HEIGHT + GAP,
      priority: 1,
    })),
    geometry.top,
    geometry.bottom,
  );
  const tops = new Map(placement.placed.map(({ id, top }) => [id, top]));
  return shapes.map((shape, index) => ({ ...shape, labelTop: tops.get(String(index)) ?? shape.top }));
}

/** Height of one line of a label, for drawing it. */
export const LABEL_LINE_HEIGHT: number = LINE_HEIGHT;
