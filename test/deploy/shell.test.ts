import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { commandLine, runProgram, scriptLine } from "../../main/deploy/shell.ts";

const noWindows = process.platform === "win32";

test.skipIf(noWindows)("every word survives a POSIX shell", () => {
  const word = fc
    .string({ unit: "binary", maxLength: 30 })
    .map((text) => text.replaceAll("\0", "").toWellFormed());
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
      const line = commandLine(["printf", "%s\\0", ...words]);
      const printed = execFileSync("sh", ["-c", line], { encoding: "utf8" });
      expect(printed.split("\0").slice(0, -1)).toEqual(words);
    }),
    { numRuns: 60, seed: 7 },
  );
});

test.skipIf(noWindows)("a script gets its arguments untouched, twice quoted", () => {
  const nasty = `a'b "$HOME" \`id\` ; rm -rf \\ *`;
  const line = scriptLine(runProgram, ["printf", "%s", nasty], false);
  expect(execFileSync("sh", ["-c", line], { encoding: "utf8" })).toBe(nasty);
});

test("a NUL cannot be sent and is an error of ours", () => {
  expect(() => commandLine(["a\0b"])).toThrow(/NUL/);
});
