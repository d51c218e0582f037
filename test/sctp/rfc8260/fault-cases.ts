import type { Sketch } from "../rfc9260/sketches.ts";
import { first, iData, last, middle } from "./kit.ts";

const U = { unordered: true };

/** Chunks of which the last one breaks a rule. */
export const faults: readonly (readonly [string, readonly Sketch[]])[] = [
  ["a middle fragment with FSN 0", [iData(1, middle(0))]],
  ["a last fragment with FSN 0", [iData(1, last(0))]],
  ["an unordered fragment with FSN 0", [iData(1, last(0, U))]],
  ["two first fragments", [iData(1, first()), iData(2, first())]],
  ["two unordered first fragments with one MID", [iData(1, first(U)), iData(2, first(U))]],
  ["a first fragment behind a gap, again", [iData(2, first()), iData(5, first())]],
  ["a whole message for one that has begun", [iData(1, first()), iData(2)]],
  ["a whole message for one that lacks its beginning", [iData(1, middle(1)), iData(2)]],
  ["a whole unordered message for one that has begun", [iData(1, first(U)), iData(2, U)]],
  ["the last fragment twice", [iData(1, last(2)), iData(2, last(2))]],
  ["two last fragments, the second one later", [iData(1, last(2)), iData(2, last(3))]],
  ["two last fragments, the second one earlier", [iData(1, last(3)), iData(2, last(2))]],
  ["a middle fragment twice", [iData(1, middle(4)), iData(2, middle(4))]],
  ["a middle fragment where the last one was", [iData(1, last(4)), iData(2, middle(4))]],
  ["the last fragment where a middle one was", [iData(1, middle(4)), iData(2, last(4))]],
  ["a fragment behind the last one", [iData(1, last(2)), iData(2, middle(3))]],
  ["the last fragment before a middle one", [iData(1, middle(5)), iData(2, last(4))]],
  [
    "the same of a message that waits for its turn",
    [iData(1, middle(5, { messageId: 3 })), iData(2, last(4, { messageId: 3 }))],
  ],
  ["an FSN half the numbers ahead", [iData(1, middle(0x80000000))]],
  ["an ordered message that was delivered", [iData(1), iData(2)]],
  ["an ordered message that waits, again", [iData(1, { messageId: 2 }), iData(2, { messageId: 2 })]],
  ["a first fragment of one that was delivered", [iData(1), iData(2, first())]],
  ["the MID before the one that is next", [iData(1, { messageId: 0xffffffff })]],
  ["a MID half the numbers ahead", [iData(1, { messageId: 0x80000000 })]],
];
