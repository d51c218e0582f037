import type { Side } from "../knobs.ts";
import { otherSide } from "../knobs.ts";
import type { PathSizes } from "../port.ts";
import type { Direction, Directions } from "./directions.ts";
import type { ReConfigOnWire, ReconfigurationRequestOnWire } from "./extension-reader.ts";
import type { ChunkOnWire, PacketOnWire } from "./packet-reader.ts";
import { hold, steps } from "./violation.ts";

/** One association, seen from one side of it. */
interface View {
  readonly own: Direction;
  readonly peer: Direction;
}

/** A packet with the own tag of its sender, 0 where there is none. */
export interface CallPacket {
  readonly association: number;
  readonly packet: PacketOnWire;
  readonly from: string;
  readonly to: string;
}

interface NewReset {
  readonly own: Direction;
  readonly request: ReconfigurationRequestOnWire;
  readonly last: number;
}

/** The highest TSN that was used, as far as the wire shows it. */
const lastTsnOf = ({ transfer, initialTsn }: Direction): number =>
  ((transfer.nextTsn ?? initialTsn) - 1) >>> 0;

/** Follows the extensions of associations over the wire: RFC 6525, RFC 5061, and ECN. */
export class ExtensionChecker {
  readonly #directions: Directions;
  /** Told of each thing that a run did, to see that it was done. */
  readonly #saw: (what: string) => void;

  /** New outgoing resets of the call that is being looked at. */
  readonly #resets: NewReset[] = [];

  constructor(directions: Directions, saw: (what: string) => void) {
    this.#directions = directions;
    this.#saw = saw;
  }

