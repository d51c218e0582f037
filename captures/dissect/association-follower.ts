import type { ChunkSummary, SctpSummary } from "./summary.ts";

export interface End {
  readonly port: number;
  readonly addresses: Set<string>;
  /** The tag of packets toward this end. */
  tag: number | undefined;
}

/** What is known of one association; two groups may turn out to be one. */
export interface Group {
  readonly order: number;
  readonly initiator: End;
  readonly responder: End;
  packets: number;
  /** An ABORT or a SHUTDOWN COMPLETE was seen. */
  ended: boolean;
  /** The group that this one is a part of; `flipped`: its initiator is the other's responder. */
  mergedInto?: { readonly group: Group; readonly flipped: boolean };
  restartOf?: Group;
}

type Side = "initiator" | "responder";

/** A packet in a group, or a way that packets go: the group and the end that sends. */
interface Place {
  readonly group: Group;
  readonly from: Side;
}

const other = (side: Side): Side => (side === "initiator" ? "responder" : "initiator");
const sender = ({ group, from }: Place): End => group[from];
const receiver = ({ group, from }: Place): End => group[other(from)];

export function rootOf(group: Group): Group {
  return rootPlace({ group, from: "initiator" }).group;
}

function rootPlace(place: Place): Place {
  let { group, from } = place;
  while (group.mergedInto !== undefined) {
    if (group.mergedInto.flipped) from = other(from);
    group = group.mergedInto.group;
  }
  return { group, from };
}

const tagKey = (fromPort: number, toPort: number, tag: number): string => `${fromPort} ${toPort} ${tag}`;

const pathKey = (packet: SctpSummary): string =>
  `${packet.sourceAddress} ${packet.sourcePort} ${packet.destinationAddress} ${packet.destinationPort}`;

const reversePathKey = (packet: SctpSummary): string =>
  `${packet.destinationAddress} ${packet.destinationPort} ${packet.sourceAddress} ${packet.sourcePort}`;

/** ABORT and SHUTDOWN COMPLETE with the T bit carry the tag of the other direction (RFC 9260 section 8.5.1). */
const isReflected = (packet: SctpSummary): boolean =>
  packet.chunks.some((chunk) => chunk.tagReflected === true);

/** Both may be the same end: same port, no contradiction in the tags. */
const mayBeSame = (one: End, two: End): boolean =>
  one.port === two.port && (one.tag === undefined || two.tag === undefined || one.tag === two.tag);

const shareAddress = (one: End, two: End): boolean =>
  [...one.addresses].some((address) => two.addresses.has(address));

export class AssociationFollower {
  readonly groups: Group[] = [];
  /** By ports and tag of packets: the ways that carry them, one for nearly all keys. */
  readonly #byTag = new Map<string, Place[]>();
  /** By ports and addresses of packets: the latest association on that way. */
  readonly #byPath = new Map<string, Place>();

  /** Takes the next packet; gives its group, of which `rootOf` is final when all packets are in. */
  add(packet: SctpSummary): Group {
    const init = packet.chunks.find((chunk) => chunk.type === "INIT" && chunk.initiateTag !== undefined);
    const place = init === undefined ? this.#placeByTag(packet) : this.#placeInit(packet, init);
    place.group.packets += 1;
    sender(place).addresses.add(packet.sourceAddress);
    receiver(place).addresses.add(packet.destinationAddress);
    this.#byPath.set(pathKey(packet), place);
    for (const chunk of packet.chunks) {
      if (chunk.type === "ABORT" || chunk.type === "SHUTDOWN_COMPLETE") place.group.ended = true;
      if (chunk.type === "INIT_ACK") this.#takeInitAck(place, chunk);
    }
    return place.group;
  }

