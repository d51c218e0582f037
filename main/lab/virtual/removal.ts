import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../hosts.ts";
import { type Manifest, labFolder, listManifests } from "./manifest.ts";
import { isAlive } from "./owner.ts";
import { run } from "./run.ts";

/**
 * Removes a lab: every process inside its namespaces, the namespaces with their interfaces and
 * firewall rules, the link in our own namespace, the folder. Doing it twice, or when only half of it
 * was ever made, does no harm. A shell script, because the reaper must outlive the desk and needs
 * nothing but a shell.
 *
 * $1: `now`, or `reap`: first wait on stdin; the word `done` means that nothing is left to do, the end
 * of input that the desk has died. $2 folder, $3 link or empty, then the namespaces.
 */
const removeLab = `
PATH=\${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin; export PATH
trap "" HUP INT QUIT PIPE TERM
when=$1 folder=$2 link=$3; shift 3
if [ "$when" = reap ]; then
  while read -r word; do [ "$word" = "done" ] && exit 0; done
fi
round=0
while [ $round -lt 100 ]; do
  alive=""
  for ns; do alive="$alive $(ip netns pids "$ns" 2>/dev/null)"; done
  case $alive in *[0-9]*) kill -KILL $alive 2>/dev/null; sleep 0.05 ;; *) break ;; esac
  round=$((round + 1))
done
[ -n "$link" ] && ip link del "$link" 2>/dev/null
for ns; do ip netns del "$ns" 2>/dev/null; done
rm -rf -- "$folder"
true`;

function removalArgs(when: "now" | "reap", stateDir: string, manifest: Manifest): string[] {
  return [
    "-c",
    removeLab,
    "sh",
    when,
    labFolder(stateDir, manifest.id),
    manifest.link ?? "",
    ...manifest.namespaces,
  ];
}

/** Removes a lab and looks whether it is really gone. */
export async function removeLabNow(stateDir: string, manifest: Manifest): Promise<void> {
  const { stderr } = await run("sh", removalArgs("now", stateDir, manifest));
  const left = [
    ...manifest.namespaces
      .filter((name) => existsSync(join("/run/netns", name)))
      .map((name) => `namespace ${name}`),
    ...(manifest.link && existsSync(`/sys/class/net/${manifest.link}`) ? [`interface ${manifest.link}`] : []),
    ...(existsSync(labFolder(stateDir, manifest.id)) ? [`folder ${labFolder(stateDir, manifest.id)}`] : []),
  ];
  if (left.length === 0) return;
  const told = stderr.trim().split("\n").at(-1) ?? "";
  throw new LabError(
    `Lab ${manifest.id} could not be removed: ${left.join(", ")} stayed behind (${told}); remove that as root.`,
  );
}

export interface Reaper {
  /** Tells the reaper that the lab is already gone. */
  dismiss(): void;
}

/**
 * Starts a small shell that removes the lab when this process dies, in whatever way: its stdin is a
 * pipe whose other end only we hold. It is in a session of its own, so a Ctrl-C does not reach it.
 */
export function startReaper(stateDir: string, manifest: Manifest): Reaper {
  const reaper: ChildProcess = spawn("sh", removalArgs("reap", stateDir, manifest), {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  reaper.unref();
  const { stdin } = reaper;
  // A reaper that somebody ended must not end the lab; the manifest still covers it.
  stdin?.on("error", () => {});
  if (stdin && "unref" in stdin && typeof stdin.unref === "function") stdin.unref();
  return { dismiss: () => stdin?.end("done\n") };
}

/**
 * Removes labs in this state folder whose desk is dead.
 * Returns the ids. Rejects with a LabError when something could not be removed.
 */
export async function sweepStaleLabs(stateDir: string): Promise<string[]> {
  const swept: string[] = [];
  for (const { id, manifest } of listManifests(stateDir)) {
    if (manifest && isAlive(manifest.owner)) continue;
    if (manifest) await removeLabNow(stateDir, manifest);
    else rmSync(labFolder(stateDir, id), { recursive: true, force: true });
    swept.push(id);
  }
  return swept;
}
