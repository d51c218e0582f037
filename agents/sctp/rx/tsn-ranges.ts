import { assert } from "../base/assert.ts";
import type { Tsn } from "../base/serial.ts";
import { tsnLess, tsnLessOrEqual, tsnNext } from "../base/serial.ts";

/**
 * A run of TSNs, both ends included. A list of them is kept in order, without overlap and with a hole
 * between neighbours, so that it is the gap blocks of a SACK (RFC 9260 section 3.3.4). All TSNs of a list
 * lie close together (the receiver takes in none far above the cumulative one), so serial order holds.
 */
export interface TsnRange {
  first: Tsn;
  last: Tsn;
}

/** Index of the first range that ends at `tsn` or later; the length of the list when there is none. */
function rangeAtOrAfter(ranges: readonly TsnRange[], tsn: Tsn): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle];
    if (range !== undefined && tsnLess(range.last, tsn)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function rangesHold(ranges: readonly TsnRange[], tsn: Tsn): boolean {
  const range = ranges[rangeAtOrAfter(ranges, tsn)];
  return range !== undefined && tsnLessOrEqual(range.first, tsn);
}

/** Adds a TSN that is not there yet; closes the hole between two ranges when it was the last one missing. */
export function addToRanges(ranges: TsnRange[], tsn: Tsn): void {
  const at = rangeAtOrAfter(ranges, tsn);
  const before = ranges[at - 1];
  const after = ranges[at];
  assert(after === undefined || tsnLess(tsn, after.first), "a TSN is added once");
  const joinsBefore = before !== undefined && tsnNext(before.last) === tsn;
  const joinsAfter = after !== undefined && tsnNext(tsn) === after.first;
  if (joinsBefore && joinsAfter) {
    before.last = after.last;
    ranges.splice(at, 1);
  } else if (joinsBefore) before.last = tsn;
  else if (joinsAfter) after.first = tsn;
  else ranges.splice(at, 0, { first: tsn, last: tsn });
}

/** The cumulative TSN that follows when everything up to `tsn` counts as received. */
export function cumulativeAfter(ranges: readonly TsnRange[], tsn: Tsn): Tsn {
  const range = ranges[rangeAtOrAfter(ranges, tsnNext(tsn))];
  return range !== undefined && tsnLessOrEqual(range.first, tsnNext(tsn)) ? range.last : tsn;
}

/** Takes out everything up to `tsn`, which ends no range in its middle. */
export function dropRangesUpTo(ranges: TsnRange[], tsn: Tsn): void {
  ranges.splice(0, rangeAtOrAfter(ranges, tsnNext(tsn)));
}
