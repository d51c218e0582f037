import type { FailoverInstants } from "../failover.ts";
import type { Figure } from "../report.ts";
import type { Scene } from "../scene.ts";

const errorOf = (scene: Scene, hostName: string): number =>
  scene.history.hosts.find((host) => host.name === hostName)?.clockErrorMicros ?? 0;

function detectionTime(scene: Scene, { fault, detected }: FailoverInstants): Figure[] {
  if (fault === undefined || detected === undefined) return [];
  return [
    {
      id: "fault-to-detection",
      title: "Failover event to detection",
      value: detected.at - fault.at,
      unit: "us",
      error: errorOf(scene, detected.host),
      method: `from the fault "${fault.fault}" on ${fault.host} (desk's clock) to the event primary-lost on ${detected.host} (its clock); RFC 6414 timestamp-based method`,
    },
  ];
}

function firstPacketTimes(scene: Scene, { fault, detected, firstPacket }: FailoverInstants): Figure[] {
  if (firstPacket === undefined) return [];
  const figures: Figure[] = [];
  const { host } = firstPacket;
  if (detected !== undefined) {
    figures.push({
      id: "detection-to-first-packet",
      title: "Detection to first packet from the secondary",
      value: firstPacket.at - detected.at,
      unit: "us",
      error: 0,
      method: `from the event primary-lost on ${detected.host} to the first packet out of its interface that is not only a HEARTBEAT ACK; one clock`,
    });
  }
  if (fault !== undefined) {
    figures.push({
      id: "fault-to-first-packet",
      title: "Failover event to first packet from the secondary",
      value: firstPacket.at - fault.at,
      unit: "us",
      error: errorOf(scene, host),
      method: `from the fault "${fault.fault}" on ${fault.host} (desk's clock) to the first packet out of the interface of ${host} that is not only a HEARTBEAT ACK (its clock)`,
    });
  }
  return figures;
}

function addressTime(scene: Scene, { fault, addressTaken }: FailoverInstants): Figure[] {
  if (fault === undefined || addressTaken === undefined) return [];
  const { host, address, fromUs } = addressTaken;
  return [
    {
      id: "fault-to-address",
      title: "Failover event to the takeover of the lost address",
      value: fromUs - fault.at,
      unit: "us",
      error: errorOf(scene, host),
      method: `from the fault "${fault.fault}" on ${fault.host} (desk's clock) until ${host} had ${address}, just before it announced that (its clock)`,
    },
  ];
}

function restorationTime(scene: Scene, { fault, restored }: FailoverInstants): Figure[] {
  if (fault === undefined || restored === undefined) return [];
  return [
    {
      id: "fault-to-restoration",
      title: "Failover event to restoration of every flow",
      value: restored.at - fault.at,
      unit: "us",
      error: errorOf(scene, restored.host),
      method: `from the fault "${fault.fault}" on ${fault.host} (desk's clock) until every flow had delivered a message sent after it; the last was ${restored.flow}, on ${restored.host} (its clock)`,
    },
  ];
}

/** Failover times in the words of RFC 6414; a figure whose ends were not recorded is left out. */
export function failoverTimes(scene: Scene): Figure[] {
  const { failover } = scene;
  return [
    ...detectionTime(scene, failover),
    ...firstPacketTimes(scene, failover),
    ...addressTime(scene, failover),
    ...restorationTime(scene, failover),
  ];
}
