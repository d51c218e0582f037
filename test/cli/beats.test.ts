import { describe, expect, it } from "vitest";
import { parseBeats } from "../../main/lab/job/index.ts";

describe("beats of the cluster link in words", () => {
  it("counts missing beats, and lets the primary send for one beat less than silence counts", () => {
    expect(parseBeats("3x10ms")).toEqual({
      ok: true,
      timing: { beatIntervalMs: 10, leaseMs: 20, takeoverAfterMs: 30 },
    });
    const parsed = parseBeats("24x25ms");
    if (!parsed.ok) throw new Error(parsed.reason);
    expect(parsed.timing.takeoverAfterMs).toBe(600);
    expect(parsed.timing.leaseMs).toBeLessThan(parsed.timing.takeoverAfterMs);
  });

  it.each(["", "10ms", "3x10", "3x0ms", "2x10ms", "101x10ms", "3x99999ms", "-3x10ms", "3x1.5ms"])(
    "refuses %j in one sentence",
    (text) => {
      const parsed = parseBeats(text);
      expect(parsed.ok).toBe(false);
      if (!parsed.ok) expect(parsed.reason).toContain("3x10ms");
    },
  );
});
