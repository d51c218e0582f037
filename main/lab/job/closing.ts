import type { FlowTotal } from "../../../agents/control/records.ts";
import type { SpeakerName } from "../hosts.ts";
import { LabError } from "../hosts.ts";
import type { Cluster, RunContext } from "./cluster.ts";
import { planFor } from "./application-plan.ts";
import { allTotals, drained, overloadOf } from "./drain.ts";
import type { OutsideComputer } from "./outside-computer.ts";

const closeMs = 5_000;

/** Ends the load, waits until all is acknowledged, and answers what either side gave out. */
export async function drainAll(
  { agents, setting, recording, note, signal }: RunContext,
  serving: SpeakerName,
  peer: OutsideComputer,
): Promise<readonly FlowTotal[]> {
  const member = agents.session(serving);
  const ofCluster = async (): Promise<readonly FlowTotal[]> => {
    member.send({ type: "stop-load" });
    return await drained(serving, () => member.status(), note, signal);
  };
  const ofPeer = async (): Promise<readonly FlowTotal[]> => {
    await peer.stopLoad();
    return await drained("peer", () => peer.status(), note, signal);
  };
  // Who sends by itself first: what it sent last is still answered by the other side.
  let cluster: readonly FlowTotal[] = [];
  if (planFor(setting.application).clusterSends) cluster = await ofCluster();
  const outside = await ofPeer();
  if (!planFor(setting.application).clusterSends) cluster = await ofCluster();
  const overload = overloadOf(recording.events, setting);
  if (overload !== undefined) throw new LabError(overload);
  for (const text of peer.remarks) note(text);
  // A sink takes what comes; every other outside computer of a cluster that numbers sends it back.
  const isOurs = setting.peer === "agent" || setting.peer === "cluster";
  const sendsBack = !isOurs || planFor(setting.application).peer === "numbered";
  return allTotals(cluster, outside, sendsBack);
}

/**
 * Shuts the association down, and ends all programs, so that the last of their records are in; the fault is healed.
 * A member that was frozen or cut off has unread packets of an association that still lives when it wakes.
 */
export async function closeAll(
  context: RunContext,
  clusters: readonly Cluster[],
  peer: OutsideComputer,
): Promise<void> {
  const { agents, setting, recording, note, signal } = context;
  const [cluster] = clusters;
  if (cluster === undefined) throw new Error("broken rule: a run has a cluster");
  const { serving } = cluster;
  for (const name of clusters.flatMap(({ living }) => living)) await agents.session(name).status();
  await peer.shutdown();
  const closed = (): boolean => recording.count(serving, "association-closed") >= setting.associations;
  if (!(await recording.until(closed, closeMs, signal)))
    note(
      setting.associations === 1
        ? "the association did not end by SHUTDOWN in time"
        : "not all associations ended by SHUTDOWN in time",
    );
  await peer.quit();
  await cluster.quitMembers();
}
