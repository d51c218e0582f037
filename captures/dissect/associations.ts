import { AssociationFollower, rootOf } from "./association-follower.ts";
import type { End, Group } from "./association-follower.ts";
import type { SctpSummary } from "./summary.ts";

/** One end of an association, as far as the packets have shown it. */
export interface AssociationEnd {
  readonly port: number;
  /** Addresses that its packets came from or went to, and those that its INIT or INIT ACK listed. */
  readonly addresses: readonly string[];
  /** The verification tag of packets toward this end. */
  readonly tag?: number;
}

export interface FollowedAssociation {
  /** 0, 1, 2 ... in order of their first packets. */
  readonly index: number;
  /** The end that sent the INIT; where that was not captured, the one that sent the first packet. */
  readonly initiator: AssociationEnd;
  readonly responder: AssociationEnd;
  readonly packets: number;
  /** The association that this one took the place of without its having ended: same path, a new INIT. */
  readonly restartOf?: number;
}

export interface FollowedAssociations {
  readonly associations: readonly FollowedAssociation[];
  /** For each packet, in the order given, the index of its association. */
  readonly indexOfPacket: readonly number[];
}

/**
 * Groups packets, oldest first, into associations, whatever addresses they use: an association is known
 * by its ports and its verification tags. INIT and INIT ACK tell both tags (RFC 9260 section 5.1). Where
 * the set-up is missing, the two directions find each other by a pair of addresses in common.
 */
export function followAssociations(packets: Iterable<SctpSummary>): FollowedAssociations {
  const follower = new AssociationFollower();
  const groupOfPacket: Group[] = [];
  for (const packet of packets) groupOfPacket.push(follower.add(packet));
  const roots = follower.groups.filter((group) => group.mergedInto === undefined);
  const indexes = new Map(roots.map((group, index) => [group, index]));
  const indexOf = (group: Group): number => indexes.get(rootOf(group)) ?? -1;
  const associations = roots.map((group, index) => ({
    index,
    initiator: endOf(group.initiator),
    responder: endOf(group.responder),
    packets: group.packets,
    ...(group.restartOf === undefined ? {} : { restartOf: indexOf(group.restartOf) }),
  }));
  return { associations, indexOfPacket: groupOfPacket.map(indexOf) };
}

function endOf({ port, addresses, tag }: End): AssociationEnd {
  return { port, addresses: [...addresses], ...(tag === undefined ? {} : { tag }) };
}
