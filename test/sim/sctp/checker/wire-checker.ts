import type { Datagram } from "../../network.ts";
import type { Knobs, Side } from "../knobs.ts";
import type { PathSizes } from "../port.ts";
import { otherSide } from "../knobs.ts";
import { AuthenticationChecker } from "./authentication-checker.ts";
import { Directions } from "./directions.ts";
import { ExtensionChecker } from "./extension-checker.ts";
import type { ChunkOnWire, DataOnWire, PacketOnWire } from "./packet-reader.ts";
import { readPacket } from "./packet-reader.ts";
import type { DataPacket, Transfer } from "./transfer.ts";
import { PropertyViolation, hold } from "./violation.ts";

export interface SentPacket {
  readonly side: Side;
  readonly datagram: Datagram;
  readonly reason: string;
  /** It was made when a timer of the sender had expired. */
  readonly byTimer: boolean;
  /** The sender's own tag, 0 where there is none. */
  readonly association: number;
  /** By the sender's clock. */
  readonly atMs: number;
  /** It measures the path MTU. */
  readonly probe: boolean;
  /** Sizes of a path after the call that made the packet; undefined where the association is gone. */
  readonly path: (address: string) => PathSizes | undefined;
}

/** Causes that our endpoints may have for ABORT and ERROR against each other (RFC 9260 section 3.3.10). */
const userInitiatedAbort = 12;
const staleCookie = 3;
const cookieWhileShuttingDown = 10;
/** An extension that only one side knows, with the bit that asks for a report. */
const unrecognizedParameters = 8;
/** To who restarts with an address that was taken out of the association meanwhile (RFC 9260 section 5.2.2, RFC 5061). */
const restartWithNewAddresses = 11;

const isHeartbeat = (chunk: ChunkOnWire): boolean => chunk.kind === "heartbeat";

/** Reads every packet, finds out to which direction of which association it belongs, and has it judged there. */
export class WireChecker {
  readonly #knobs: Knobs;
  readonly #directions: Directions;
  readonly authentication: AuthenticationChecker = new AuthenticationChecker();
  readonly extensions: ExtensionChecker;
  /** Packets of each kind of chunk, to see that a run saw it. */
  readonly seen: Map<string, number> = new Map<string, number>();

  constructor(knobs: Knobs) {
    this.#knobs = knobs;
    this.#directions = new Directions(knobs);
    this.extensions = new ExtensionChecker(this.#directions, (what) => this.#saw(what));
  }

  #saw(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  #transfer(sender: Side, own: number, peer: number): Transfer {
    return this.#directions.of(sender, own, peer).transfer;
  }

  /** All packets that one call of an endpoint made. */
  packetsSent(all: readonly SentPacket[]): PacketOnWire[] {
    const read = all.map((sent) => this.#packetSent(sent));
    for (const [index, sent] of all.entries()) {
      for (const chunk of read[index]!.chunks) this.#chunkSent(sent, read[index]!.tag, chunk);
    }
    const byTransfer = new Map<Transfer, DataPacket[]>();
    for (const [index, { side, association, datagram, reason, byTimer, atMs, path }] of all.entries()) {
      const packet = read[index]!;
      const chunks = packet.chunks.filter((chunk): chunk is DataOnWire => chunk.kind === "data");
      if (chunks.length === 0) continue;
      const { from, to } = datagram;
      const { windowBytes, packetSizeBytes = Infinity } = path(to) ?? {};
      const limits = { congestionWindowBytes: windowBytes, sizeLimitBytes: packetSizeBytes };
      const data = { chunks, from, to, reason, byTimer, atMs, ...limits };
      const transfer = this.#transfer(side, association, packet.tag);
      byTransfer.set(transfer, [...(byTransfer.get(transfer) ?? []), data]);
    }
    for (const [transfer, packets] of byTransfer) transfer.packetsSent(packets);
    // A time-out that the DATA shows may have changed the address from which a HEARTBEAT left.
    for (const [index, { side, association, datagram }] of all.entries()) {
      const packet = read[index]!;
      if (!packet.chunks.some(isHeartbeat)) continue;
      this.#transfer(side, association, packet.tag).leaves(datagram.from, datagram.to);
    }
    const [first] = all;
    const made = all.map(({ association, datagram: { from, to } }, index) => {
      return { association, packet: read[index]!, from, to };
    });
    if (first !== undefined) this.extensions.callMade(first.side, made);
    return read;
  }

  #packetSent(sent: SentPacket): PacketOnWire {
    const { side, datagram } = sent;
    const packet = this.#read(sent);
    const { packetSizeBytes, largestPacketBytes } = this.#knobs[side].parameters;
    const limit = sent.probe
      ? largestPacketBytes
      : (sent.path(datagram.to)?.packetSizeBytes ?? packetSizeBytes);
    // A fragment stays as large as it was first sent, also where the path takes less now.
    const alone = packet.chunks.filter(({ kind }) => kind !== "auth").length === 1;
    const again = sent.reason.endsWith("retransmission") && alone;
    hold(
      packet.lengthBytes <= limit || again,
      "a packet fits the path MTU setting",
      () => `${packet.lengthBytes} bytes from ${side}, limit ${limit}`,
    );
    const { from, bytes } = datagram;
    if (sent.association !== 0) this.authentication.packetSent(side, sent.association, packet, bytes);
    this.extensions.packetSent(side, sent.association, packet, from);
    return packet;
  }

