import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDay,
  formatDuration,
  formatFigure,
  formatOffset,
  formatTick,
} from "../../renderer/model/time-format.ts";
import { formatTableTime } from "../../renderer/model/packet-rows.ts";

describe("formatDuration", () => {
  it.each([
    [0, "0 µs"],
    [840, "840 µs"],
    [61_400, "61.40 ms"],
    [128_340, "128.3 ms"],
    [999_949, "999.9 ms"],
    [999_951, "1.000 s"],
    [1_204_000, "1.204 s"],
    [-2_950, "−2.95 ms"],
  ])("%d µs is %s", (us, text) => {
    expect(formatDuration(us)).toBe(text);
  });
});

describe("other formats", () => {
  it("gives an offset its sign", () => {
    expect(formatOffset(61_400)).toBe("+61.40 ms");
    expect(formatOffset(-61_400)).toBe("−61.40 ms");
  });

  it.each([
    [500_000, 500_000, "+0.5 s"],
    [-50_000, 50_000, "−50 ms"],
    [1_500, 500, "+1.5 ms"],
    [40, 20, "+40 µs"],
    [0, 50_000, "0 ms"],
    [2_000_000, 2_000_000, "+2 s"],
  ])("tick %d with steps of %d is %s", (us, step, text) => {
    expect(formatTick(us, step)).toBe(text);
  });

  it("prints clocks in UTC to the microsecond", () => {
    const atUs = Date.UTC(2026, 10, 22, 3, 12, 14) * 1_000 + 63_412;
    expect(formatClock(atUs)).toBe("03:12:14.063412");
    expect(formatDay(atUs)).toBe("2026-11-22 03:12:14 UTC");
  });

  it("prints table times that line up", () => {
    expect(formatTableTime(-1_360)).toBe("−0.001360");
    expect(formatTableTime(10_500_000)).toBe("+10.500000");
  });

  it("groups thousands, leaves decimals alone, and scales bytes", () => {
    expect(formatCount(1_234_567)).toBe("1,234,567");
    expect(formatCount(1_234.5678)).toBe("1,234.5678");
    expect(formatBytes(9_999)).toBe("9,999 B");
    expect(formatBytes(12_345_678)).toBe("12.3 MB");
  });

  it("adds the uncertainty of a figure only where there is one", () => {
    expect(formatFigure(61_400, "us", 0)).toBe("61.40 ms");
    expect(formatFigure(61_400, "us", 250)).toBe("61.40 ms ± 250 µs");
  });
});
