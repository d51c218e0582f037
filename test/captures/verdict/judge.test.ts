import { describe, expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import { goodRun } from "../../support/history-builder.ts";

describe("judge", () => {
  test("a clean run passes every check", () => {
    const report = judge(goodRun().history());
    expect(report.checks.filter((check) => check.outcome !== "pass")).toEqual([]);
    expect(report.outcome).toBe("pass");
    expect(report.headline).toMatchInlineSnapshot(
      `"The association survived: 0 of 25 messages lost, first packet from the secondary 50.2 ms after the fault."`,
    );
  });
});
