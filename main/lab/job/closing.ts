import type { FlowTotal } from "../../../agents/control/records.ts";
import type { MemberName } from "../hosts.ts";
import { LabError } from "../hosts.ts";
import type { Cluster, RunContext } from "./cluster.ts";
import { drained, echoTotals, overloadOf } from "./drain.ts";
import type { FaultPlayer } from "./fault-player.ts";
import type { OutsideComputer } from "./outside-computer.ts";

const closeMs = 5_000;

/** Ends the load, waits until all is acknowledged, and answers what either side gave out. */
export async function drainAll(
  { agents, setting, recording, note, signal }: RunContext,
  serving: MemberName,
  peer: OutsideComputer,
): Promise<readonly FlowTotal[]> {
  const member = agents.session(serving);
  member.send({ type: "stop-load" });
  // The cluster first: what it sent last is still echoed by the outside computer.
  const cluster = await drained(serving, () => member.status(), note, signal);
  await peer.stopLoad();
  const outside = await drained("peer", () => peer.status(), note, signal);
  const overload = overloadOf(recording.events, setting);
  if (overload !== undefined) throw new LabError(overload);
  for (const text of peer.remarks) note(text);
  return [...cluster, ...outside, ...echoTotals(cluster)];
}

/**
 * Heals the fault, shuts the association down, and ends all programs, so that the last of their records are in.
 * A member that was frozen or cut off has unread packets of an association that still lives when it wakes.
 */
export async function closeAll(
  context: RunContext,
  cluster: Cluster,
  player: FaultPlayer,
  peer: OutsideComputer,
): Promise<void> {
  const { agents, setting, recording, note, signal } = context;
  const { serving } = cluster;
  await player.heal();
  for (const name of cluster.living) await agents.session(name).status();
  await peer.shutdown();
  const closed = (): boolean => recording.count(serving, "association-closed") >= setting.associations;
  if (!(await recording.until(closed, closeMs, signal)))
    note(
      setting.associations === 1
        ? "the association did not end by SHUTDOWN in time"
        : "not all associations ended by SHUTDOWN in time",
    );
  await peer.quit();
  for (const name of serving === "a" ? (["b", "a"] as const) : (["a", "b"] as const)) {
    await agents.session(name).quit();
  }
}