  /** An INIT with a tag that its sender has not used before opens an association. */
  #placeInit(packet: SctpSummary, init: ChunkSummary): Place {
    const tag = init.initiateTag ?? 0;
    const listed = [packet.sourceAddress, ...(init.addresses ?? [])];
    for (const back of this.#ways(packet.destinationPort, packet.sourcePort, tag)) {
      const owner = receiver(back);
      if (listed.some((address) => owner.addresses.has(address)))
        return { group: back.group, from: other(back.from) };
    }
    const before = this.#byPath.get(pathKey(packet)) ?? this.#byPath.get(reversePathKey(packet));
    const place = this.#open(packet);
    const predecessor = before === undefined ? undefined : rootOf(before.group);
    if (predecessor !== undefined && !predecessor.ended) place.group.restartOf = predecessor;
    for (const address of listed) sender(place).addresses.add(address);
    this.#learnTag({ group: place.group, from: other(place.from) }, tag);
    return place;
  }

  #placeByTag(packet: SctpSummary): Place {
    const known = this.#find(packet);
    if (
      known !== undefined &&
      known.group.initiator.tag !== undefined &&
      known.group.responder.tag !== undefined
    ) {
      return known;
    }
    const neighbour = this.#neighbour(packet);
    if (known !== undefined) {
      if (neighbour !== undefined) this.#mergeIfSame(known, neighbour);
      return rootPlace(known);
    }
    const place = neighbour ?? this.#open(packet);
    if (!isReflected(packet)) this.#learnTag(place, packet.verificationTag);
    return place;
  }

  #ways(fromPort: number, toPort: number, tag: number): Place[] {
    return (this.#byTag.get(tagKey(fromPort, toPort, tag)) ?? []).map(rootPlace);
  }

  #find(packet: SctpSummary): Place | undefined {
    const { sourcePort, destinationPort, verificationTag } = packet;
    const ways = isReflected(packet)
      ? this.#ways(destinationPort, sourcePort, verificationTag).map(({ group, from }) => ({
          group,
          from: other(from),
        }))
      : this.#ways(sourcePort, destinationPort, verificationTag);
    if (ways.length < 2) return ways[0];
    // Two hosts may draw the same tag for the same ports: then the addresses decide.
    const byAddress = ways.find(
      (way) =>
        sender(way).addresses.has(packet.sourceAddress) ||
        receiver(way).addresses.has(packet.destinationAddress),
    );
    return byAddress ?? ways[0];
  }

  /** An association on the same pair of addresses that has not shown its tag for this direction yet. */
  #neighbour(packet: SctpSummary): Place | undefined {
    const back = this.#byPath.get(reversePathKey(packet));
    const forth = this.#byPath.get(pathKey(packet));
    const candidates = [
      ...(forth === undefined ? [] : [rootPlace(forth)]),
      ...(back === undefined ? [] : [rootPlace({ group: back.group, from: other(back.from) })]),
    ];
    return candidates.find((place) => receiver(place).tag === undefined && !place.group.ended);
  }

  #open(packet: SctpSummary): Place {
    const group: Group = {
      order: this.groups.length,
      initiator: { port: packet.sourcePort, addresses: new Set(), tag: undefined },
      responder: { port: packet.destinationPort, addresses: new Set(), tag: undefined },
      packets: 0,
      ended: false,
    };
    this.groups.push(group);
    return { group, from: "initiator" };
  }

  /** Packets that go this way carry this tag. */
  #learnTag(way: Place, tag: number): void {
    if (tag === 0) return;
    receiver(way).tag ??= tag;
    const key = tagKey(sender(way).port, receiver(way).port, tag);
    const ways = this.#byTag.get(key) ?? [];
    if (ways.some((known) => rootPlace(known).group === way.group)) return;
    this.#byTag.set(key, [...ways, way]);
  }

  #takeInitAck(place: Place, initAck: ChunkSummary): void {
    if (initAck.initiateTag === undefined) return;
    for (const address of initAck.addresses ?? []) sender(place).addresses.add(address);
    const way: Place = { group: place.group, from: other(place.from) };
    // Where both ends sent an INIT, the tag is known from the other one (RFC 9260 section 5.2.1).
    for (const known of this.#ways(sender(way).port, receiver(way).port, initAck.initiateTag)) {
      this.#mergeIfSame(known, way);
    }
    this.#learnTag(rootPlace(way), initAck.initiateTag);
  }

  /** Makes two groups one where ports, tags and addresses allow it; both places go the same way. */
  #mergeIfSame(one: Place, two: Place): void {
    if (one.group === two.group) return;
    if (!mayBeSame(sender(one), sender(two)) || !mayBeSame(receiver(one), receiver(two))) return;
    if (!shareAddress(sender(one), sender(two)) && !shareAddress(receiver(one), receiver(two))) return;
    const [kept, gone] = one.group.order < two.group.order ? [one, two] : [two, one];
    for (const [end, lost] of [
      [sender(kept), sender(gone)],
      [receiver(kept), receiver(gone)],
    ] as const) {
      for (const address of lost.addresses) end.addresses.add(address);
      end.tag ??= lost.tag;
    }
    kept.group.packets += gone.group.packets;
    kept.group.ended ||= gone.group.ended;
    gone.group.mergedInto = { group: kept.group, flipped: kept.from !== gone.from };
  }
}
