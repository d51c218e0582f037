import { AckTimeline, readHeldBooks } from "./books.ts";
import type { HeldBooks } from "./books.ts";
import { collectDeliveries } from "./deliveries.ts";
import type { StreamDeliveries } from "./deliveries.ts";
import { failoverInstants } from "./failover.ts";
import type { FailoverInstants } from "./failover.ts";
import { readHandshake } from "./handshake.ts";
import type { Handshake, WireTransmission } from "./handshake.ts";
import type { History, HistoryHost } from "./history.ts";
import { joinTransmissions } from "./transmissions.ts";

/** A history with what several checkers need of it, worked out once. */
export interface Scene {
  readonly history: History;
  readonly primary?: HistoryHost;
  readonly secondary?: HistoryHost;
  readonly peer?: HistoryHost;
  /** Transmissions between the cluster and the peer, oldest first. */
  readonly wire: readonly WireTransmission[];
  readonly handshake: Handshake;
  readonly deliveries: ReadonlyMap<string, StreamDeliveries>;
  readonly failover: FailoverInstants;
  readonly held: HeldBooks;
  /** What the primary knew to be held. */
  readonly acks: AckTimeline;
}

/** By how much two stamps of different hosts may be wrong against each other: the sum of the two largest errors. */
export function clockSlackMicros(hosts: readonly HistoryHost[]): number {
  const errors = hosts.map((host) => host.clockErrorMicros).sort((left, right) => right - left);
  return (errors[0] ?? 0) + (errors[1] ?? 0);
}

function wireOf(history: History): readonly WireTransmission[] {
  const peers = new Set<string>();
  for (const host of history.hosts) if (host.role === "peer") peers.add(host.outsideAddress);
  const wire: WireTransmission[] = [];
  for (const joined of joinTransmissions(history.packets, clockSlackMicros(history.hosts))) {
    const { sourceAddress, destinationAddress } = joined.packet.sctp;
    // A third party's packet toward the peer counts too: whatever claims to be the cluster is judged.
    if (peers.has(sourceAddress)) wire.push({ ...joined, toward: "cluster" });
    else if (peers.has(destinationAddress)) wire.push({ ...joined, toward: "peer" });
  }
  return wire;
}

export function setScene(history: History): Scene {
  const byRole = (role: HistoryHost["role"]): HistoryHost | undefined =>
    history.hosts.find((host) => host.role === role);
  const primary = byRole("primary");
  const secondary = byRole("secondary");
  const peer = byRole("peer");
  const wire = wireOf(history);
  const deliveries = collectDeliveries(history);
  return {
    history,
    ...(primary === undefined ? {} : { primary }),
    ...(secondary === undefined ? {} : { secondary }),
    ...(peer === undefined ? {} : { peer }),
    wire,
    handshake: readHandshake(wire),
    deliveries,
    failover: failoverInstants(history, deliveries),
    held: readHeldBooks(history.updates, secondary?.name ?? ""),
    acks: new AckTimeline(history.acked.filter((record) => record.host === primary?.name)),
  };
}
