import { describe, expect, it } from "vitest";
import { CommitGate } from "../../agents/replica/commit-gate.ts";

const item = (association: number, dependsOn: number, name: string) => ({
  association,
  dependsOn,
  item: name,
});
const names = (gated: readonly { readonly item: string }[]): string[] => gated.map((each) => each.item);

describe("the commit gate", () => {
  it("lets through what depends on nothing, and holds the rest until it is acknowledged, in order", () => {
    const gate = new CommitGate<string>(false);
    expect(names(gate.submit(item(1, 5, "five")))).toEqual([]);
    expect(names(gate.submit(item(1, 0, "free")))).toEqual(["free"]);
    expect(names(gate.submit(item(1, 7, "seven")))).toEqual([]);
    expect(names(gate.submit(item(2, 1, "other")))).toEqual([]);
    expect(names(gate.acknowledge(1, 4))).toEqual([]);
    expect(names(gate.acknowledge(1, 6))).toEqual(["five"]);
    expect(names(gate.submit(item(1, 6, "six")))).toEqual(["six"]);
    expect(names(gate.acknowledge(1, 7))).toEqual(["seven"]);
    expect(gate.waiting).toBe(1);
  });

  it("does not go back on an older acknowledgement", () => {
    const gate = new CommitGate<string>(false);
    gate.acknowledge(1, 9);
    expect(gate.acknowledge(1, 3)).toEqual([]);
    expect(names(gate.submit(item(1, 9, "nine")))).toEqual(["nine"]);
  });

  it("holds nothing where there is no secondary", () => {
    const gate = new CommitGate<string>(true);
    expect(names(gate.submit(item(1, 99, "any")))).toEqual(["any"]);
  });
});
