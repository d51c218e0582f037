import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const levels = new Set(["MUST", "MUST NOT", "SHALL", "REQUIRED", "SHOULD", "SHOULD NOT", "RECOMMENDED"]);

/** A table in the docs that says of each requirement of an RFC what shows it. */
export interface RequirementTable {
  /** Where it stands, from the root of the repository. */
  readonly document: string;
  readonly heading: string;
  /** Sections of the RFC whose text has one of the words of requirement. */
  readonly sections: readonly string[];
  readonly leastRows: number;
  /** What a name without a slash stands in front of, in `test`: `section-` and the name. */
  readonly folder: string;
}

interface Row {
  readonly section: string;
  readonly requirement: string;
  readonly level: string;
  readonly shownBy: readonly string[];
}

function rowsOf({ document, heading }: RequirementTable): Row[] {
  const text = readFileSync(join(root, document), "utf8");
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

/** The file of a test that a row names, and its title; undefined where the row says something else. */
function namedTest(
  { folder }: RequirementTable,
  shown: string,
): { readonly file: string; readonly title: string } | undefined {
  const [, stem, title] = /^`([^`]+)` (.+)$/u.exec(shown) ?? [];
  if (stem === undefined || title === undefined) return undefined;
  const file = stem.includes("/") ? `test/${stem}.test.ts` : `test/${folder}/section-${stem}.test.ts`;
  return { file, title };
}

/** It is the title of a test or of a group of tests, or names a case in a table of cases. */
function isTitle(source: string, title: string): boolean {
  const quoted = `"${title.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`)}"`;
  const test = String.raw`(?:\b(?:it|describe|fails)|\))\(${quoted}, (?:async )?\(`;
  const inTable = String.raw`[[,]\s*${quoted},`;
  return new RegExp(`${test}|${inTable}`, "u").test(source);
}

/** Tests that the table is whole and that what it names exists. */
export function describeRequirementTable(table: RequirementTable): void {
  const rows = rowsOf(table);
  const { heading, document, sections, leastRows } = table;
  describe(`"${heading}" in ${document}`, () => {
    it("has a row for each section with a requirement", () => {
      const present = new Set(rows.map(({ section }) => section));
      expect(sections.filter((section) => !present.has(section))).toEqual([]);
      expect([...present].filter((section) => !sections.includes(section))).toEqual([]);
    });

    it("says in each row what is required, how strongly, and what shows it", () => {
      const faults = rows.filter(({ requirement, level, shownBy }) => {
        const explained = shownBy.every(
          (each) =>
            namedTest(table, each) !== undefined ||
            /^\*\*(by construction|not ours|deviation)\*\*: ./u.test(each),
        );
        return requirement === "" || !level.split(", ").every((each) => levels.has(each)) || !explained;
      });
      expect(faults).toEqual([]);
      expect(rows.length).toBeGreaterThanOrEqual(leastRows);
    });

    it("names tests that exist", () => {
      const sources = new Map<string, string>();
      const missing = rows
        .flatMap(({ shownBy }) => shownBy.map((each) => namedTest(table, each)))
        .filter((named) => {
          if (named === undefined) return false;
          const { file, title } = named;
          const path = join(root, file);
          const source = sources.get(file) ?? (existsSync(path) ? readFileSync(path, "utf8") : "");
          sources.set(file, source);
          return !isTitle(source, title);
        });
      expect(missing).toEqual([]);
    });
  });
}
