import { crc32 } from "node:zlib";
import type { EndpointOutputs, Notification } from "../../../agents/sctp/index.ts";
import type { Associations } from "./associations.ts";
import type { PacketOnWire } from "./checker/packet-reader.ts";
import { hold } from "./checker/violation.ts";
import type { SimContext } from "./context.ts";
import type { Datagram } from "../network.ts";
import { Forger } from "./forger.ts";
import type { Host } from "./host.ts";
import { sides } from "./knobs.ts";
import type { Arrival, Fate } from "./network.ts";
import type { PathSizes } from "./port.ts";

/** More than this in a run is a packet storm: the longest runs of the knobs need a tenth of it. */
const mostPackets = 60_000;

/** Carries between endpoints, users and network, and shows everything to the checkers. */
export class Exchange {
  readonly #context: SimContext;
  readonly #associations: Associations;
  /** What each datagram on its way carries, read when it was sent. */
  readonly #contents: WeakMap<Uint8Array, { packet: PacketOnWire; association: number }> = new WeakMap();
  readonly #forger: Forger;
  #packets: number = 0;
  #digest: number = 0;

  constructor(context: SimContext, associations: Associations) {
    this.#context = context;
    this.#associations = associations;
    this.#forger = new Forger(context.knobs, context.wire.authentication);
  }

  get packets(): number {
    return this.#packets;
  }

  get digest(): number {
    return this.#digest;
  }

  /** What the network delivers is handed to the host that has the address. */
  arrived({ datagram, intact, marked }: Arrival): void {
    const { nowMs, hosts, wire } = this.#context;
    const host = sides.map((side) => hosts[side]).find(({ interfaces }) => interfaces.isUp(datagram.to));
    if (host === undefined) return;
    const route = { local: datagram.to, remote: datagram.from };
    const sent = intact ? this.#contents.get(datagram.bytes) : undefined;
    if (sent === undefined) host.endpoint.receive(datagram.bytes, route, nowMs + host.clockAheadMs, marked);
    else {
      const { association } = sent;
      const counting = this.#counts(host, sent.packet, association, datagram.from);
      const packet = wire.packetArrived(host.side, association, counting, nowMs + host.clockAheadMs);
      const echo = packet.chunks.some(({ kind }) => kind === "ecne");
      const before = echo ? host.endpoint.paths(packet.tag) : undefined;
      host.endpoint.receive(datagram.bytes, route, nowMs + host.clockAheadMs, marked);
      if (host.endpoint.state(packet.tag)?.agreement.peerTag === association) {
        if (marked) wire.extensions.markArrived(host.side, association, packet);
        const after = host.endpoint.paths(packet.tag);
        if (before !== undefined) wire.extensions.echoArrived(host.side, association, packet, before, after);
      }
    }
    this.drain(host);
  }

