import type { FencingMode } from "../../../agents/control/index.ts";
import { cutsOf, faultNamed } from "../faults/index.ts";
import type { Cut, MemberName, SpeakerName } from "../hosts.ts";
import { planFor } from "./application-plan.ts";
import type { JobSetting, KeeperKind } from "./setting.ts";

/** An end of the association that is a cluster: its computers, and how it replicates. */
export interface ClusterEnd {
  /** Begins as the primary, and is what faults are done to. */
  readonly first: SpeakerName;
  readonly second: SpeakerName;
  readonly policy: string;
  readonly placement: "standby" | "store";
  readonly fencing: FencingMode;
  readonly keeper?: KeeperKind | undefined;
  readonly addressTakeover: boolean;
  readonly sctpPort: number;
  /** What runs on its associations, where no module is sent along. */
  readonly application: string;
}

/** The cluster that the run is about. */
export function nearEnd(setting: JobSetting): ClusterEnd {
  const { policy, placement, fencing, keeper, addressTakeover, sctpPort, application } = setting;
  const replication = { policy, placement, fencing, keeper, addressTakeover };
  return { first: "a", second: "b", ...replication, sctpPort, application };
}

/** The outside end, where that is a cluster, too. */
export function outsideEnd(setting: JobSetting): ClusterEnd | undefined {
  const { peer, peerPolicy: policy, peerFencing: fencing, peerSctpPort: sctpPort } = setting;
  if (peer !== "cluster") return undefined;
  const application = planFor(setting.application).peer;
  const replication = { policy, placement: "standby", fencing, addressTakeover: false } as const;
  return { first: "peer", second: "peer2", ...replication, sctpPort, application };
}

/** The member that stands where a fault says a or b. */
export function memberAt({ first, second }: ClusterEnd, member: MemberName): SpeakerName {
  return member === "a" ? first : second;
}

/** Faults are written down as if they were done to a and b: the same place of another end. */
export function cutAt(end: ClusterEnd, place: Cut): Cut {
  if (place === "cluster-link") return end.first === "a" ? "cluster-link" : "peer-link";
  const [host, network] = place.split(":") as [MemberName, "outside" | "intra"];
  return `${memberAt(end, host)}:${network}`;
}

/** The ends to which the run's fault is done. */
export function struckEnds(setting: JobSetting): ClusterEnd[] {
  const far = outsideEnd(setting);
  const { end } = setting.fault;
  return [...(end === "peer" ? [] : [nearEnd(setting)]), ...(end === "cluster" || !far ? [] : [far])];
}

/** What the run will cut, at whichever end. */
export function cutsOfRun(
  setting: JobSetting,
): readonly { readonly place: Cut; readonly whereItCan: boolean }[] {
  return struckEnds(setting).flatMap((end) =>
    cutsOf(faultNamed(setting.fault.name)).map(({ place, whereItCan = false }) => ({
      place: cutAt(end, place),
      whereItCan,
    })),
  );
}
