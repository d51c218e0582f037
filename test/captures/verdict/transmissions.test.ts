import { describe, expect, test } from "vitest";
import type { ObservedPacket } from "../../../captures/verdict/history.ts";
import { joinTransmissions } from "../../../captures/verdict/index.ts";
import { HistoryBuilder, sackChunk } from "../../support/history-builder.ts";

const sctp = new HistoryBuilder().transmit("a", "peer", [sackChunk(1)]);
let id = 0;
const seen = (
  direction: "out" | "in" | "other",
  at: number,
  host = direction === "out" ? "a" : "peer",
): ObservedPacket => ({
  id: (id += 1),
  at,
  host,
  interfaceName: "out",
  direction,
  sctp,
});
const pairs = (packets: readonly ObservedPacket[], slack = 0): string[] =>
  joinTransmissions(packets, slack).map(({ sent, received }) => `${sent?.at ?? "-"} ${received?.at ?? "-"}`);

describe("joining the observations of one packet", () => {
  test("departure and arrival", () => {
    expect(pairs([seen("out", 10), seen("in", 20)])).toEqual(["10 20"]);
  });

  test("a burst of equal packets is paired in order", () => {
    expect(pairs([seen("out", 10), seen("out", 12), seen("in", 110), seen("in", 112)])).toEqual([
      "10 110",
      "12 112",
    ]);
  });

  test("an arrival long after a lost copy belongs to the new copy", () => {
    expect(pairs([seen("out", 10), seen("out", 100_010), seen("in", 100_110)])).toEqual([
      "10 -",
      "100010 100110",
    ]);
  });

  test("a lost packet, and one that only its receiver saw", () => {
    expect(pairs([seen("out", 10)])).toEqual(["10 -"]);
    expect(pairs([seen("in", 10)])).toEqual(["- 10"]);
  });

  test("an arrival may be stamped before its departure by as much as the clocks err", () => {
    expect(pairs([seen("in", 8), seen("out", 10)], 5)).toEqual(["10 8"]);
    expect(pairs([seen("in", 4), seen("out", 10)], 5)).toEqual(["- 4", "10 -"]);
  });

  test("bystanders count once, and only where no end saw the packet", () => {
    expect(pairs([seen("out", 10), seen("other", 12, "b"), seen("in", 20)])).toEqual(["10 20"]);
    expect(joinTransmissions([seen("other", 12, "b"), seen("other", 13, "c")], 0)).toHaveLength(1);
  });
});