  #read({ side, datagram }: SentPacket): PacketOnWire {
    try {
      return readPacket(datagram.bytes);
    } catch (error) {
      throw new PropertyViolation("packets are well formed", `${side} sent ${String(error)}`);
    }
  }

  #chunkSent({ side, association }: SentPacket, tag: number, chunk: ChunkOnWire): void {
    const name = chunk.kind === "other" ? chunk.name : chunk.kind;
    this.#saw(name);
    if (chunk.kind === "init" || chunk.kind === "init-ack") {
      this.#directions.setUp(side, chunk);
      this.authentication.setUp(side, chunk.tag, chunk.authentication);
    } else if (chunk.kind === "sack" || chunk.kind === "shutdown") {
      const sack = chunk.kind === "sack" ? chunk : undefined;
      this.#transfer(otherSide(side), tag, association).reception.sackSent(chunk.cumulativeTsn, sack);
    } else if (chunk.kind === "abort" || chunk.kind === "error") {
      const changesAddresses = this.#knobs[otherSide(side)].standbyAddresses.length > 0;
      const allowed =
        chunk.kind === "abort"
          ? [userInitiatedAbort, ...(changesAddresses ? [restartWithNewAddresses] : [])]
          : [staleCookie, cookieWhileShuttingDown, unrecognizedParameters];
      const bad = chunk.causes.filter((cause) => !allowed.includes(cause));
      hold(
        bad.length === 0,
        "no endpoint accuses the other",
        () => `${side} sent ${chunk.kind} with causes ${bad.join(", ")}`,
      );
    }
  }

  /** The sender told its user that it gave up what has this TSN. */
  abandoned(side: Side, association: number, peerTag: number, tsn: number | undefined): void {
    this.#transfer(side, association, peerTag).abandoned(tsn);
  }

  /**
   * A packet of an association of the other side is handed to the endpoint of `side`, undamaged, by its clock at
   * `atMs`; answers what of it counts there.
   */
  packetArrived(side: Side, association: number, sent: PacketOnWire, atMs: number): PacketOnWire {
    const from = otherSide(side);
    const packet = this.authentication.admitted(side, sent);
    this.extensions.packetArrived(side, association, packet);
    for (const chunk of packet.chunks) {
      if (chunk.kind === "data")
        this.#transfer(from, association, packet.tag).reception.dataArrived(chunk.tsn);
      else if (chunk.kind === "forward-tsn")
        this.#transfer(from, association, packet.tag).reception.forwardArrived(chunk.cumulativeTsn);
      else if (chunk.kind === "sack" || chunk.kind === "shutdown") {
        const sack = chunk.kind === "sack" ? chunk : undefined;
        this.#transfer(side, packet.tag, association).acknowledged(chunk.cumulativeTsn, sack, atMs);
      }
    }
    return packet;
  }
}
