import type { Mark } from "../../../main/api/contract.ts";
import type { Band } from "../../model/failover.ts";
import { placeLabels, wrapText } from "../../model/label-placement.ts";
import { formatDuration, formatOffset } from "../../model/time-format.ts";
import { yAt, type LadderGeometry } from "./geometry.ts";

/** A mark with its line across the lanes and its text in the column to the right. */
export interface MarkLabel {
  /** The first of the marks that it names; several steps of one kind close together share a label. */
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
  loss: 6,
  announced: 5,
  handover: 5,
  takeover: 4,
  recovery: 4,
  solo: 4,
  fenced: 4,
  claim: 3,
  synchronised: 3,
  policy: 2,
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
  takeover: { sign: "▶", word: "takeover" },
  handover: { sign: "⇄", word: "switch-over" },
  recovery: { sign: "↻", word: "recovery" },
  loss: { sign: "▲", word: "loss report" },
  solo: { sign: "◐", word: "alone" },
  claim: { sign: "◇", word: "claim" },
  synchronised: { sign: "≡", word: "synchronised" },
  fenced: { sign: "⊘", word: "fenced" },
  announced: { sign: "!", word: "failure announced" },
  policy: { sign: "§", word: "policy" },
  "association-up": { sign: "●", word: "" },
  "address-confirmed": { sign: "◆", word: "" },
  closed: { sign: "■", word: "" },
  other: { sign: "▪", word: "" },
};

interface MarkGroup {
  readonly marks: readonly Mark[];
  readonly index: number;
  readonly y: number;
}

/** Kinds that come in bursts: their marks share a label when they are this near. */
const BURSTS: ReadonlySet<Mark["kind"]> = new Set(["recovery", "loss", "claim"]);
const BURST_PX = 6;

/** Lines of text for marks that matter and for the others: as many as fit, in this order of trials. */
const TRIALS: readonly (readonly [important: number, other: number])[] = [
  [5, 4],
  [3, 2],
  [2, 1],
];
/** Texts may fill this share of the column before shorter ones are tried: a full one has no place to go. */
const COLUMN_SHARE = 0.9;

export function layoutAnnotations(
  geometry: LadderGeometry,
  marks: readonly Mark[],
  bands: readonly Band[],
  originUs: number,
): Annotations {
  const groups = groupMarks(geometry, marks);
  const room = geometry.bottom - geometry.top;
  for (const [trial, limits] of TRIALS.entries()) {
    const labelled = groups.map((group) => ({
      ...group,
      lines: groupLines(geometry, group, originUs, limits),
    }));
    const wishes = labelled.map(({ marks: [first], index, y, lines }) => ({
      id: String(index),
      y,
      height: lines.length * LINE_HEIGHT + GAP,
      priority: first === undefined ? 0 : PRIORITY[first.kind],
    }));
    const isLast = trial === TRIALS.length - 1;
    const wanted = wishes.reduce((sum, { height }) => sum + height, 0);
    if (!isLast && wanted > room * COLUMN_SHARE) continue;
    const placement = placeLabels(wishes, geometry.top, geometry.bottom);
    const tops = new Map(placement.placed.map(({ id, top }) => [id, top]));
    return { ...nameMarks(labelled, tops), bands: layoutBands(geometry, bands) };
  }
  return { marks: [], unlabelled: [], bands: layoutBands(geometry, bands) };
}

function groupMarks(geometry: LadderGeometry, marks: readonly Mark[]): MarkGroup[] {
  const groups: { marks: Mark[]; index: number; y: number }[] = [];
  for (const [index, mark] of marks.entries()) {
    if (mark.atUs < geometry.view.fromUs || mark.atUs > geometry.view.toUs) continue;
    const y = yAt(geometry, mark.atUs);
    const open = groups.findLast(
      (group) => group.marks[0]?.kind === mark.kind && group.marks[0].host === mark.host,
    );
    if (open !== undefined && BURSTS.has(mark.kind) && y - open.y <= BURST_PX) open.marks.push(mark);
    else groups.push({ marks: [mark], index, y });
  }
  return groups;
}

function nameMarks(
  groups: readonly (MarkGroup & { readonly lines: readonly string[] })[],
  tops: ReadonlyMap<string, number>,
): Pick<Annotations, "marks" | "unlabelled"> {
  const labels: MarkLabel[] = [];
  const unlabelled: { mark: Mark; y: number }[] = [];
  for (const { marks, index, y, lines } of groups) {
    const top = tops.get(String(index));
    const [mark] = marks;
    if (mark === undefined) continue;
    if (top === undefined) unlabelled.push(...marks.map((each) => ({ mark: each, y })));
    else labels.push({ mark, index, y, lines, top, height: lines.length * LINE_HEIGHT });
  }
  return { marks: labels, unlabelled };
}

function groupLines(
  geometry: LadderGeometry,
  { marks }: MarkGroup,
  originUs: number,
  [important, other]: readonly [number, number],
): string[] {
  const [mark] = marks;
  if (mark === undefined) return [];
  const room = geometry.gutterRight - geometry.gutterLeft - 12;
  const maxChars = Math.floor(room / CHAR_WIDTH);
  const maxLines = PRIORITY[mark.kind] >= 4 ? important : other;
  const { sign, word } = MARK_SIGNS[mark.kind];
  const times = marks.length === 1 ? "" : ` ×${marks.length}`;
  const offset = mark.atUs === originUs ? "" : ` ${formatOffset(mark.atUs - originUs)}`;
  // In a narrow column the word goes first: time and host are said nowhere else.
  const short = `${sign}${times}${offset} · ${mark.host}`;
  const long = word === "" ? short : `${sign} ${word}${times}${offset} · ${mark.host}`;
  const headChars = Math.floor(room / BOLD_CHAR_WIDTH);
  const head = long.length <= headChars ? [long] : wrapText(short, headChars, 2);
  const texts =
    marks.length === 1
      ? wrapText(mark.text, maxChars, maxLines)
      : marks
          .slice(0, Math.max(2, maxLines))
          .flatMap(({ text }) => wrapText(text, maxChars, maxLines > 3 ? 2 : 1));
  return [...head, ...texts];
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
