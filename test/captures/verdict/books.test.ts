import { describe, expect, test } from "vitest";
import { HeldThrough, readHeldBooks } from "../../../captures/verdict/books.ts";
import type { Tenure } from "../../../captures/verdict/tenures.ts";
import { HistoryBuilder } from "../../support/history-builder.ts";

const tenure: Tenure = { host: "a", epoch: 1, fromUs: 0, began: "start", reported: true };

/** TSNs 100 and 101 came; a FORWARD TSN passed over 102 to 104; 105 came. */
function passedOver(skipped: boolean): HeldThrough {
  const run = new HistoryBuilder();
  const update = (at: number, sequence: number, change: string, tsn: number) => ({
    kind: "update" as const,
    act: "held" as const,
    host: "b",
    epoch: 1,
    bytes: "",
    at,
    sequence,
    change,
    tsn,
  });
  const updates = [
    update(10, 1, "dataReceived", 100),
    update(20, 2, "dataReceived", 101),
    ...(skipped ? [update(30, 3, "dataSkipped", 104)] : []),
    update(40, 4, "dataReceived", 105),
  ];
  const books = readHeldBooks({ ...run.history(), updates }, "b", tenure, false);
  return new HeldThrough(100, books.received);
}

describe("what the holder held up to a cumulative TSN", () => {
  test("includes what a FORWARD TSN passed over, from when that was held", () => {
    const held = passedOver(true);
    expect(held.lookUp(101)).toMatchObject({ at: 20, sequence: 2 });
    expect(held.lookUp(104)).toMatchObject({ at: 30, sequence: 3 });
    expect(held.lookUp(105)).toMatchObject({ at: 40, sequence: 4 });
  });

  test("ends at the first TSN that never came", () => {
    const held = passedOver(false);
    expect(held.lookUp(101)).toMatchObject({ at: 20 });
    expect(held.lookUp(105)).toBe(undefined);
  });
});
