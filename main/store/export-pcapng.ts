import type Database from "better-sqlite3";
import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { interfaceBlock, packetBlock, pcapngHeader } from "../../captures/format/index.ts";
import type { Row } from "./columns.ts";
import { RunStoreError } from "./errors.ts";
import { PacketComments } from "./packet-comments.ts";
import type { RunReader } from "./reader.ts";

export interface ExportOptions {
  /** `wire`: every transmission once, as its sender's interface saw it. `all`: every observation of every host. */
  readonly view?: "wire" | "all";
  /** Write what a person should notice beside the packets; on unless it is false. */
  readonly comments?: boolean;
}

const flushBytes = 1 << 20;

/** Collects blocks and writes them in large pieces. */
class BlockFile {
  readonly #fd: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(path: string) {
    this.#fd = openSync(path, "w");
  }

  add(block: Uint8Array): void {
    this.#pending.push(block);
    this.#pendingBytes += block.length;
    if (this.#pendingBytes >= flushBytes) this.#flush();
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      closeSync(this.#fd);
    }
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    for (let done = 0; done < bytes.length;) done += writeSync(this.#fd, bytes, done);
  }
}

/** One pcapng interface for each capture and link type, because a capture may show more than one. */
function writeInterfaces(database: Database.Database, file: BlockFile): Map<string, number> {
  const rows = database
    .prepare<[], Row>(
      `SELECT DISTINCT capture.id AS id, host, interface_name, engine, stamp_quality, drops, outside_address, link_type
       FROM packet JOIN capture ON capture.id = capture_id JOIN host ON host.name = capture.host
       ORDER BY capture.id, link_type`,
    )
    .all();
  const indexes = new Map<string, number>();
  for (const row of rows) {
    const drops = row["drops"] === null ? "unknown" : String(row["drops"]);
    file.add(
      interfaceBlock({
        linkType: row["link_type"] as number,
        name: `${row["host"]}:${row["interface_name"]}`,
        description: `host ${row["host"]}, ${row["outside_address"]}; ${row["engine"]}, ${row["stamp_quality"]} stamps, drops: ${drops}`,
      }),
    );
    indexes.set(`${row["id"]}/${row["link_type"]}`, indexes.size);
  }
  return indexes;
}

const everyPacket = `
  SELECT packet.id AS id, capture_id, at_us, link_type, original_length, bytes,
    transmission.id AS transmission, repeats, repeated_tsn,
    (transmission.packet_id = packet.id) AS is_first_sight
  FROM packet LEFT JOIN transmission
    ON transmission.packet_id = packet.id OR transmission.received_packet_id = packet.id`;

interface PacketToWrite {
  readonly id: number;
  readonly capture_id: number;
  readonly at_us: number;
  readonly link_type: number;
  readonly original_length: number;
  readonly bytes: Buffer;
  readonly transmission: number | null;
  readonly repeats: number | null;
  readonly repeated_tsn: number | null;
  readonly is_first_sight: number | null;
}

function sectionComment(database: Database.Database): string {
  const run = database.prepare<[], Row>("SELECT title, id FROM run").get() ?? {};
  const verdict = database.prepare<[], Row>("SELECT headline FROM verdict").get();
  return `${run["title"]} (run ${run["id"]}). ${verdict?.["headline"] ?? "Not judged."}`;
}

function writeAll(database: Database.Database, file: BlockFile, options: ExportOptions): void {
  const header = { application: "Understudy" };
  file.add(
    pcapngHeader(options.comments === false ? header : { ...header, comment: sectionComment(database) }),
  );
  const interfaces = writeInterfaces(database, file);
  const comments = options.comments === false ? undefined : new PacketComments(database);
  const view = options.view === "all" ? "" : "WHERE transmission.packet_id = packet.id";
  const packets = database.prepare<[], PacketToWrite>(`${everyPacket} ${view} ORDER BY at_us, packet.id`);
  let frame = 0;
  for (const packet of packets.iterate()) {
    frame += 1;
    const interfaceIndex = interfaces.get(`${packet.capture_id}/${packet.link_type}`) ?? 0;
    const texts = comments?.forFrame(frame, {
      packetId: packet.id,
      atUs: packet.at_us,
      transmissionId: packet.transmission,
      isFirstSight: packet.is_first_sight === 1,
      repeats: packet.repeats,
      repeatedTsn: packet.repeated_tsn,
    });
    file.add(
      packetBlock({
        interfaceIndex,
        atUs: packet.at_us,
        bytes: packet.bytes,
        originalLength: packet.original_length,
        ...(texts === undefined || texts.length === 0 ? {} : { comments: texts }),
      }),
    );
  }
}

/** Writes beside the target and renames, so that a reader never meets half a file. */
export function exportFrom(database: Database.Database, path: string, options: ExportOptions): void {
  const partial = `${path}.part`;
  try {
    const file = new BlockFile(partial);
    try {
      writeAll(database, file, options);
    } finally {
      file.close();
    }
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    throw new RunStoreError(`The capture ${path} could not be written: ${error.message}`, { cause: error });
  }
}

/**
 * Exports the packets of a run as one pcapng section with an interface for each capture, merged by
 * time, with comments at fault, detection, takeover, first packet from the secondary and retransmissions.
 *
 * @throws RunStoreError when the file cannot be written
 */
export function exportPcapng(reader: RunReader, path: string, options: ExportOptions = {}): void {
  exportFrom(reader.database, path, options);
}
