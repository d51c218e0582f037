import type Database from "better-sqlite3";
import { dissectFrame, infoLine } from "../../captures/dissect/index.ts";
import type { DissectOptions } from "../../captures/dissect/index.ts";
import {
  chunkCells,
  chunkColumnNames,
  chunkPlaceholders,
  packetCells,
  packetColumnNames,
  packetPlaceholders,
} from "./columns.ts";

/** A frame as a capture engine delivered it. */
export interface RawPacket {
  readonly atUs: number;
  /** LINKTYPE number of libpcap. */
  readonly linkType: number;
  readonly bytes: Uint8Array;
  /** Bytes on the wire, where the capture cut the frame short. */
  readonly originalLength: number;
}

/** Stores frames with what they hold: dissected once, on the way in. */
export class PacketInserter {
  readonly #packet: Database.Statement;
  readonly #chunk: Database.Statement;
  readonly #options: DissectOptions;

  constructor(database: Database.Database, udpPort: number) {
    this.#options = { udpPorts: [udpPort] };
    this.#packet = database.prepare(
      `INSERT INTO packet (capture_id, at_us, link_type, original_length, bytes, info, ${packetColumnNames})
       VALUES (?, ?, ?, ?, ?, ?, ${packetPlaceholders})`,
    );
    this.#chunk = database.prepare(
      `INSERT INTO chunk (packet_id, position, ${chunkColumnNames}) VALUES (?, ?, ${chunkPlaceholders})`,
    );
  }

  insert(captureId: number, packet: RawPacket): void {
    const { atUs, linkType, originalLength, bytes } = packet;
    const { sctp, reason } = dissectFrame(bytes, linkType, this.#options);
    const info = sctp === undefined ? (reason ?? "no SCTP") : infoLine(sctp);
    // The binding stores a plain Uint8Array as a blob only through a Buffer view of the same memory.
    const blob = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { lastInsertRowid } = this.#packet.run(
      captureId,
      // Nanosecond stamps and clock corrections leave fractions; the file counts whole microseconds.
      Math.round(atUs),
      linkType,
      originalLength,
      blob,
      info,
      ...packetCells(sctp),
    );
    if (sctp === undefined) return;
    for (const [position, chunk] of sctp.chunks.entries()) {
      this.#chunk.run(lastInsertRowid, position, ...chunkCells(chunk));
    }
  }
}
