import { HostError, type SshHost } from "../../deploy/index.ts";
import { LabError } from "../hosts.ts";
import { type Lease, leaseRules } from "./lease.ts";
import { cutAddressRuleset, cutDeviceRuleset, keepQuietRuleset } from "./rules.ts";

export interface CutOptions {
  /** The host's address in the management network: its device is never cut. */
  readonly protectedAddress: string;
  /** The cut heals by itself after this time, whatever becomes of the desk. */
  readonly revertAfterMs: number;
}

/** `$1` the protected address; the SSH connection's own server address is the third word of SSH_CONNECTION. */
const protectedDevices = `
set -- "$1" $SSH_CONNECTION
ip -o addr show | awk -v one="$1" -v two="\${4:-none}" '{ held = $4; sub("/.*", "", held); if (held == one || held == two) print $2 }'
[ -z "$2" ] || ip -o route get "$2" 2>/dev/null | sed -n 's/.* dev \\([^ ]*\\).*/\\1/p'`;

/** Refuses with a LabError a device that is not there, or that carries the management address or this SSH connection. */
export async function checkCuttable(host: SshHost, device: string, protectedAddress: string): Promise<void> {
  const found = await host.script(protectedDevices, [protectedAddress]);
  const carriers = found.stdout.split("\n").map((line) => line.trim());
  if (found.code !== 0) {
    throw new HostError(
      "remote",
      host.name,
      `The interfaces of ${host.where} cannot be listed: ${found.stderr.trim()}.`,
    );
  }
  if (carriers.includes(device)) {
    throw new LabError(
      `${device} of ${host.where} carries the management network and is never cut: name another interface.`,
    );
  }
  const there = await host.exec(["ip", "link", "show", "dev", device]);
  if (there.code !== 0)
    throw new LabError(`${host.where} has no interface ${device}: correct its name in the testbed.`);
}

/** Cuts a host off one of its networks by firewall rules, in both directions; what `checkCuttable` refuses is not cut. */
export async function cutInterface(host: SshHost, device: string, options: CutOptions): Promise<Lease> {
  await checkCuttable(host, device, options.protectedAddress);
  return await leaseRules(host, (table) => cutDeviceRuleset(table, device), options.revertAfterMs);
}

/** Lets a host hear nothing of one address on a device and say nothing to it; refuses as `cutInterface` does. */
export async function cutAddress(
  host: SshHost,
  device: string,
  address: string,
  options: CutOptions,
): Promise<Lease> {
  await checkCuttable(host, device, options.protectedAddress);
  return await leaseRules(host, (table) => cutAddressRuleset(table, device, address), options.revertAfterMs);
}

/**
 * The kernel of a machine lives on when an agent is killed, and would tell the outside computer that nobody
 * is there any more, by ICMP or with an ABORT of its own SCTP, which a dead machine never does: this keeps it quiet.
 */
export async function keepKernelQuiet(
  host: SshHost,
  device: string,
  udpPort: number,
  revertAfterMs: number,
): Promise<Lease> {
  return await leaseRules(host, (table) => keepQuietRuleset(table, device, udpPort), revertAfterMs);
}
