import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compactLabel,
  ellipsis,
  placeLabels,
  wrapText,
  type LabelWish,
} from "../../renderer/model/label-placement.ts";

const anyWishes = fc
  .array(
    fc.tuple(
      fc.integer({ min: -50, max: 650 }),
      fc.integer({ min: 10, max: 60 }),
      fc.integer({ min: 1, max: 6 }),
    ),
    {
      maxLength: 40,
    },
  )
  .map((items) =>
    items.map(([y, height, priority], index): LabelWish => ({ id: String(index), y, height, priority })),
  );

describe("placeLabels", () => {
  it("never lets labels overlap or leave the column, and accounts for each", () => {
    fc.assert(
      fc.property(anyWishes, (wishes) => {
        const { placed, dropped } = placeLabels(wishes, 0, 600);
        expect([...placed.map(({ id }) => id), ...dropped].toSorted()).toEqual(
          wishes.map(({ id }) => id).toSorted(),
        );
        let free = -1e-6;
        for (const { id, top } of placed) {
          expect(top).toBeGreaterThanOrEqual(free);
          free = top + (wishes.find((wish) => wish.id === id)?.height ?? 0) - 1e-6;
        }
        expect(free).toBeLessThanOrEqual(600);
      }),
    );
  });

  it("leaves labels that do not collide where they want to be", () => {
    const wishes = [100, 300].map((y, index) => ({ id: String(index), y, height: 20, priority: 1 }));
    expect(placeLabels(wishes, 0, 600).placed).toEqual([
      { id: "0", top: 90 },
      { id: "1", top: 290 },
    ]);
  });

  it("drops the least important where room is short", () => {
    const wishes = [1, 5, 3].map((priority, index) => ({ id: String(index), y: 10, height: 20, priority }));
    const { placed, dropped } = placeLabels(wishes, 0, 45);
    expect(placed.map(({ id }) => id)).toEqual(["1", "2"]);
    expect(dropped).toEqual(["0"]);
  });
});

describe("compactLabel", () => {
  const label = "DATA tsn=126058712 sid=3 ssn=525 ppid=0 (200 B) | SACK cum=17";

  it.each([
    [100, label],
    [20, "DATA 126058712"],
    [11, "DATA …8712"],
    [6, "DATA"],
    [3, "DA…"],
  ])("in %d characters", (room, text) => {
    expect(compactLabel(label, room)).toBe(text);
  });

  it("leaves the TSN of a later chunk to its own chunk", () => {
    expect(compactLabel("HEARTBEAT (44 B) | SACK cum=126058748", 12)).toBe("HEARTBEAT (…");
    expect(compactLabel("SACK 36870 + DATA 4101", 10)).toBe("SACK 36870");
  });
});

describe("texts", () => {
  it("wraps at words and ends what does not fit in an ellipsis", () => {
    expect(wrapText("Agent killed (SIGKILL) and A's outside link cut", 24, 2)).toEqual([
      "Agent killed (SIGKILL)",
      "and A's outside link cut",
    ]);
    expect(wrapText("one two three four five", 9, 2)).toEqual(["one two", "three fo…"]);
    expect(wrapText("", 9, 2)).toEqual([]);
    // A first word that is longer than a line is cut like any other.
    expect(wrapText("!!! !", 2, 2)).toEqual(["!…", "!"]);
  });

  it("never exceeds the width", () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 1, max: 4 }),
        (text, chars, lines) => {
          const wrapped = wrapText(text, chars, lines);
          expect(wrapped.length).toBeLessThanOrEqual(lines);
          for (const line of wrapped) expect(line.length).toBeLessThanOrEqual(chars);
          expect(ellipsis(text, chars).length).toBeLessThanOrEqual(chars);
        },
      ),
    );
  });
});
