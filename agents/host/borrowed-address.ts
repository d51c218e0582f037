import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text as textOf } from "node:stream/consumers";

/**
 * Adds the address, says so, and takes it away when stdin ends, however this agent ends. A signal to the agent's
 * process group does not reach it. `$1` address with prefix, `$2` device; IPv6: then `nodad`, since others were asked.
 */
const borrow = `
PATH=\${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin; export PATH
trap "" HUP INT QUIT PIPE TERM
address=$1 device=$2; shift 2
ip addr add "$address" dev "$device" "$@" || exit
echo taken
while read -r _; do :; done
ip addr del "$address" dev "$device"`;

/** An address of another computer that is on a device of this one, as long as this program lives and wants it. */
export class BorrowedAddress {
  readonly #shell: ChildProcess;

  private constructor(shell: ChildProcess) {
    this.#shell = shell;
  }

  /** Rejects with the system's own words where the address cannot be had. */
  static async add(address: string, device: string): Promise<BorrowedAddress> {
    const isIpv6 = address.includes(":");
    // No prefix but its own: it brings no route, and ours stays the address for whatever names none.
    const words = isIpv6 ? [`${address}/128`, device, "nodad"] : [`${address}/32`, device];
    const shell = spawn("sh", ["-c", borrow, "sh", ...words], { cwd: "/", detached: true, stdio: "pipe" });
    // A shell that somebody ended must not end the agent.
    shell.stdin.on("error", () => {});
    const complaint = textOf(shell.stderr);
    const [said] = (await Promise.race([once(shell.stdout, "data"), once(shell, "close")])) as unknown[];
    if (Buffer.isBuffer(said)) return new BorrowedAddress(shell);
    throw new Error((await complaint).trim().split("\n")[0] ?? "");
  }

  /** Resolves when the address is not on this computer any more. */
  async giveBack(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return;
    const ended = once(this.#shell, "exit");
    this.#shell.stdin?.end();
    await ended;
  }
}
