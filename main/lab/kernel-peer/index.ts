/** Linux's own SCTP in a virtual machine: Debian's kernel, a file system for it, QEMU. The front door of the room. */
export type { KernelGuest } from "./guest.ts";
export { prepareGuest } from "./guest.ts";
export { buildInitramfs, busybox } from "./initramfs.ts";
export type { KernelImage } from "./kernel-image.ts";
export { kernelImage } from "./kernel-image.ts";
export { machineArguments } from "./machine.ts";
export { whyNoKernel } from "./missing.ts";
