import { HostError, type SshHost } from "../../deploy/index.ts";
import { LabError } from "../hosts.ts";
import { type Lease, leaseRules } from "./lease.ts";
import { cutDeviceRuleset, dropUnreachablesRuleset } from "./rules.ts";

export type { Lease } from "./lease.ts";
export { dropUnreachablesRuleset } from "./rules.ts";

/**
 * Ends a process by SIGKILL, at once. One that is gone already is an error: the fault did not happen.
 * Answers the instant just before, in microseconds since the Unix epoch, by the host's clock.
 */
export async function killProcess(host: SshHost, pid: number): Promise<number> {
  const script = 'date +%s%6N; kill -KILL "$1" 2>/dev/null || sudo -n kill -KILL "$1"';
  const { code, stdout, stderr } = await host.script(script, [String(pid)]);
  const atUs = Number(stdout.trim());
  if (code === 0 && Number.isSafeInteger(atUs)) return atUs;
  const reason = code === 0 ? `its date command answered "${stdout.trim()}"` : stderr.trim();
  throw new HostError(
    "remote",
    host.name,
    `Process ${pid} on ${host.where} could not be killed at a known instant: ${reason || "it is not there or belongs to another user"}.`,
  );
}

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

/**
 * The kernel of a machine lives on when an agent is killed, and would tell the outside computer by ICMP
 * that nobody holds the UDP port any more, which a dead machine never does: this keeps it quiet.
 */
export async function silenceUnreachables(
  host: SshHost,
  device: string,
  udpPort: number,
  revertAfterMs: number,
): Promise<Lease> {
  return await leaseRules(host, (table) => dropUnreachablesRuleset(table, device, udpPort), revertAfterMs);
}
