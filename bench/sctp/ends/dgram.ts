import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { crc32c } from "../../../agents/sctp/index.ts";
import type { Link, OpenLink } from "./link.ts";
import { loopback, packetBytes } from "./link.ts";

/**
 * The ceiling of plain `node:dgram`: messages are bundled into packets or cut over several, every packet has a
 * CRC32c which the other side checks, every second one is acknowledged, a window bounds what is under way.
 * No retransmission, no congestion control, no streams.
 *
 * A packet: u32 CRC32c of the rest, u32 number, u32 number of the packet that was received last, then pieces:
 * u16 length, u8 last piece of its message, bytes. An acknowledgement by itself has no number and no pieces.
 */
const headerBytes = 12;
const pieceHeaderBytes = 3;
const windowPackets = 128;
/** What is packed in a turn at most, so that acknowledgements have their turn too. */
const packetsAtOnce = 64;

class DgramLink implements Link {
  readonly #socket: Socket;
  readonly #onMessage: (lengthBytes: number) => void;
  #packet: Buffer = Buffer.allocUnsafe(packetBytes);
  #filled: number = headerBytes;
  #number: number = 0;
  #acked: number = 0;
  #packed: number = 0;
  #flushSet: boolean = false;
  #lastReceived: number = 0;
  #unacked: number = 0;
  #ackSet: boolean = false;
  #pieces: Buffer[] = [];
  #partial: boolean = false;
  #roomAwaited: (() => void) | undefined;

  constructor(socket: Socket, onMessage: (lengthBytes: number) => void) {
    this.#socket = socket;
    this.#onMessage = onMessage;
    socket.on("message", (bytes) => this.#receive(bytes));
    socket.on("error", () => undefined);
  }

  trySend(payload: Uint8Array): boolean {
    if (this.#number - this.#acked >= windowPackets || this.#packed >= packetsAtOnce) return false;
    let at = 0;
    while (at < payload.length) {
      const room = packetBytes - this.#filled - pieceHeaderBytes;
      const whole = payload.length <= packetBytes - headerBytes - pieceHeaderBytes;
      if (room <= 0 || (whole && room < payload.length)) {
        this.#flush();
        continue;
      }
      const length = Math.min(room, payload.length - at);
      const packet = this.#packet;
      packet.writeUInt16BE(length, this.#filled);
      packet[this.#filled + 2] = at + length === payload.length ? 1 : 0;
      packet.set(
        at === 0 && length === payload.length ? payload : payload.subarray(at, at + length),
        this.#filled + pieceHeaderBytes,
      );
      this.#filled += pieceHeaderBytes + length;
      at += length;
    }
    if (!this.#flushSet) {
      this.#flushSet = true;
      setImmediate(() => {
        this.#flushSet = false;
        if (this.#filled > headerBytes) this.#flush();
        this.#packed = 0;
        this.#tellOfRoom();
      });
    }
    return true;
  }

  awaitRoom(call: () => void): void {
    this.#roomAwaited = call;
  }

  #tellOfRoom(): void {
    if (this.#number - this.#acked >= windowPackets / 2 || this.#roomAwaited === undefined) return;
    const call = this.#roomAwaited;
    this.#roomAwaited = undefined;
    call();
  }

  #flush(): void {
    this.#number += 1;
    this.#packed += 1;
    this.#seal(this.#packet, this.#filled, this.#number);
    this.#packet = Buffer.allocUnsafe(packetBytes);
    this.#filled = headerBytes;
  }

  #seal(packet: Buffer, length: number, number: number): void {
    this.#unacked = 0;
    packet.writeUInt32BE(number, 4);
    packet.writeUInt32BE(this.#lastReceived, 8);
    packet.writeUInt32BE(crc32c(packet, 4, length), 0);
    this.#socket.send(packet, 0, length, ignore);
  }

  #receive(packet: Buffer): void {
    if (packet.readUInt32BE(0) !== crc32c(packet, 4)) return;
    const number = packet.readUInt32BE(4);
    this.#acked = packet.readUInt32BE(8);
    if (!this.#flushSet) this.#tellOfRoom();
    if (number === 0) return;
    if (number !== this.#lastReceived + 1) this.#partial = true;
    this.#lastReceived = number;
    for (let at = headerBytes; at < packet.length;) at = this.#piece(packet, at);
    this.#unacked += 1;
    if (this.#unacked >= 2) this.#acknowledge();
    else if (!this.#ackSet) {
      this.#ackSet = true;
      setTimeout(() => {
        this.#ackSet = false;
        if (this.#unacked > 0) this.#acknowledge();
      }, 20);
    }
  }

  /** A message that lost a piece is not counted. */
  #piece(packet: Buffer, at: number): number {
    const start = at + pieceHeaderBytes;
    const end = start + packet.readUInt16BE(at);
    const isLast = packet[at + 2] === 1;
    if (isLast && this.#pieces.length === 0 && !this.#partial) this.#onMessage(end - start);
    else if (!isLast) this.#pieces.push(packet.subarray(start, end));
    else {
      this.#pieces.push(packet.subarray(start, end));
      const message = Buffer.concat(this.#pieces);
      if (!this.#partial) this.#onMessage(message.length);
      this.#pieces = [];
      this.#partial = false;
    }
    return end;
  }

  #acknowledge(): void {
    this.#seal(Buffer.allocUnsafe(headerBytes), headerBytes, 0);
  }
}

const ignore = (): void => undefined;

export const openDgram: OpenLink = async ({ ownPort, peerPort, onMessage }) => {
  const socket = createSocket({ type: "udp4", recvBufferSize: 2 ** 20, sendBufferSize: 2 ** 20 });
  socket.bind(ownPort, loopback);
  await once(socket, "listening");
  socket.connect(peerPort, loopback);
  await once(socket, "connect");
  return { link: new DgramLink(socket, onMessage), up: Promise.resolve() };
};
