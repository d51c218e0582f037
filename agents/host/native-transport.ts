import { constants } from "node:os";
import { assert } from "../sctp/index.ts";
import type { Route } from "../sctp/index.ts";
import { bindProblem } from "./bind-problem.ts";
import { icmpKind } from "./icmp.ts";
import type { NativeIo, NativeSocket } from "./native-io.ts";
import {
  maxDestinations,
  maxSendPackets,
  openFlags,
  receiveFieldCount,
  sendFieldCount,
} from "./native-io.ts";
import type {
  PacketTransport,
  ReceivedPacket,
  SendPacket,
  TransportCounters,
  TransportHandlers,
} from "./packet-transport.ts";
import { newTransportCounters } from "./packet-transport.ts";

export interface NativeOptions {
  /** The local address, IPv4 or IPv6. */
  readonly address: string;
  /** The local UDP port, 0: any free one; or raw IP protocol 132, which needs CAP_NET_RAW. */
  readonly way: { readonly udpPort: number } | "raw";
  /** UDP: where packets go whose route names no port; default: the local port. */
  readonly remotePort?: number;
  /** For one peer only: the socket is connected, and packets of others do not arrive. */
  readonly peer?: { readonly address: string; readonly port: number };
  /** Packets leave with ECT(0) (RFC 3168). Default: no. */
  readonly ecnCapable?: boolean;
  /** Several packets to or from one peer in one system call (UDP GSO and GRO). Default: yes. */
  readonly offload?: boolean;
}

const datagramBytes = 65_536;
const sendBufferBytes = 512 * 1024;
const groupPackets = 512;
/** What waits while the kernel's buffer is full; what comes on top is lost. */
const maxWaitingPackets = 4096;
/** A report that quotes less does not even have the verification tag (RFC 9260 section 10, ICMP5). */
const smallestQuoteBytes = 8;
const quotedBytes = 64;

const probeFlag = 1;
const newPeerFlag = 1;
const markedFlag = 2;

/** Packets in batches through the addon of `agents/native`: UDP (RFC 6951) or raw IP protocol 132. */
export class NativeTransport implements PacketTransport {
  readonly gathers: boolean = true;
  readonly #io: NativeIo;
  readonly #socket: NativeSocket;
  readonly #address: string;
  readonly #isRaw: boolean;
  readonly #remotePort: number;
  readonly #counters: TransportCounters = newTransportCounters();
  readonly #receiveFields: Int32Array = new Int32Array(groupPackets * receiveFieldCount);
  readonly #sendFields: Int32Array = new Int32Array(maxSendPackets * sendFieldCount);
  readonly #sendBytes: Uint8Array = new Uint8Array(sendBufferBytes);
  readonly #results: Int32Array = new Int32Array(4);
  /** Of the peers in the addon's slots. */
  readonly #routes: Route[] = [];
  readonly #destinations: Map<string, number> = new Map<string, number>();
  #lastRemote: string = "";
  #lastDestination: number = -1;
  #waiting: SendPacket[] = [];
  /** The packet that the kernel last refused for its size: its report comes without a quotation. */
  #tooBig: SendPacket | undefined;
  #handlers: TransportHandlers | undefined;
  #closed: boolean = false;

  private constructor(io: NativeIo, socket: NativeSocket, options: NativeOptions) {
    this.#io = io;
    this.#socket = socket;
    this.#address = options.address;
    this.#isRaw = options.way === "raw";
    this.#remotePort = options.way === "raw" ? 0 : (options.remotePort ?? io.localPort(socket));
  }

  /** Throws with one sentence when the address or port cannot be had, or the right to raw packets is missing. */
  static open(io: NativeIo, options: NativeOptions): NativeTransport {
    const { address, way, peer, ecnCapable = false, offload = true } = options;
    const flags =
      (way === "raw" ? openFlags.raw : 0) |
      (offload ? openFlags.gso | openFlags.gro : 0) |
      (ecnCapable ? openFlags.ect : 0);
    const family = address.includes(":") ? 6 : 4;
    const socket = io.open(family, address, way === "raw" ? 0 : way.udpPort, flags, datagramBytes);
    if (typeof socket === "number") throw new Error(openProblem(errnoName(socket), options));
    const connected = peer === undefined ? 0 : io.connect(socket, peer.address, peer.port);
    if (connected === 0) return new NativeTransport(io, socket, options);
    io.close(socket);
    const problem = errnoName(connected);
    throw new Error(`packets from ${address} cannot go to ${peer?.address}: the system says ${problem}`);
  }

  get counters(): Readonly<TransportCounters> {
    if (!this.#closed) this.#counters.receiveDrops = this.#io.receiveDrops(this.#socket);
    return this.#counters;
  }

  /** The local UDP port; 0 for raw packets. */
  get udpPort(): number {
    return this.#isRaw ? 0 : this.#io.localPort(this.#socket);
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    const error = this.#io.start(
      this.#socket,
      this.#receiveFields,
      (bytes, count) => this.#received(bytes, count),
      (...entry) => this.#reported(...entry),
      () => this.#sendWaiting(),
    );
    assert(error === 0, "a transport is started once, and not after it was closed");
  }

  has(localAddress: string): boolean {
    return localAddress === this.#address;
  }

