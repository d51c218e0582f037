import type { ClusterSetting, Configure } from "../../../agents/control/index.ts";
import type { Lab } from "../hosts.ts";
import type { JobSetting } from "./setting.ts";
import { timerSetting } from "./setting.ts";

/** What an agent is told to be: an instance of the cluster with both addresses, or the outside computer with its own. */
export function configurationOf(
  lab: Lab,
  setting: JobSetting,
  role: Configure["role"],
  cluster: ClusterSetting | undefined,
): Configure {
  const { a, b, peer } = lab.hosts;
  const own = role === "primary" ? a : role === "secondary" ? b : peer;
  const isPeer = role === "peer";
  return {
    type: "configure",
    role,
    sctpPort: isPeer ? setting.peerSctpPort : setting.sctpPort,
    udpPort: lab.udpPort,
    transport: setting.transport,
    localAddresses: isPeer ? [peer.outside.address] : [a.outside.address, b.outside.address],
    ownAddress: own.outside.address,
    timers: timerSetting(setting.timers),
    ...(cluster === undefined ? {} : { cluster }),
  };
}
