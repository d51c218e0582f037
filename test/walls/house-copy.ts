import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const house = fileURLToPath(new URL("../..", import.meta.url));
const LEFT_OUT = new Set(["node_modules", ".git", "dist", "runs", "coverage", ".cache", "test-results"]);

/** A copy of the source tree to plant violations in, so that the real tree is never touched. */
export interface HouseCopy {
  readonly folder: string;
  plant(path: string, text: string): void;
  /** Runs `scripts/check.ts` inside the copy. */
  check(): Promise<{ readonly ok: boolean; readonly output: string }>;
  remove(): void;
}

export function copyHouse(): HouseCopy {
  const folder = mkdtempSync(join(tmpdir(), "understudy-walls-"));
  for (const entry of readdirSync(house)) {
    if (LEFT_OUT.has(entry)) continue;
    cpSync(join(house, entry), join(folder, entry), {
      recursive: true,
      filter: (path) => !LEFT_OUT.has(basename(path)),
    });
  }
  symlinkSync(join(house, "node_modules"), join(folder, "node_modules"));
  return {
    folder,
    plant(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    },
    check() {
      const argv = [join(folder, "scripts/check.ts")];
      const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined };
      return new Promise((resolve) => {
        execFile(
          process.execPath,
          argv,
          { cwd: folder, env, maxBuffer: 1 << 26 },
          (error, stdout, stderr) => {
            resolve({ ok: error === null, output: stdout + stderr });
          },
        );
      });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
