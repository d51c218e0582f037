import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Completes package-lock.json after `npm install` (run: node scripts/complete-lock.ts). A registry
 * that lacks the binaries for some platform leaves them out of the lock file, and `npm ci` then
 * refuses that file on every machine (npm/cli issue 9846). They are entered here by what their
 * parents ask for: version, system, processor. They carry no hash, since nobody here has seen them.
 */

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

const SYSTEMS = new Set("aix android darwin freebsd linux netbsd openbsd openharmony sunos win32".split(" "));
const PROCESSORS = new Set("arm arm64 ia32 loong64 ppc64 riscv64 s390x wasm32 x64".split(" "));
const LIBRARIES: Readonly<Record<string, string>> = {
  gnu: "glibc",
  musl: "musl",
  gnueabihf: "glibc",
  musleabihf: "musl",
};

function platformEntry(name: string, version: string, parent: LockEntry): LockEntry {
  const words = name.split(/[-/]/);
  const os = words.filter((word) => SYSTEMS.has(word));
  const cpu = words.filter((word) => PROCESSORS.has(word));
  const libc = os.includes("linux") ? words.flatMap((word) => LIBRARIES[word] ?? []) : [];
  if (os.length + cpu.length === 0 || !/^\d+\.\d+\.\d+[\w.-]*$/.test(version)) {
    throw new Error(
      `${name}@${version} is missing and its name tells no platform: run npm install where it exists.`,
    );
  }
  return {
    version,
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(parent.dev === true ? { dev: true } : {}),
    ...(libc.length > 0 ? { libc } : {}),
    optional: true,
    ...(os.length > 0 ? { os } : {}),
  };
}

/** Where Node looks for `name` when the package at `path` asks for it: its own folder, then each one above. */
function isLocked(packages: Readonly<Record<string, LockEntry>>, path: string, name: string): boolean {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("node_modules/") - 1))) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`] !== undefined) return true;
    if (folder === "") return false;
  }
}

const lockFile = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const lock = JSON.parse(readFileSync(lockFile, "utf8")) as { packages: Record<string, LockEntry> };
const added: string[] = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (isLocked(lock.packages, path, name)) continue;
    lock.packages[`node_modules/${name}`] = platformEntry(name, version, entry);
    added.push(name);
  }
}
const inOrder = Object.entries(lock.packages).toSorted(([left], [right]) => left.localeCompare(right, "en"));
lock.packages = Object.fromEntries(inOrder);
if (added.length > 0) writeFileSync(lockFile, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added.length} platform packages added`);
