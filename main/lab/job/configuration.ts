import type { ClusterSetting, Configure, KeeperPlace } from "../../../agents/control/index.ts";
import type { BasicHostName, Lab, MemberName } from "../hosts.ts";
import { planFor } from "./application-plan.ts";
import type { JobSetting } from "./setting.ts";
import { timerSetting } from "./setting.ts";

function endpointOf(lab: Lab, setting: JobSetting, host: BasicHostName) {
  const { a, b, peer } = lab.hosts;
  const isPeer = host === "peer";
  return {
    type: "configure" as const,
    sctpPort: isPeer ? setting.peerSctpPort : setting.sctpPort,
    udpPort: lab.udpPort,
    transport: setting.transport,
    localAddresses: isPeer ? [peer.outside.address] : [a.outside.address, b.outside.address],
    ownAddress: lab.hosts[host].outside.address,
    timers: timerSetting(setting.timers),
  };
}

/** The outside computer, with its own address only. */
export function peerConfiguration(lab: Lab, setting: JobSetting): Configure {
  const { associations, application } = setting;
  const partner = planFor(application).peer;
  return { ...endpointOf(lab, setting, "peer"), role: "peer", associations, application: partner };
}

/** A member of the cluster: the endpoint has the addresses of both. */
export function memberConfiguration(
  lab: Lab,
  setting: JobSetting,
  member: MemberName,
  role: "primary" | "secondary",
  cluster: ClusterSetting,
  keeper: KeeperPlace | undefined,
  application: string,
): Configure {
  return {
    ...endpointOf(lab, setting, member),
    role,
    cluster,
    replication: setting.policy,
    fencing: setting.fencing,
    application,
    ...(keeper && { keeper }),
  };
}
