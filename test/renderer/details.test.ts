import { describe, expect, it } from "vitest";
import type { DecodeNode } from "../../captures/dissect/summary.ts";
import type { StateAt, StateRow } from "../../main/api/contract.ts";
import { initiallyOpen, moveInTree, visibleLines } from "../../renderer/model/decode-rows.ts";
import { hexRows } from "../../renderer/model/hex-rows.ts";
import { orderStateRows } from "../../renderer/model/state-rows.ts";

const node = (label: string, children: DecodeNode[] = [], flaw?: string): DecodeNode => ({
  label,
  start: 0,
  end: 1,
  children,
  ...(flaw === undefined ? {} : { flaw }),
});

const tree = [
  node("ethernet", [node("type")]),
  node("ip", [node("options", [node("length", [], "too long")])]),
  node("sctp", [node("tag"), node("chunk", [node("sack", [node("gap")])])]),
];

describe("decode tree", () => {
  it("opens the innermost layer with its parts and the way to every flaw, nothing else", () => {
    const labels = visibleLines(tree, initiallyOpen(tree)).map(({ path, level }) => `${path} ${level}`);
    expect(labels).toEqual(["0 1", "1 1", "1.0 2", "1.0.0 3", "2 1", "2.0 2", "2.1 2", "2.1.0 3"]);
  });

  it("follows the arrow keys as a tree view does", () => {
    const lines = visibleLines(tree, initiallyOpen(tree));
    expect(moveInTree(lines, "0", "ArrowDown")).toEqual({ focus: "1" });
    expect(moveInTree(lines, "0", "ArrowUp")).toBeUndefined();
    expect(moveInTree(lines, "0", "ArrowRight")).toEqual({ focus: "0", open: "0" });
    expect(moveInTree(lines, "1.0", "ArrowRight")).toEqual({ focus: "1.0.0" });
    expect(moveInTree(lines, "1.0.0", "ArrowLeft")).toEqual({ focus: "1.0" });
    expect(moveInTree(lines, "1.0", "ArrowLeft")).toEqual({ focus: "1.0", close: "1.0" });
    expect(moveInTree(lines, "0", "End")).toEqual({ focus: "2.1.0" });
    expect(moveInTree(lines, "0", "x")).toBeUndefined();
  });
});

describe("hex view", () => {
  it("marks exactly the selected bytes and shows text only where it is printable", () => {
    const rows = hexRows("0041427f80ff3031323334", 1, 3);
    expect(rows.map(({ offset }) => offset)).toEqual(["0000", "0008"]);
    const cells = rows.flatMap((row) => row.cells);
    expect(cells.filter((cell) => cell.selected).map(({ index }) => index)).toEqual([1, 2]);
    expect(cells.map(({ text }) => text).join("")).toBe("·AB···01234");
  });
});

describe("state rows", () => {
  const row = (field: string, a: string, severity: StateRow["severity"]): StateRow => ({
    field,
    meaning: "",
    a,
    b: "1",
    wire: null,
    severity,
  });
  const state = (...rows: StateRow[]): StateAt => ({
    atUs: 0,
    aSequence: 0,
    bSequence: 0,
    aRole: "",
    bRole: "",
    rows,
  });

  it("puts the most severe first, then what changed, and keeps the rest in order", () => {
    const before = state(
      row("x", "1", "same"),
      row("y", "1", "same"),
      row("z", "1", "same"),
      row("w", "1", "same"),
    );
    const now = state(
      row("x", "1", "same"),
      row("y", "2", "same"),
      row("z", "3", "breaks-association"),
      row("w", "4", "harmless"),
    );
    expect(orderStateRows(now, before).map(({ row: { field }, changed }) => [field, changed])).toEqual([
      ["z", true],
      ["w", true],
      ["y", true],
      ["x", false],
    ]);
    expect(orderStateRows(now, undefined).some(({ changed }) => changed)).toBe(false);
  });
});
