import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../../..");
const heading = "## RFC 9260, every MUST and SHOULD";

/** Sections of RFC 9260 whose text has one of the words of requirement. */
const sections = [
  [
    "1.3",
    "1.6",
    "2",
    "3",
    "3.1",
    "3.2",
    "3.2.1",
    "3.2.2",
    "3.3.1",
    "3.3.2",
    "3.3.2.1",
    "3.3.2.1.2",
    "3.3.2.1.4",
  ],
  [
    "3.3.2.1.5",
    "3.3.3",
    "3.3.3.1",
    "3.3.3.1.1",
    "3.3.3.1.2",
    "3.3.4",
    "3.3.5",
    "3.3.6",
    "3.3.7",
    "3.3.8",
    "3.3.9",
  ],
  [
    "3.3.10.3",
    "3.3.11",
    "3.3.12",
    "3.3.13",
    "4",
    "5",
    "5.1",
    "5.1.1",
    "5.1.2",
    "5.1.3",
    "5.1.4",
    "5.1.5",
    "5.1.6",
  ],
  ["5.2.1", "5.2.2", "5.2.3", "5.2.4", "5.2.5", "5.2.6", "5.3.1", "5.4", "6", "6.1", "6.2", "6.2.1", "6.3.1"],
  [
    "6.3.3",
    "6.4",
    "6.4.1",
    "6.5",
    "6.6",
    "6.7",
    "6.8",
    "6.9",
    "6.10",
    "7.1",
    "7.2",
    "7.2.1",
    "7.2.2",
    "7.2.3",
  ],
  [
    "7.2.4",
    "7.2.5",
    "7.2.5.1",
    "7.2.5.2",
    "7.3",
    "8.1",
    "8.2",
    "8.3",
    "8.4",
    "8.5",
    "8.5.1",
    "9",
    "9.1",
    "9.2",
  ],
  ["10", "12.2.3", "12.2.4.1", "12.3", "12.4", "14.1", "14.2", "15.1", "15.2", "15.3", "15.4", "15.5", "16"],
].flat();

const levels = new Set(["MUST", "MUST NOT", "SHALL", "SHOULD", "SHOULD NOT", "RECOMMENDED"]);

interface Row {
  readonly section: string;
  readonly requirement: string;
  readonly level: string;
  readonly shownBy: readonly string[];
}

function tableRows(): Row[] {
  const text = readFileSync(join(root, "docs/sctp.md"), "utf8");
  const table = text.slice(text.indexOf(heading)).split("\n## ")[0] ?? "";
  return table
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2)
    .map((line) => {
      const [section = "", requirement = "", level = "", shownBy = ""] = line
        .slice(2, -1)
        .split(" | ")
        .map((cell) => cell.trim());
      return { section, requirement, level, shownBy: shownBy.split("<br>") };
    });
}

const rows = tableRows();

/** The file of a test that a row names, and its title; undefined where the row says something else. */
function namedTest(shown: string): { readonly file: string; readonly title: string } | undefined {
  const [, stem, title] = /^`([^`]+)` (.+)$/u.exec(shown) ?? [];
  if (stem === undefined || title === undefined) return undefined;
  const file = stem.includes("/") ? `test/${stem}.test.ts` : `test/sctp/rfc9260/section-${stem}.test.ts`;
  return { file, title };
}

describe("the table of every MUST and SHOULD in docs/sctp.md", () => {
  it("has a row for each section with a requirement", () => {
    const present = new Set(rows.map(({ section }) => section));
    expect(sections.filter((section) => !present.has(section))).toEqual([]);
    expect([...present].filter((section) => !sections.includes(section))).toEqual([]);
  });

  it("says in each row what is required, how strongly, and what shows it", () => {
    const faults = rows.filter(({ requirement, level, shownBy }) => {
      const explained = shownBy.every(
        (each) =>
          namedTest(each) !== undefined || /^\*\*(by construction|not ours|deviation)\*\*: ./u.test(each),
      );
      return requirement === "" || !level.split(", ").every((each) => levels.has(each)) || !explained;
    });
    expect(faults).toEqual([]);
    expect(rows.length).toBeGreaterThan(400);
  });

  it("names tests that exist", () => {
    const sources = new Map<string, string>();
    const missing = rows
      .flatMap(({ shownBy }) => shownBy.map(namedTest))
      .filter((named) => {
        if (named === undefined) return false;
        const { file, title } = named;
        const path = join(root, file);
        const source = sources.get(file) ?? (existsSync(path) ? readFileSync(path, "utf8") : "");
        sources.set(file, source);
        return !source.includes(`("${title}", () =>`) && !source.includes(`("${title}", (_, `);
      });
    expect(missing).toEqual([]);
  });
});
