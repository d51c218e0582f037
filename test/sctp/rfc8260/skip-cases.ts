import type { Sketch } from "../rfc9260/sketches.ts";
import { first, iData, iForward, last, middle } from "./kit.ts";

const U = { unordered: true };
const mid = (messageId: number, fields = {}): Readonly<Record<string, unknown>> => ({ messageId, ...fields });

/**
 * What was sent before, the I-FORWARD-TSN, what the user gets of it, and the TSNs that are acknowledged then:
 * the cumulative one, and above it those in gap blocks.
 */
type Case = readonly [
  title: string,
  before: readonly Sketch[],
  skip: Sketch,
  delivered: readonly string[],
  acknowledged: readonly [number, ...(readonly [number, number])[]],
];

export const skipCases: readonly Case[] = [
  ["nothing came yet, no stream is listed", [], iForward(1), [], [1]],
  ["nothing came yet, one message is skipped", [], iForward(1, [0, 0]), [], [1]],
  ["many TSNs at once", [], iForward(1000, [0, 999]), [], [1000]],
  ["it moves over what was received behind it", [iData(2, mid(1))], iForward(1, [0, 0]), ["0o1:100"], [2]],
  [
    "it stops at the next hole",
    [iData(2, mid(1)), iData(4, mid(3))],
    iForward(1, [0, 0]),
    ["0o1:100"],
    [2, [4, 4]],
  ],
  [
    "example of RFC 3758 section 3.6",
    [iData(2, mid(1)), iData(3, mid(2)), iData(5, mid(4))],
    iForward(1, [0, 0]),
    ["0o1:100", "0o2:100"],
    [3, [5, 5]],
  ],
  [
    "it skips to a TSN that was received",
    [iData(2, mid(1)), iData(3, mid(2))],
    iForward(2, [0, 0]),
    ["0o1:100", "0o2:100"],
    [3],
  ],
  [
    "what is whole up to the MID listed is delivered, though MIDs before it are missing",
    [iData(2, mid(1)), iData(4, mid(3)), iData(6, mid(5))],
    iForward(5, [0, 4]),
    ["0o1:100", "0o3:100", "0o5:100"],
    [6],
  ],
  [
    "a MID behind the one listed waits for those between",
    [iData(3, mid(2))],
    iForward(1, [0, 0]),
    [],
    [1, [3, 3]],
  ],
  [
    "ordered and unordered messages are skipped apart: only U listed",
    [iData(2, first(mid(0))), iData(3, first(mid(0, U)))],
    iForward(3, [0, 0, "U"]),
    [],
    [3],
  ],
  [
    "two streams listed",
    [iData(3, mid(1)), iData(4, mid(1, { streamId: 1 }))],
    iForward(2, [0, 0], [1, 0]),
    ["0o1:100", "1o1:100"],
    [4],
  ],
  [
    "the deliveries come in the order of the list",
    [iData(3, mid(1)), iData(4, mid(1, { streamId: 1 }))],
    iForward(2, [1, 0], [0, 0]),
    ["1o1:100", "0o1:100"],
    [4],
  ],
  [
    "a stream that is not listed waits",
    [iData(3, mid(1)), iData(4, mid(1, { streamId: 1 }))],
    iForward(2, [0, 0]),
    ["0o1:100"],
    [4],
  ],
  [
    "a stream twice: the highest MID counts",
    [iData(5, mid(4))],
    iForward(4, [0, 3], [0, 1]),
    ["0o4:100"],
    [5],
  ],
  [
    "a MID that was delivered changes nothing",
    [iData(1), iData(3, mid(1))],
    iForward(2, [0, 0]),
    ["0o1:100"].slice(1),
    [3],
  ],
  [
    "a stream that does not exist is passed over",
    [iData(2, mid(1))],
    iForward(1, [60_000, 3], [0, 0]),
    ["0o1:100"],
    [2],
  ],
  ["U does not move ordered messages on", [iData(2, mid(1))], iForward(1, [0, 0, "U"]), [], [2]],
  [
    "no U does not throw away unordered fragments",
    [iData(2, first(U)), iData(3, last(1, U))],
    iForward(1, [0, 0]),
    [],
    [3],
  ],
  [
    "a message of which a fragment is skipped is thrown away, the next one is delivered",
    [iData(2, middle(1)), iData(3, last(2)), iData(4, mid(1))],
    iForward(1, [0, 0]),
    ["0o1:100"],
    [4],
  ],
  [
    "the last fragment is skipped",
    [iData(1, first()), iData(2, middle(1)), iData(4, mid(1))],
    iForward(3, [0, 0]),
    ["0o1:100"],
    [4],
  ],
  [
    "a message behind the one listed keeps its fragments",
    [iData(2, first(mid(1))), iData(3, last(1, mid(1)))],
    iForward(1, [0, 0]),
    ["0o1:200"],
    [3],
  ],
  [
    "a whole fragmented message up to the MID listed is delivered",
    [iData(2, first(mid(1))), iData(3, last(1, mid(1)))],
    iForward(4, [0, 2]),
    ["0o1:200"],
    [4],
  ],
  [
    "of an unordered message the fragments are thrown away, later ones are not",
    [iData(2, first(U)), iData(3, first(mid(1, U)))],
    iForward(1, [0, 0, "U"]),
    [],
    [3],
  ],
  [
    "a MID at the end of what serial numbers allow",
    [iData(2, mid(0x7fffffff))],
    iForward(1, [0, 0x7ffffffe]),
    ["0o2147483647:100"],
    [2],
  ],
  ["a MID beyond that is out of date", [iData(2, mid(1))], iForward(1, [0, 0x80000001]), [], [2]],
];
