import { defineConfig } from "vitest/config";

if (Number.parseInt(process.versions.node, 10) < 24) {
  throw new Error(
    `The tests need Node 24, this is ${process.version}: use npm test, or put node_modules/.bin first in PATH.`,
  );
}

const LAB_TESTS = "test/**/*.lab.test.ts";

export default defineConfig({
  test: {
    pool: "forks",
    setupFiles: ["test/support/seed.ts"],
    reporters: ["./scripts/vitest-summary.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.{ts,tsx}"],
          exclude: [LAB_TESTS],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Namespaces, captures and a browser share one machine: one file at a time, after the others.
        extends: true,
        test: {
          name: "lab",
          include: [LAB_TESTS],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
