import { expect, test } from "vitest";
import { allTotals } from "../../main/lab/job/drain.ts";

const down = { association: 7, flow: "down", streamId: 0, sent: 324 } as const;
const up = { flow: "up", streamId: 0, sent: 257 } as const;

test("the echoes that an outside program counts are not a second flow beside those that it owes", () => {
  const counted = { flow: "echo", streamId: 0, sent: 258 } as const;
  const owed = { ...down, flow: "echo" };
  expect(allTotals([down], [up, counted], true)).toEqual([down, up, owed]);
});

test("who takes and sends nothing back owes no echo", () => {
  expect(allTotals([down], [up], false)).toEqual([down, up]);
});
