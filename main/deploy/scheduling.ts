import type { SshHost } from "./ssh-host.ts";

/** How the kernel gives an agent the processor: ahead of all ordinary programs, or as one of them. */
export type Scheduling = "real-time" | "normal";

/** Round robin at the lowest real-time priority. The kernel keeps a twentieth of the time for the others (sched(7)). */
const realTime = ["chrt", "--rr", "1"];

/**
 * The words before a command that give it `wanted`; none where the host does not let us, as without CAP_SYS_NICE.
 *
 * A niceness would not do: with autogroups (sched(7)), which Linux has switched on, it counts among the programs
 * of one session only, and each agent has a session of its own.
 */
export async function schedulingWords(host: SshHost, wanted: Scheduling): Promise<readonly string[]> {
  if (wanted === "normal") return [];
  const { code } = await host.script('"$@" true', realTime);
  return code === 0 ? realTime : [];
}
