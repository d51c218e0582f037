import type { Sketch } from "../rfc9260/sketches.ts";
import { first, iData, last, middle } from "./kit.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** One I-DATA chunk in short: TSN, where it belongs and what it says. */
export type Chunk = readonly [
  tsn: number,
  place: "B" | "E" | "BE" | number | readonly ["E", number],
  content: string,
  fields?: Readonly<Record<string, unknown>>,
];

export function chunk([tsn, place, content, fields]: Chunk): Sketch {
  const at =
    place === "B"
      ? first()
      : place === "BE"
        ? {}
        : typeof place === "number"
          ? middle(place)
          : last(place === "E" ? 1 : place[1]);
  return iData(tsn, { ...at, payload: text(content), ...fields });
}

/** The end of a message with this fragment number. */
const E = (fsn: number): readonly ["E", number] => ["E", fsn];
const U = { unordered: true };
const onStream = (streamId: number): Readonly<Record<string, unknown>> => ({ streamId });
const mid = (messageId: number, fields = {}): Readonly<Record<string, unknown>> => ({ messageId, ...fields });

/** What comes in which order, and what the user gets of each packet. */
export const reassemblyCases: readonly (readonly [
  string,
  readonly Chunk[],
  readonly (readonly string[])[],
])[] = [
  ["a whole message", [[1, "BE", "a"]], [["a"]]],
  ["an unordered one", [[1, "BE", "a", U]], [["a"]]],
  [
    "two fragments in order",
    [
      [1, "B", "a"],
      [2, "E", "b"],
    ],
    [[], ["ab"]],
  ],
  [
    "two fragments, the last one first",
    [
      [2, "E", "b"],
      [1, "B", "a"],
    ],
    [[], ["ab"]],
  ],
  [
    "three fragments, the middle one last",
    [
      [1, "B", "a"],
      [3, E(2), "c"],
      [2, 1, "b"],
    ],
    [[], [], ["abc"]],
  ],
  [
    "three fragments backwards",
    [
      [3, E(2), "c"],
      [2, 1, "b"],
      [1, "B", "a"],
    ],
    [[], [], ["abc"]],
  ],
  [
    "the middle one first, then the end",
    [
      [2, 1, "b"],
      [3, E(2), "c"],
      [1, "B", "a"],
    ],
    [[], [], ["abc"]],
  ],
  [
    "fragments whose TSNs run against their numbers",
    [
      [1, E(3), "d"],
      [2, 2, "c"],
      [3, 1, "b"],
      [4, "B", "a"],
    ],
    [[], [], [], ["abcd"]],
  ],
  [
    "fragments with other messages' TSNs in between",
    [
      [1, "B", "a"],
      [2, "BE", "x", onStream(1)],
      [3, 1, "b"],
      [4, "BE", "y", { ...mid(1), ...onStream(1) }],
      [5, E(2), "c"],
    ],
    [[], ["x"], [], ["y"], ["abc"]],
  ],
  [
    "two streams chunk by chunk",
    [
      [1, "B", "a"],
      [2, "B", "A", onStream(1)],
      [3, "E", "b"],
      [4, "E", "B", onStream(1)],
    ],
    [[], [], ["ab"], ["AB"]],
  ],
  [
    "two streams, of which the later one is whole first",
    [
      [1, "B", "a"],
      [2, "B", "A", onStream(1)],
      [3, "E", "B", onStream(1)],
      [4, "E", "b"],
    ],
    [[], [], ["AB"], ["ab"]],
  ],
  [
    "ordered and unordered of one stream with one MID, chunk by chunk",
    [
      [1, "B", "o"],
      [2, "B", "u", U],
      [3, "E", "O"],
      [4, "E", "U", U],
    ],
    [[], [], ["oO"], ["uU"]],
  ],
  [
    "an unordered message amid an ordered one with its MID",
    [
      [1, "B", "a"],
      [2, "BE", "u", U],
      [3, "E", "b"],
    ],
    [[], ["u"], ["ab"]],
  ],
  [
    "an ordered message amid an unordered one with its MID",
    [
      [1, "B", "u", U],
      [2, "BE", "a"],
      [3, "E", "v", U],
    ],
    [[], ["a"], ["uv"]],
  ],
  [
    "two unordered messages of one stream chunk by chunk",
    [
      [1, "B", "a", U],
      [2, "B", "A", mid(1, U)],
      [3, "E", "B", mid(1, U)],
      [4, "E", "b", U],
    ],
    [[], [], ["AB"], ["ab"]],
  ],
  [
    "two ordered messages of one stream chunk by chunk: the first one goes first",
    [
      [1, "B", "a"],
      [2, "B", "A", mid(1)],
      [3, "E", "B", mid(1)],
      [4, "E", "b"],
    ],
    [[], [], [], ["ab", "AB"]],
  ],
  [
    "MID 1 before MID 0",
    [
      [1, "BE", "b", mid(1)],
      [2, "BE", "a"],
    ],
    [[], ["a", "b"]],
  ],
  [
    "MIDs 3, 1, 2, 0 with TSNs in sequence",
    [
      [1, "BE", "d", mid(3)],
      [2, "BE", "b", mid(1)],
      [3, "BE", "c", mid(2)],
      [4, "BE", "a"],
    ],
    [[], [], [], ["a", "b", "c", "d"]],
  ],
  [
    "unordered MIDs do not wait for each other, nor for ordered ones",
    [
      [1, "BE", "c", mid(2, U)],
      [2, "BE", "o", mid(1)],
      [3, "BE", "a", U],
      [4, "BE", "p"],
      [5, "BE", "b", mid(1, U)],
    ],
    [["c"], [], ["a"], ["p", "o"], ["b"]],
  ],
  [
    "a hole in the MIDs of one stream keeps no other stream",
    [
      [1, "BE", "a", mid(1)],
      [2, "BE", "x", onStream(1)],
      [3, "BE", "y", mid(1, onStream(1))],
      [4, "BE", "b"],
    ],
    [[], ["x"], ["y"], ["b", "a"]],
  ],
  [
    "a hole in the TSNs keeps no message that is in order",
    [
      [2, "BE", "a"],
      [3, "BE", "x", onStream(1)],
      [1, "BE", "b", mid(1)],
    ],
    [["a"], ["x"], ["b"]],
  ],
  [
    "whole messages behind one that lacks a fragment wait for it",
    [
      [1, "B", "a"],
      [3, "BE", "c", mid(1)],
      [4, "BE", "d", mid(2)],
      [2, "E", "b"],
    ],
    [[], [], [], ["ab", "c", "d"]],
  ],
  [
    "a fragmented message behind another one",
    [
      [1, "B", "c", mid(1)],
      [2, "E", "d", mid(1)],
      [3, "B", "a"],
      [4, "E", "b"],
    ],
    [[], [], [], ["ab", "cd"]],
  ],
  [
    "a MID far ahead waits",
    [
      [1, "BE", "z", mid(0x7fffffff)],
      [2, "BE", "a"],
    ],
    [[], ["a"]],
  ],
  [
    "an unordered MID may be anything",
    [
      [1, "BE", "a", mid(0xffffffff, U)],
      [2, "BE", "b", mid(0x80000000, U)],
      [3, "BE", "c", mid(7, U)],
    ],
    [["a"], ["b"], ["c"]],
  ],
  [
    "fragments far apart in their message are kept",
    [
      [1, 0x7fffffff, "z"],
      [2, "B", "a"],
      [3, 1, "b"],
    ],
    [[], [], []],
  ],
  [
    "the same MID in different streams",
    [
      [1, "B", "a", onStream(0)],
      [2, "E", "X", onStream(2)],
      [3, "E", "b", onStream(0)],
      [4, "B", "x", onStream(2)],
    ],
    [[], [], ["ab"], ["xX"]],
  ],
];
