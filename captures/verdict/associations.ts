import { isOutside } from "./ends.ts";
import type { History, HostEvent, HostSent } from "./history.ts";

/** What was recorded of one of several associations between the cluster and the outside computer. */
export interface AssociationHistory {
  /** The outside computer's SCTP port, which tells the associations of one run apart. */
  readonly port: number;
  readonly history: History;
}

const tagOf = ({ detail }: HostEvent): number | undefined =>
  typeof detail["association"] === "number" ? detail["association"] : undefined;

/** The outside computer's port by the tag that an association has on either side, from what both reported of its set-up. */
function portsByTag({ hosts, events }: History): Map<number, number> {
  const peers = new Set(hosts.filter(isOutside).map(({ name }) => name));
  const ports = new Map<number, number>();
  for (const event of events) {
    const port = event.detail[peers.has(event.host) ? "localPort" : "peerPort"];
    const tag = tagOf(event);
    if (event.name === "association-up" && tag !== undefined && typeof port === "number")
      ports.set(tag, port);
  }
  return ports;
}

const packetKey = (checksum: number, source: string, destination: string): string =>
  `${checksum}/${source}/${destination}`;

/** Deals a history out to its associations. What names none belongs to all of them: faults, takeovers, policies. */
class Dealer {
  readonly #history: History;
  readonly #ports: ReadonlyMap<number, number>;
  /** Of each packet, in order; undefined: of no association that was loaded. */
  readonly #portOfPacket: readonly (number | undefined)[];
  readonly #portOfKey: ReadonlyMap<string, number | undefined>;

  /** @param ports of the associations that were loaded, by the tags of either side */
  constructor(history: History, ports: ReadonlyMap<number, number>) {
    this.#history = history;
    this.#ports = ports;
    const loaded = new Set(ports.values());
    const peers = new Set(history.hosts.filter(isOutside).map(({ outsideAddress }) => outsideAddress));
    this.#portOfPacket = history.packets.map(({ sctp }) => {
      const port = peers.has(sctp.sourceAddress) ? sctp.sourcePort : sctp.destinationPort;
      return loaded.has(port) ? port : undefined;
    });
    this.#portOfKey = new Map(
      history.packets.map(({ sctp: { checksum, sourceAddress, destinationAddress } }, index) => [
        packetKey(checksum, sourceAddress, destinationAddress),
        this.#portOfPacket[index],
      ]),
    );
  }

  /** What was passed on for another member names no association: the packet itself says of which one it is. */
  #portOfSent({ association = 0, checksum, local, remote }: HostSent): number | undefined {
    return this.#ports.get(association) ?? this.#portOfKey.get(packetKey(checksum, local, remote));
  }

  deal(port: number): History {
    const history = this.#history;
    const { messageHeads } = history;
    const concerns = (tag: number | undefined): boolean => tag === undefined || this.#ports.get(tag) === port;
    const isAbout = ({ association }: { readonly association?: number | undefined }): boolean =>
      concerns(association);
    return {
      ...history,
      // A packet of no association that is known is judged with each: it can be of none.
      packets: history.packets.filter((_, index) => (this.#portOfPacket[index] ?? port) === port),
      updates: history.updates.filter(isAbout),
      acked: history.acked.filter(isAbout),
      sent: history.sent.filter((record) => (this.#portOfSent(record) ?? port) === port),
      messages: history.messages.filter(isAbout),
      events: history.events.filter((event) => concerns(tagOf(event))),
      totals: history.totals.filter(isAbout),
      ...(messageHeads && { messageHeads: messageHeads.filter((head) => (head.port ?? port) === port) }),
    };
  }
}

/**
 * One history for each association that was loaded, in the order of their ports. A history that tells of no more
 * than one is answered as it is: whatever else is in it, strangers for example, is judged with it.
 */
export function associationsOf(history: History): readonly [AssociationHistory, ...AssociationHistory[]] {
  const ports = portsByTag(history);
  const loaded = new Set(
    history.totals.flatMap(({ association }) => {
      const port = association === undefined ? undefined : ports.get(association);
      return port === undefined ? [] : [port];
    }),
  );
  const [first = 0, ...others] = [...loaded].toSorted((a, b) => a - b);
  if (others.length === 0) return [{ port: first, history }];
  const ofLoaded = new Map([...ports].filter(([, port]) => loaded.has(port)));
  const dealer = new Dealer(history, ofLoaded);
  const deal = (port: number): AssociationHistory => ({ port, history: dealer.deal(port) });
  return [deal(first), ...others.map(deal)];
}
