/** Offsets from the cumulative TSN, both ends included. */
export interface GapRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The gap blocks of a SACK in ascending order, joined, and cut to `1..highest`, the offsets that are
 * outstanding. A peer may send them in any order and overlapping, which would cost us much for little.
 */
export function gapRanges(blocks: readonly GapRange[], highest: number): GapRange[] {
  const sane = blocks.filter((block) => block.start >= 1 && block.start <= Math.min(block.end, highest));
  sane.sort((a, b) => a.start - b.start);
  const ranges: { start: number; end: number }[] = [];
  for (const { start, end } of sane) {
    const last = ranges.at(-1);
    const cut = Math.min(end, highest);
    if (last !== undefined && start <= last.end + 1) last.end = Math.max(last.end, cut);
    else ranges.push({ start, end: cut });
  }
  return ranges;
}