  /** From an address that is not one of the peer nothing counts but ASCONF (RFC 5061 sections 5.2 and 5.3). */
  #counts(host: Host, packet: PacketOnWire, association: number, from: string): PacketOnWire {
    const agreement = host.endpoint.state(packet.tag)?.agreement;
    if (agreement?.peerTag !== association || agreement.peerAddresses.includes(from)) return packet;
    const isAsconf = (place: number): boolean => packet.chunks[place]?.kind === "asconf";
    return {
      ...packet,
      chunks: packet.chunks.filter(({ kind }) => kind === "asconf"),
      types: packet.types.filter((_, place) => isAsconf(place)),
    };
  }

  /** ICMP tells the sender that its packet was too big for the path. */
  reportTooBig({ from, to, bytes }: Datagram, mtuBytes: number): void {
    const { nowMs, hosts } = this.#context;
    const host = hosts.a.addresses.includes(from) ? hosts.a : hosts.b;
    const report = {
      kind: "packet-too-big",
      mtuBytes,
      quoted: bytes.slice(0, 8),
      route: { local: from, remote: to },
    } as const;
    host.endpoint.receiveIcmp(report, nowMs + host.clockAheadMs);
    this.drain(host);
  }

  /** Carries out what a host's endpoint wants done, and lets its user go on. */
  drain(host: Host, byTimer: boolean = false): void {
    this.#carryOut(host, host.endpoint.takeOutputs(), byTimer);
    for (
      let message = host.pump(this.#context.nowMs);
      message !== undefined;
      message = host.pump(this.#context.nowMs)
    ) {
      this.#context.messages.accepted(host.side, host.current?.handle ?? 0, message);
      this.#carryOut(host, host.endpoint.takeOutputs());
    }
    // Also a message that is refused may push others out (RFC 7496 section 4.3).
    this.#carryOut(host, host.endpoint.takeOutputs());
  }

  #carryOut(host: Host, outputs: EndpointOutputs, byTimer: boolean = false): void {
    for (const { association, notification } of outputs.notifications) {
      if (notification.type !== "association-change") continue;
      if (notification.state === "comm-up") this.#associations.up(host, association);
      else if (notification.state === "restart") this.#associations.restarted(host, association);
    }
    for (const { association, ...delivery } of outputs.deliveries) {
      this.#context.messages.arrived(host.side, host.handles.get(association)?.peerHandle, delivery);
      host.arrived(association, delivery.payload.length, this.#context.nowMs);
    }
    for (const { association, notification } of outputs.notifications) {
      if (notification.type === "send-failed") this.#sendFailed(host, association, notification);
      else this.#addressChanged(host, association, notification);
    }
    if (outputs.packets.length > 0) this.#send(host, outputs, byTimer);
    for (const { association, notification } of outputs.notifications)
      this.#associations.notified(host, association, notification);
  }

  #send(host: Host, outputs: EndpointOutputs, byTimer: boolean): void {
    this.#packets += outputs.packets.length;
    hold(this.#packets < mostPackets, "no packet storm", () => `${this.#packets} packets`);
    const paths = new Map<number, ReadonlyMap<string, PathSizes>>();
    const pathOf = (association: number, address: string): PathSizes | undefined => {
      const known = paths.get(association) ?? host.endpoint.paths(association);
      if (!paths.has(association)) this.#checkBounds(host, association);
      paths.set(association, known);
      return known.get(address);
    };
    const sent = outputs.packets.map(({ local, remote, bytes, reason, association, probe = false }) => ({
      side: host.side,
      datagram: { from: local, to: remote, bytes },
      reason,
      byTimer,
      association,
      atMs: this.#context.nowMs + host.clockAheadMs,
      probe,
      path: (address: string) => pathOf(association, address),
    }));
    for (const { datagram, reason } of sent) {
      this.#context.trace.sending(this.#context.nowMs, host.side, datagram, reason);
      this.#context.trace.fate(this.#put(host, datagram));
    }
    const read = this.#context.wire.packetsSent(sent);
    for (const [index, { datagram, association }] of sent.entries()) {
      const { from, to, bytes } = datagram;
      this.#contents.set(bytes, { packet: read[index]!, association });
      for (const chunk of read[index]!.chunks) {
        if (chunk.kind === "data" && chunk.ppid !== undefined) this.#context.messages.sent(chunk.ppid);
      }
      this.#digest = crc32(bytes, crc32(`${this.#context.nowMs.toFixed(6)} ${from} ${to}`, this.#digest));
    }
  }

  #put(host: Host, datagram: Datagram): Fate {
    const { network, nowMs } = this.#context;
    if (!host.interfaces.isUp(datagram.from)) return "no-interface";
    const forged = this.#forger.forgery(datagram);
    if (forged !== undefined) network.inject(forged, nowMs);
    return network.send(datagram, nowMs);
  }

  /** What an association keeps stays within what its parameters say. */
  #checkBounds(host: Host, handle: number): void {
    const state = host.endpoint.state(handle);
    if (state === undefined) return;
    const { receiveBufferBytes, sendBufferBytes } = this.#context.knobs[host.side].parameters;
    const { receive, send } = state;
    const bound = (what: string, size: number, limit: number): void => {
      hold(size <= limit, "memory is bounded", () => `${host.side} holds ${size} of ${what}, limit ${limit}`);
    };
    bound("send buffer", send.queuedBytes + send.outstandingBytes, sendBufferBytes);
    const unread = host.unread.get(handle) ?? 0;
    // What fills a gap is taken in up to a second buffer.
    bound("receive buffer", receive.bufferedBytes + unread, 2 * receiveBufferBytes);
    const above = receive.above.reduce((sum, { first, last }) => sum + ((last - first + 1) >>> 0), 0);
    bound("TSNs above the cumulative one", above, 4096);
  }

  #sendFailed(host: Host, association: number, failed: Extract<Notification, { type: "send-failed" }>): void {
    const { tsn, ppid, reason } = failed;
    this.#context.messages.failed(host.side, association, ppid, reason);
    const peer = host.handles.get(association)?.peerHandle;
    if (peer !== undefined) this.#context.wire.abandoned(host.side, association, peer, tsn);
  }

  /** An address went: of the peer, or of the host itself, which takes it down then. */
  #addressChanged(host: Host, association: number, notification: Notification): void {
    if (notification.type === "peer-address-change" && notification.state === "removed") {
      const peer = host.handles.get(association)?.peerHandle;
      if (peer !== undefined)
        this.#context.wire.extensions.addressRemoved(host.side, association, peer, notification.address);
    } else if (notification.type === "local-address-change" && association === host.current?.handle) {
      const { change, accepted, address } = notification;
      if (change === "delete" && accepted) host.interfaces.down(address);
      else if (change === "delete") host.interfaces.up(address);
    }
  }
}
