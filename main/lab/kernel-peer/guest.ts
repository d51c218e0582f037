import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabError } from "../hosts.ts";
import { buildInitramfs, busybox } from "./initramfs.ts";
import { type KernelImage, kernelImage } from "./kernel-image.ts";
import { whyNoKernel } from "./missing.ts";

const agents = fileURLToPath(new URL("../../../agents/", import.meta.url));
const headers = join(agents, "kernel-peer");
const programs = join(agents, "usrsctp-peer");

/** A kernel, and a file system with the outside computer's program on it. */
export interface KernelGuest {
  readonly image: KernelImage;
  readonly initramfs: string;
}

/** One name for what goes into the file system: made anew when any of it has changed. */
function contentHash(image: KernelImage): string {
  const hash = createHash("sha256");
  for (const folder of [headers, programs]) {
    for (const name of readdirSync(folder).toSorted((left, right) => (left < right ? -1 : 1)))
      hash.update(readFileSync(join(folder, name)));
  }
  return hash.update(image.modules.join()).digest("hex").slice(0, 16);
}

/**
 * Gets the kernel and makes the file system, or finds both in the cache. Throws a LabError with one sentence
 * where this machine cannot have them.
 */
export function prepareGuest(): KernelGuest {
  const missing = whyNoKernel();
  if (missing !== undefined) {
    throw new LabError(
      `The Linux kernel cannot be the outside computer here: ${missing}; install that, or choose another --peer.`,
    );
  }
  try {
    busybox();
    const image = kernelImage();
    const initramfs = join(image.folder, `peer-${contentHash(image)}.cpio`);
    if (!existsSync(initramfs)) build(image, initramfs);
    return { image, initramfs };
  } catch (cause) {
    const told = cause instanceof Error ? cause.message.trim().split("\n")[0] : String(cause);
    throw new LabError(
      `The Linux kernel cannot be the outside computer here (${told}): mend that, or choose another --peer.`,
      { cause },
    );
  }
}

function build(image: KernelImage, initramfs: string): void {
  const folder = mkdtempSync(join(image.folder, "building-"));
  try {
    const archive = buildInitramfs(folder, image, {
      init: join(headers, "init"),
      source: join(programs, "peer.c"),
      includes: [headers],
      addressScript: "",
    });
    renameSync(archive, initramfs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
