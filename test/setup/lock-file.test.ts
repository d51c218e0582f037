import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface LockEntry {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test("package-lock.json names the binaries of every platform, or npm ci refuses it", () => {
  const text = readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8");
  const { packages } = JSON.parse(text) as { packages: Record<string, LockEntry> };
  const named = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, "")));
  const missing = Object.values(packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !named.has(name));
  expect(missing, "after npm install, run: node scripts/complete-lock.ts").toEqual([]);
});