  #received(bytes: ArrayBuffer, count: number): void {
    const fields = this.#receiveFields;
    const packets: ReceivedPacket[] = [];
    for (let index = 0; index < count; index++) {
      const at = index * receiveFieldCount;
      const slot = fields[at + 2] ?? 0;
      const flags = fields[at + 4] ?? 0;
      let route = this.#routes[slot];
      if (route === undefined || (flags & newPeerFlag) !== 0) {
        route = this.#route(String(this.#io.peerAddress(this.#socket, slot)), fields[at + 3] ?? 0);
        this.#routes[slot] = route;
      }
      const view = new Uint8Array(bytes, fields[at], fields[at + 1]);
      packets.push({ bytes: view, route, congestionExperienced: (flags & markedFlag) !== 0 });
    }
    this.#counters.received += count;
    this.#handlers?.onPackets(packets);
  }

  #route(remote: string, remotePort: number): Route {
    return this.#isRaw ? { local: this.#address, remote } : { local: this.#address, remote, remotePort };
  }

  #reported(
    origin: number,
    type: number,
    code: number,
    info: number,
    remote: string,
    port: number,
    quote: ArrayBuffer,
  ): void {
    const kind = icmpKind(origin, type, code);
    if (kind === undefined) return;
    let quoted = new Uint8Array(quote);
    let remotePort = port;
    if (quoted.length === 0 && this.#tooBig?.remote === remote) {
      quoted = this.#tooBig.bytes.slice(0, quotedBytes);
      remotePort = this.#tooBig.remotePort ?? this.#remotePort;
      this.#tooBig = undefined;
    }
    if (quoted.length < smallestQuoteBytes) return;
    const route = this.#route(remote, remotePort);
    const report = { kind, quoted, route };
    const namesMtu = kind === "packet-too-big" && info > 0;
    this.#handlers?.onIcmp(namesMtu ? { ...report, mtuBytes: info } : report);
  }

  send(packets: readonly SendPacket[]): void {
    if (this.#closed) return;
    const done = this.#waiting.length > 0 ? 0 : this.#sendFrom(packets);
    if (done === packets.length) return;
    if (this.#waiting.length === 0) this.#io.wantWritable(this.#socket, 1);
    for (let at = done; at < packets.length; at++) {
      const packet = packets[at];
      if (packet !== undefined && this.#waiting.length < maxWaitingPackets) this.#waiting.push(packet);
      else this.#counters.sendDrops += 1;
    }
  }

  #sendWaiting(): void {
    const packets = this.#waiting;
    this.#waiting = [];
    const done = this.#sendFrom(packets);
    this.#waiting = done === 0 ? packets : packets.slice(done);
    if (this.#waiting.length === 0) this.#io.wantWritable(this.#socket, 0);
  }

  /** How many of the packets are done with, sent or refused; fewer than all: the kernel has no room. */
  #sendFrom(packets: readonly SendPacket[]): number {
    let at = 0;
    while (at < packets.length) {
      const count = this.#fill(packets, at);
      if (count === 0) {
        this.#counters.sendErrors += 1;
        at += 1;
        continue;
      }
      const error = this.#io.send(this.#socket, this.#sendBytes, this.#sendFields, count, this.#results);
      assert(error === 0, "the addon takes what was checked");
      const [sent = 0, refused = 0, , tooBig = -1] = this.#results;
      this.#counters.sent += sent;
      this.#counters.sendErrors += refused;
      if (tooBig >= 0) this.#tooBig = packets[at + tooBig];
      at += sent + refused;
      if (sent + refused < count) break;
    }
    return at;
  }

  /** Puts packets from `first` on into the buffers, up to one that cannot be sent at all; answers how many. */
  #fill(packets: readonly SendPacket[], first: number): number {
    const fields = this.#sendFields;
    let bytesUsed = 0;
    let count = 0;
    for (; count < maxSendPackets && first + count < packets.length; count++) {
      const packet = packets[first + count];
      if (packet === undefined) break;
      const { bytes, remote } = packet;
      const { length } = bytes;
      if (length === 0 || length >= datagramBytes || bytesUsed + length > sendBufferBytes) break;
      const destination = remote === this.#lastRemote ? this.#lastDestination : this.#destination(remote);
      if (destination < 0) break;
      this.#sendBytes.set(bytes, bytesUsed);
      bytesUsed += length;
      const at = count * sendFieldCount;
      fields[at] = length;
      fields[at + 1] = destination;
      fields[at + 2] = packet.remotePort ?? this.#remotePort;
      fields[at + 3] = packet.probe === true ? probeFlag : 0;
    }
    return count;
  }

  /** The addon's number for an address; -1 where it is none of this family. */
  #destination(remote: string): number {
    let index = this.#destinations.get(remote);
    if (index === undefined) {
      if (this.#destinations.size >= maxDestinations) this.#destinations.clear();
      index = this.#destinations.size;
      if (this.#io.setDestination(this.#socket, index, remote) !== 0) return -1;
      this.#destinations.set(remote, index);
    }
    this.#lastRemote = remote;
    this.#lastDestination = index;
    return index;
  }

  close(): void {
    if (this.#closed) return;
    this.#counters.receiveDrops = this.#io.receiveDrops(this.#socket);
    this.#closed = true;
    this.#waiting = [];
    this.#io.close(this.#socket);
  }
}

/** `EADDRINUSE` and the like, for a negative errno. */
function errnoName(error: number): string {
  const found = Object.entries(constants.errno).find(([, value]) => value === -error);
  return found?.[0] ?? `error ${-error}`;
}

function openProblem(code: string, { address, way }: NativeOptions): string {
  if (way !== "raw") return bindProblem(code, address, way.udpPort);
  if (code === "EPERM" || code === "EACCES") {
    return "raw IP protocol 132 needs CAP_NET_RAW: run the agent as root, or choose UDP";
  }
  if (code === "EADDRNOTAVAIL") return bindProblem(code, address, 0);
  return `raw IP protocol 132 on ${address} cannot be opened: the system says ${code}`;
}
