import type { Tsn } from "../base/serial.ts";
import { tsnDistance, tsnLess, tsnNext } from "../base/serial.ts";
import type { TsnRange } from "../rx/tsn-ranges.ts";
import type { AssociationCore } from "./core.ts";

/**
 * Reports what may have been lost, in order, with neighbours as one. `base` is a TSN below all of them. A TSN carries a
 * part of one message at most.
 */
export function reportRanges(
  core: AssociationCore,
  direction: "inbound" | "outbound",
  base: Tsn,
  ranges: readonly TsnRange[],
): void {
  const joined: TsnRange[] = [];
  for (const { first, last } of ranges.toSorted(
    (a, b) => tsnDistance(base, a.first) - tsnDistance(base, b.first),
  )) {
    const before = joined.at(-1);
    if (before === undefined || tsnLess(tsnNext(before.last), first)) joined.push({ first, last });
    else if (tsnLess(before.last, last)) before.last = last;
  }
  for (const { first, last } of joined) {
    const messagesAtMost = tsnDistance(first, last) + 1;
    core.notify({ type: "loss-report", direction, firstTsn: first, lastTsn: last, messagesAtMost });
  }
}