  #view(side: Side, own: number, peer: number): View {
    return {
      own: this.#directions.of(side, own, peer),
      peer: this.#directions.of(otherSide(side), peer, own),
    };
  }

  /** `from`: the address that the packet leaves, which an association of `side` sends. */
  packetSent(side: Side, association: number, packet: PacketOnWire, from: string): void {
    if (association === 0 || packet.tag === 0) return;
    const view = this.#view(side, association, packet.tag);
    for (const chunk of packet.chunks) this.#chunkSent(view, chunk, from);
  }

  #chunkSent({ own, peer }: View, chunk: ChunkOnWire, from: string): void {
    if (chunk.kind === "asconf") own.addresses.asconfSent(chunk, from);
    else if (chunk.kind === "asconf-ack") peer.addresses.ackSent(chunk);
    else if (chunk.kind === "cwr") own.echo.cwrSent(chunk.tsn);
    else if (chunk.kind === "ecne") peer.echo.echoSent(chunk.tsn);
    else if (chunk.kind === "re-config") this.#reConfigSent({ own, peer }, chunk);
  }

  #reConfigSent({ own, peer }: View, { parameters }: ReConfigOnWire): void {
    for (const parameter of parameters) {
      if (parameter.request === "response") {
        const done = peer.requests.responseSent(parameter);
        if (done?.request !== "tsn") continue;
        const { receiverNextTsn, senderNextTsn } = parameter;
        const nextTsn = own.transfer.nextTsn ?? own.initialTsn;
        hold(
          receiverNextTsn !== undefined && (senderNextTsn === nextTsn || own.transfer.hasGivenUp),
          "an SSN/TSN reset names the next TSNs (RFC 6525 section 5.2.4)",
          () => `response ${parameter.sequence}: ${senderNextTsn}, next is ${nextTsn}`,
        );
        peer.transfer.reception.resetTsn(receiverNextTsn);
        peer.echo.resetReceiver();
        own.echo.resetSender();
        own.streams.reset([]);
        continue;
      }
      if (!own.requests.sent(parameter)) continue;
      const last = lastTsnOf(own);
      if (parameter.request === "outgoing") {
        own.streams.asked(parameter.streams, parameter.lastTsn);
        this.#resets.push({ own, request: parameter, last });
      } else if (parameter.request === "tsn") own.streams.asked([], last);
    }
  }

  /** All that one call of an endpoint made, of which the order says nothing. */
  callMade(side: Side, packets: readonly CallPacket[]): void {
    for (const { own, request, last } of this.#resets.splice(0)) {
      // The rest of a message that was given up half sent has TSNs that are never seen.
      if (!own.transfer.hasGivenUp) own.requests.checkLastTsn(request, last, lastTsnOf(own));
    }
    for (const { association, packet, from, to } of packets) {
      if (association === 0 || packet.tag === 0) continue;
      const { own, peer } = this.#view(side, association, packet.tag);
      const has = (kind: ChunkOnWire["kind"]): boolean => packet.chunks.some((chunk) => chunk.kind === kind);
      own.addresses.packetSent(from, has("asconf"));
      peer.addresses.peerSent(to, has("data"));
      for (const chunk of packet.chunks)
        if (chunk.kind === "heartbeat") peer.addresses.probed(to, chunk.information);
      if (!has("sack")) continue;
      // The echo goes with it, in a packet of its own where there was no room.
      const echoes = packets
        .filter((each) => each.association === association)
        .flatMap((each) => each.packet.chunks.flatMap((chunk) => (chunk.kind === "ecne" ? [chunk.tsn] : [])));
      peer.echo.sackSent(echoes);
    }
  }

  /** A packet that `association` of the other side sent reaches `side`. */
  packetArrived(side: Side, association: number, packet: PacketOnWire): void {
    if (association === 0 || packet.tag === 0) return;
    const { own, peer } = this.#view(side, packet.tag, association);
    for (const chunk of packet.chunks) {
      if (chunk.kind === "asconf") peer.addresses.asconfArrived(chunk);
      else if (chunk.kind === "asconf-ack") {
        for (const act of own.addresses.ackArrived(chunk)) this.#saw(`${act} granted`);
      } else if (chunk.kind === "cwr") peer.echo.cwrArrived(chunk.tsn);
      else if (chunk.kind === "re-config") this.#reConfigArrived({ own, peer }, chunk);
      else if (chunk.kind === "heartbeat-ack") peer.addresses.proved(chunk.information);
    }
  }

  #reConfigArrived({ own, peer }: View, { parameters }: ReConfigOnWire): void {
    for (const parameter of parameters) {
      if (parameter.request !== "response") {
        peer.requests.arrived(parameter);
        own.requests.answeredByRequest(parameter);
        continue;
      }
      const answered = own.requests.responseArrived(parameter);
      if (answered === undefined) continue;
      own.streams.answered();
      const { request, granted } = answered;
      if (!granted) continue;
      this.#saw(`${request.request} performed`);
      if (request.request === "outgoing") own.streams.reset(request.streams);
      else if (request.request === "add-outgoing") own.streams.added(request.count);
      else if (request.request === "tsn") {
        const { receiverNextTsn, senderNextTsn } = parameter;
        if (receiverNextTsn === undefined || senderNextTsn === undefined) continue;
        own.transfer.resetTsn(receiverNextTsn);
        own.streams.reset([]);
        own.echo.resetSender();
        peer.transfer.reception.goOnWith(senderNextTsn);
        peer.echo.resetReceiver();
      }
    }
  }

  /** A router had marked the packet, and an association of `side` took it in. */
  markArrived(side: Side, association: number, packet: PacketOnWire): void {
    const data = packet.chunks.find((chunk) => chunk.kind === "data");
    if (data === undefined) return;
    const { transfer, echo } = this.#view(side, packet.tag, association).peer;
    const { inSequence } = transfer.reception;
    // From before an SSN/TSN reset: nobody would know what the echo is about.
    if (inSequence === undefined || steps(inSequence, data.tsn) < 0x4000_0000) echo.markArrived(data.tsn);
  }

  /** The windows of `side` before and after it took in a packet with ECNE. */
  echoArrived(
    side: Side,
    association: number,
    packet: PacketOnWire,
    before: ReadonlyMap<string, PathSizes>,
    after: ReadonlyMap<string, PathSizes>,
  ): void {
    const { own } = this.#view(side, packet.tag, association);
    // T3 had set "cwnd = PMDCS" (RFC 9260 section 7.2.3): the packet may bring its path back to the address of ours where
    // that was, before another one was used. ECNE sets ssthresh, and no window below it: "max(cwnd / 2, 4 * PMDCS)".
    const isAfterT3 = [...after].some(([address, { windowBytes, packetSizeBytes }]) => {
      return windowBytes <= packetSizeBytes && windowBytes < (before.get(address)?.windowBytes ?? 0);
    });
    // A window that was idle shrinks when it is used again (RFC 9260 section 7.2.1).
    const reportsGaps = packet.chunks.some((chunk) => chunk.kind === "sack" && chunk.gaps.length > 0);
    const mayShrink = own.transfer.isIdle || reportsGaps || isAfterT3;
    for (const chunk of packet.chunks) {
      if (chunk.kind === "ecne")
        own.echo.echoArrived(chunk.tsn, own.transfer.nextTsn, before, after, mayShrink);
    }
  }

  /** A side was told that the other one has an address no longer. */
  addressRemoved(side: Side, association: number, peerTag: number, address: string): void {
    this.#directions.of(side, association, peerTag).transfer.addressRemoved(address);
  }
}
