import type { KernelImage } from "./kernel-image.ts";

const memoryMegabytes = 128;

/** A tap device of the host, and the address of the guest's card at its other end. */
export interface GuestCard {
  readonly tap: string;
  readonly mac: string;
}

export interface MachineRequest {
  readonly image: KernelImage;
  readonly initramfs: string;
  /** Words for the kernel's command line. */
  readonly words: readonly string[];
  readonly cards: readonly GuestCard[];
  /** Where the kernel's console goes. */
  readonly consoleFile: string;
}

/**
 * QEMU's arguments for a small machine that emulates its processor, so that it runs in virtual machines and
 * containers too. It has no window and no monitor; more devices may be added.
 */
export function machineArguments({ image, initramfs, words, cards, consoleFile }: MachineRequest): string[] {
  const line = ["console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable no_timer_check", ...words].join(
    " ",
  );
  const argv = ["-accel", "tcg", "-cpu", "max", "-m", `${memoryMegabytes}`, "-no-reboot"];
  // Where a second processor might be added, QEMU before 8.1 keeps the guest's memory barriers (its commit
  // c914d46d0a64). Without them a kick of a virtio queue gets lost now and then, and the network is dead for good.
  argv.push("-smp", "1,maxcpus=2");
  argv.push("-nodefaults", "-no-user-config", "-display", "none");
  argv.push("-kernel", image.vmlinux, "-initrd", initramfs, "-append", line);
  argv.push("-serial", `file:${consoleFile}`);
  for (const [at, { tap, mac }] of cards.entries()) {
    argv.push("-netdev", `tap,id=net${at},ifname=${tap},script=no,downscript=no`);
    argv.push("-device", `virtio-net-pci,netdev=net${at},mac=${mac},romfile=`);
  }
  return argv;
}
