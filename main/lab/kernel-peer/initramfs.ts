import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { KernelImage } from "./kernel-image.ts";

/** What runs in the virtual machine beside the kernel. */
export interface GuestFiles {
  /** The shell script that is process 1. */
  readonly init: string;
  /** The peer program in C, and where else its headers are; compiled without libraries. */
  readonly source: string;
  readonly includes: readonly string[];
  /** Shell lines that the script may read as /addresses. */
  readonly addressScript: string;
}

/**
 * The virtual machine's whole file system: busybox, iproute2 with its libraries, the modules, the peer program
 * and its scripts.
 *
 * @param folder where it is put together; the archive in it is answered
 */
export function buildInitramfs(folder: string, image: KernelImage, guest: GuestFiles): string {
  const root = join(folder, "initramfs");
  for (const name of ["bin", "dev", "proc", "sys", "tmp", "modules"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  copyFileSync(busybox(), join(root, "bin/busybox"));
  symlinkSync("busybox", join(root, "bin/sh"));
  for (const program of ["tc", "ip"]) copyWithLibraries(root, findProgram(program));
  for (const path of image.modules) copyFileSync(path, join(root, "modules", basename(path)));
  writeFileSync(join(root, "addresses"), guest.addressScript);
  copyFileSync(guest.init, join(root, "init"));
  chmodSync(join(root, "init"), 0o755);
  const flags = [
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-static",
    ...guest.includes.map((path) => `-I${path}`),
  ];
  execFileSync("gcc", [...flags, "-o", join(root, "bin/peer"), guest.source, "-lpthread"], { stdio: "pipe" });
  const archive = join(folder, "initramfs.cpio");
  const names = execFileSync("find", [".", "-mindepth", "1"], { cwd: root });
  writeFileSync(
    archive,
    execFileSync("cpio", ["--create", "--format=newc", "--quiet"], {
      cwd: root,
      input: names,
      maxBuffer: 2 ** 28,
      stdio: ["pipe", "pipe", "pipe"],
    }),
  );
  return archive;
}

function findProgram(name: string): string {
  return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
}

/** busybox of another package may be linked with libraries, which the guest has not. */
export function busybox(): string {
  const path = findProgram("busybox");
  if (spawnSync("ldd", [path]).status === 0) throw new Error("busybox-static is not installed");
  return path;
}

/** Not into /bin, where an applet of busybox has the same name. */
function copyWithLibraries(root: string, program: string): void {
  mkdirSync(join(root, "sbin"), { recursive: true });
  copyFileSync(program, join(root, "sbin", basename(program)));
  for (const line of execFileSync("ldd", [program], { encoding: "utf8" }).split("\n")) {
    const path = /(?<path>\/\S+) \(/.exec(line)?.groups?.["path"];
    if (path === undefined) continue;
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
}
