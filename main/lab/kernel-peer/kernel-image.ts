import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, zstdDecompressSync } from "node:zlib";

/**
 * A stock kernel of Debian, taken out of its package without installing it. Kept in node_modules/.cache, so it
 * is fetched and unpacked once; `rm -r node_modules/.cache/understudy-kernel` has it fetched again.
 */
export interface KernelImage {
  /** Where it lies, for what is made of it; its name is the kernel's version. */
  readonly folder: string;
  /** The uncompressed kernel: it starts a second earlier than the packed one. */
  readonly vmlinux: string;
  /** Modules in the order in which they are to be loaded. */
  readonly modules: readonly string[];
}

const cacheFolder = fileURLToPath(new URL("../../../node_modules/.cache/understudy-kernel", import.meta.url));
const metaPackage = "linux-image-cloud-amd64";
const kernelModules = [
  "virtio_pci",
  "virtio_net",
  "virtio_console",
  "crc32c-intel",
  "sctp",
  "sctp_diag",
  "sch_netem",
  "sch_ingress",
  "cls_matchall",
  "act_mirred",
  "ifb",
];

function whatTheyPrint(command: string, ...argv: readonly string[]): string {
  return execFileSync(command, [...argv], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Unpacked for these very modules. */
const wanted: string = kernelModules.join(" ");

function isReady(folder: string): boolean {
  const list = join(folder, "wanted");
  return existsSync(list) && readFileSync(list, "utf8") === wanted;
}

/** The kernel; fetched and unpacked when it is not there yet. Throws one sentence when it cannot be had. */
export function kernelImage(): KernelImage {
  const existing = existsSync(cacheFolder)
    ? readdirSync(cacheFolder).find((name) => isReady(join(cacheFolder, name)))
    : undefined;
  const folder = join(cacheFolder, existing ?? fetchKernel());
  const modules = readdirSync(join(folder, "modules")).toSorted((left, right) => (left < right ? -1 : 1));
  return {
    folder,
    vmlinux: join(folder, "vmlinux"),
    modules: modules.map((name) => join(folder, "modules", name)),
  };
}

function fetchKernel(): string {
  mkdirSync(cacheFolder, { recursive: true });
  const work = mkdtempSync(join(cacheFolder, "unpacking-"));
  try {
    const archive = downloadPackage(work);
    const root = join(work, "root");
    execFileSync("dpkg-deb", ["--extract", archive, root], { stdio: "pipe" });
    const [release = ""] = readdirSync(join(root, "lib/modules"));
    const ready = join(work, "ready");
    mkdirSync(join(ready, "modules"), { recursive: true });
    takeModules(root, release, join(ready, "modules"));
    writeFileSync(join(ready, "vmlinux"), unpackKernel(join(root, "boot", `vmlinuz-${release}`)));
    writeFileSync(join(ready, "wanted"), wanted);
    // Two processes may do this at once: whoever is second finds the folder in place. An older one is replaced.
    if (!isReady(join(cacheFolder, release))) {
      rmSync(join(cacheFolder, release), { recursive: true, force: true });
      renameSync(ready, join(cacheFolder, release));
    }
    return release;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The meta package names the real one, whose name holds the kernel's version. */
function downloadPackage(folder: string): string {
  try {
    const depends = whatTheyPrint("apt-cache", "depends", metaPackage);
    const name = /Depends: (?<name>linux-image-\S+)/.exec(depends)?.groups?.["name"] ?? "";
    execFileSync("apt-get", ["-q", "-o", "APT::Sandbox::User=root", "download", name], {
      cwd: folder,
      stdio: "pipe",
      timeout: 120_000,
    });
  } catch (error) {
    const said = error instanceof Error ? error.message.trim().split("\n").at(-1) : String(error);
    throw new Error(`the kernel package cannot be fetched: ${said}`, { cause: error });
  }
  const archive = readdirSync(folder).find((name) => name.endsWith(".deb"));
  if (archive === undefined) throw new Error("apt-get fetched no kernel package");
  return join(folder, archive);
}

/** What the wanted modules need comes before them; depmod works that out, and nothing is installed. */
function takeModules(root: string, release: string, target: string): void {
  execFileSync("depmod", ["--basedir", root, release], { stdio: "pipe" });
  const folder = join(root, "lib/modules", release);
  const needs = new Map<string, readonly string[]>();
  for (const line of readFileSync(join(folder, "modules.dep"), "utf8").split("\n")) {
    const [path = "", rest = ""] = line.split(":");
    needs.set(path, rest.split(" ").filter(Boolean).toReversed());
  }
  const ordered = new Set<string>();
  for (const wanted of kernelModules) {
    const path = [...needs.keys()].find((one) => moduleName(one) === wanted);
    // What is not a module here is built in, or belongs to other processors.
    if (path === undefined) continue;
    for (const each of [...(needs.get(path) ?? []), path]) ordered.add(each);
  }
  for (const [at, path] of [...ordered].entries()) {
    const bytes = path.endsWith(".xz")
      ? execFileSync("xz", ["--decompress", "--stdout", join(folder, path)], { maxBuffer: 2 ** 26 })
      : readFileSync(join(folder, path));
    writeFileSync(join(target, `${String(at).padStart(2, "0")}-${moduleName(path)}.ko`), bytes);
  }
}

const moduleName = (path: string): string => basename(path).replace(/\.ko(?:\.xz)?$/, "");

/** Takes the ELF image out of a bzImage; its header says where the packed payload lies (Linux boot protocol 2.08). */
function unpackKernel(path: string): Buffer {
  const image = readFileSync(path);
  if (image.toString("latin1", 0x202, 0x206) !== "HdrS") throw new Error(`${path} is no Linux kernel`);
  const realModeBytes = (image.readUInt8(0x1f1) + 1) * 512;
  const start = realModeBytes + image.readUInt32LE(0x248);
  const length = image.readUInt32LE(0x24c);
  // The last four bytes are the unpacked length.
  const payload = image.subarray(start, start + length - 4);
  const kernel = unpack(payload);
  if (kernel.toString("latin1", 1, 4) !== "ELF") throw new Error(`${path} does not hold an ELF image`);
  return kernel;
}

function unpack(payload: Buffer): Buffer {
  const magic = payload.toString("hex", 0, 4);
  if (magic === "28b52ffd") return zstdDecompressSync(payload);
  if (magic.startsWith("1f8b")) return gunzipSync(payload);
  const program = magic === "02214c18" ? "lz4" : "xz";
  const { stdout, stderr } = spawnSync(program, ["-d", "-c"], { input: payload, maxBuffer: 2 ** 28 });
  if (stdout.length === 0)
    throw new Error(`${program} cannot unpack the kernel: ${stderr.toString().trim()}`);
  return stdout;
}
