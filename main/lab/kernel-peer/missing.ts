import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

const neededPrograms = {
  "qemu-system-x86_64": "qemu-system-x86",
  busybox: "busybox-static",
  cpio: "cpio",
  depmod: "kmod",
  lz4: "lz4",
  gcc: "gcc",
  ip: "iproute2",
  tc: "iproute2",
  "apt-get": "apt",
  "dpkg-deb": "dpkg",
  nsenter: "util-linux",
};

/** Why no virtual machine with Debian's kernel can run here, in a few words; undefined where one can. */
export function whyNoKernel(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64")
    return "the kernel's package is for Linux on x64";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  if (!existsSync("/dev/net/tun")) return "this machine has no /dev/net/tun";
  for (const [program, name] of Object.entries(neededPrograms)) {
    try {
      execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    } catch {
      return `${name} is not installed`;
    }
  }
  return undefined;
}
