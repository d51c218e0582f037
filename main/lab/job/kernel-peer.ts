import type { SshHost } from "../../deploy/index.ts";
import { LabError, type LabHost } from "../hosts.ts";
import type { KernelGuest } from "../kernel-peer/index.ts";
import { machineArguments } from "../kernel-peer/index.ts";
import type { SessionHandlers } from "./agent-session.ts";
import type { PeerPlace } from "./peer-program.ts";
import { PeerProgram, peerArguments } from "./peer-program.ts";
import type { JobSetting } from "./setting.ts";

const tap = "tap0";
/** An emulated processor beside a loaded one takes its time. */
const startMs = 90_000;
const controlPort = ["-chardev", "stdio,id=control,signal=off", "-device", "virtio-serial-pci"];
controlPort.push("-device", "virtserialport,chardev=control,name=control");

/** The host becomes a switch between its own card, `$1`, and the machine's, which gets the address. `$2` tap. */
const bridgeScript = `
ip link add machines type bridge stp_state 0 forward_delay 0 mcast_snooping 0 &&
ip link set machines addrgenmode none up &&
ip address flush dev "$1" &&
ip tuntap add "$2" mode tap &&
ip link set "$2" addrgenmode none &&
ip link set "$2" master machines up &&
ip link set "$1" master machines`;

/**
 * Starts a virtual machine as the outside computer: Linux's own SCTP, in UDP, at the host's address on the
 * outside network. The lab must share its files with the desk, and goes with all that is changed here.
 */
export async function startKernelPeer(
  host: SshHost,
  { outside, workdir }: LabHost,
  guest: KernelGuest,
  place: PeerPlace,
  setting: JobSetting,
  handlers: SessionHandlers,
): Promise<PeerProgram> {
  const bridged = await host.script(bridgeScript, [outside.device, tap], { asRoot: true });
  if (bridged.code !== 0) {
    throw new LabError(
      `The virtual machine's card cannot be put on the outside network: ${bridged.stderr.trim().split("\n")[0]}.`,
    );
  }
  const words = [
    `understudy.address=${place.ownAddress}/24`,
    `understudy.peer=${peerArguments(place, setting).join()}`,
  ];
  const cards = [{ tap, mac: "52:54:00:00:00:01" }];
  const machine = machineArguments({ ...guest, words, cards, consoleFile: `${workdir}-console.txt` });
  const process = await host.spawn(["qemu-system-x86_64", ...machine, ...controlPort]);
  // The machine's first process waits for a line before it starts the program.
  process.stdin.write("start\n");
  const advice = "whether it has the memory for a virtual machine";
  const started = { host, process, name: "kernel peer", advice, startMs };
  return await PeerProgram.greeted(started, setting, handlers);
}
