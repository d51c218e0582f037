import type { ClusterSetting, Configure, KeeperPlace } from "../../../agents/control/index.ts";
import type { Lab, SpeakerName } from "../hosts.ts";
import { speakerOf } from "../hosts.ts";
import { planFor } from "./application-plan.ts";
import type { ClusterEnd } from "./end.ts";
import type { JobSetting } from "./setting.ts";
import { timerSetting } from "./setting.ts";

function endpointOf(lab: Lab, setting: JobSetting, host: SpeakerName, all: readonly SpeakerName[]) {
  const addressOf = (name: SpeakerName): string => speakerOf(lab.hosts, name).outside.address;
  return {
    type: "configure" as const,
    udpPort: lab.udpPort,
    transport: setting.transport,
    localAddresses: all.map(addressOf),
    ownAddress: addressOf(host),
    timers: timerSetting(setting.timers),
  };
}

/** The outside computer, with its own address only. */
export function peerConfiguration(lab: Lab, setting: JobSetting): Configure {
  const { associations, application } = setting;
  return {
    ...endpointOf(lab, setting, "peer", ["peer"]),
    sctpPort: setting.peerSctpPort,
    role: "peer",
    associations,
    application: planFor(application).peer,
  };
}

/** What a member begins as. */
export interface StartedMember {
  readonly name: SpeakerName;
  readonly role: "primary" | "secondary";
  readonly application: string;
}

/** A member of a cluster: the endpoint has the addresses of both. */
export function memberConfiguration(
  lab: Lab,
  setting: JobSetting,
  end: ClusterEnd,
  { name, role, application }: StartedMember,
  cluster: ClusterSetting,
  keeper: KeeperPlace | undefined,
): Configure {
  return {
    ...endpointOf(lab, setting, name, [end.first, end.second]),
    sctpPort: end.sctpPort,
    role,
    outside: end.first !== "a",
    cluster,
    replication: end.policy,
    fencing: end.fencing,
    addressTakeover: end.addressTakeover,
    application,
    ...(keeper && { keeper }),
  };
}
