import { randomBytes } from "node:crypto";
import { HostError, type SshHost } from "../../deploy/index.ts";

/** Families in which rules of ours may have a table. */
const families = "inet arp";

/** Rules that are in force on a host until they are released, and not longer than was said. */
export interface Lease {
  readonly table: string;
  /** Undoes the rules; over another connection to the host where the first one is lost. */
  release(over?: SshHost): Promise<void>;
}

/**
 * First starts the shell that will take the table away, then loads the table: whatever breaks in
 * between, nothing stays for good. `$1` table, `$2` seconds; the rules come on stdin.
 */
const applyScript = `
command -v setsid >/dev/null && detach=setsid || detach=nohup
$detach sh -c 'sleep "$2"; for f in ${families}; do nft delete table $f "$1"; done' sh "$1" "$2" </dev/null >/dev/null 2>&1 &
reverter=$!
if nft -f -; then echo "$reverter"; else status=$?; kill -s TERM -- "-$reverter" 2>/dev/null || kill -TERM "$reverter"; exit $status; fi`;

/** The reverter leads its own process group where setsid was there. A table that is gone already is fine. */
const releaseScript = `
for family in ${families}; do
  if nft list table $family "$1" >/dev/null 2>&1; then nft delete table $family "$1" || exit; fi
done
kill -s TERM -- "-$2" 2>/dev/null || kill -TERM "$2" 2>/dev/null
true`;

/** Loads an nftables table on a host; it disappears by itself after `revertAfterMs`, also when the desk is lost. */
export async function leaseRules(
  host: SshHost,
  rulesFor: (table: string) => string,
  revertAfterMs: number,
): Promise<Lease> {
  const table = `understudy_${randomBytes(6).toString("hex")}`;
  const seconds = String(Math.ceil(revertAfterMs / 1000));
  const applied = await host.script(applyScript, [table, seconds], { asRoot: true, stdin: rulesFor(table) });
  const reverter = /^(\d+)$/m.exec(applied.stdout)?.[1];
  if (applied.code !== 0 || reverter === undefined) {
    const told = applied.stderr.trim().split("\n")[0] ?? "";
    throw new HostError(
      "forbidden",
      host.name,
      `Firewall rules could not be set on ${host.where}: ${told}; it takes nftables, and root or sudo without a password.`,
    );
  }
  return {
    table,
    async release(over = host) {
      const released = await over.script(releaseScript, [table, reverter], { asRoot: true });
      if (released.code === 0) return;
      throw new HostError(
        "remote",
        host.name,
        `The firewall table ${table} on ${host.where} could not be removed: ${released.stderr.trim()}.`,
      );
    },
  };
}
