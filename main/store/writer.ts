import Database from "better-sqlite3";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentRecord } from "../../agents/control/records.ts";
import { assert } from "../../agents/sctp/index.ts";
import type {
  CaptureInfo,
  FaultMark,
  FlowTotal,
  History,
  HistoryHost,
} from "../../captures/verdict/history.ts";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import { derive } from "./derive.ts";
import { guarded } from "./errors.ts";
import { exportFrom } from "./export-pcapng.ts";
import { loadHistory } from "./load-history.ts";
import { PacketInserter } from "./packet-inserter.ts";
import type { RawPacket } from "./packet-inserter.ts";
import { RecordInserter } from "./record-inserter.ts";
import { recorderIdentity } from "./recorder.ts";
import type { RunFolder } from "./run-folder.ts";
import { makeRunFolder } from "./run-folder.ts";
import { createTables } from "./schema.ts";
import { writeVerdict } from "./verdict-rows.ts";

/** Anything worth knowing about the run beside its record; `peer` names the outside computer's SCTP. */
export type RunMeta = Readonly<Record<string, string | number | boolean>> & { readonly peer: string };

export interface NewRun {
  /** All runs lie below this folder. */
  readonly runsDir: string;
  /** Lower-case letters, digits and "-": the folder of the scenario's runs. */
  readonly scenario: string;
  readonly title: string;
  readonly meta: RunMeta;
  /** UDP port of the encapsulation (RFC 6951); absent: 9899. */
  readonly udpPort?: number;
}

const defaultUdpPort = 9899;

const nowUs = (): number => Date.now() * 1000;

/**
 * Records one run. Every call is one transaction: a crash leaves a file that opens, holds all calls
 * before it, and counts as cut off. Hosts come first, then captures, then what they recorded.
 */
export class RunWriter {
  readonly id: string;
  readonly paths: RunFolder;
  readonly #database: Database.Database;
  readonly #packets: PacketInserter;
  readonly #records: RecordInserter;
  readonly #captureIds = new Map<string, number>();
  readonly #startedUs = nowUs();
  readonly #run: NewRun;
  /** What was read back since the last record came in: the judge and the end of the run ask for the same. */
  #history: History | undefined;

  constructor(run: NewRun) {
    this.#run = run;
    this.paths = makeRunFolder(run.runsDir, run.scenario, this.#startedUs / 1000);
    this.id = this.paths.id;
    const { sqlite } = this.paths;
    const udpPort = run.udpPort ?? defaultUdpPort;
    this.#database = guarded(sqlite, () => new Database(sqlite));
    guarded(sqlite, () => {
      this.#database.pragma("journal_mode = WAL");
      this.#database.pragma("synchronous = NORMAL");
      createTables(this.#database);
      this.#database
        .prepare("INSERT INTO run VALUES (?, ?, ?, ?, ?, NULL, 'recording', ?, ?, ?)")
        .run(
          this.id,
          run.scenario,
          run.title,
          run.meta.peer,
          this.#startedUs,
          recorderIdentity(),
          udpPort,
          JSON.stringify(run.meta),
        );
    });
    this.#packets = new PacketInserter(this.#database, udpPort);
    this.#records = new RecordInserter(this.#database);
    this.#describe("recording");
  }

  /** Names the hosts; again, to correct an address or a clock error. */
  setHosts(hosts: readonly HistoryHost[]): void {
    const upsert = this.#database.prepare(
      `INSERT INTO host VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
         role = excluded.role, outside_address = excluded.outside_address, clock_error_us = excluded.clock_error_us`,
    );
    this.#write(() => {
      for (const host of hosts) {
        upsert.run(host.name, host.role, host.outsideAddress, Math.ceil(host.clockErrorMicros));
      }
    });
  }

  /** Announces a capture before its first packet, and again at its end with its final counts. */
  addCapture(info: CaptureInfo): void {
    const upsert = this.#database.prepare<unknown[], { id: number }>(
      `INSERT INTO capture VALUES (NULL, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (host, interface_name) DO UPDATE SET
         engine = excluded.engine, stamp_quality = excluded.stamp_quality, packets = excluded.packets,
         drops = excluded.drops, complete = excluded.complete
       RETURNING id`,
    );
    const { host, interfaceName, engine, stampQuality, packets, drops, complete } = info;
    this.#write(() => {
      const row = upsert.get(
        host,
        interfaceName,
        engine,
        stampQuality,
        packets,
        drops ?? null,
        complete ? 1 : 0,
      );
      if (row !== undefined) this.#captureIds.set(`${host}/${interfaceName}`, row.id);
    });
  }

  /** Stores frames of a capture that was announced. */
  addPackets(
    from: { readonly host: string; readonly interfaceName: string },
    packets: readonly RawPacket[],
  ): void {
    const captureId = this.#captureIds.get(`${from.host}/${from.interfaceName}`);
    assert(captureId !== undefined, `packets of ${from.host}:${from.interfaceName} before addCapture`);
    this.#write(() => {
      for (const packet of packets) this.#packets.insert(captureId, packet);
    });
  }

  addRecords(host: string, records: readonly AgentRecord[]): void {
    this.#write(() => {
      for (const record of records) this.#records.insert(host, record);
    });
  }

  addFault(mark: FaultMark): void {
    const insert = this.#database.prepare("INSERT INTO fault VALUES (NULL, ?, ?, ?, ?)");
    this.#write(() => void insert.run(mark.host, Math.round(mark.at), mark.fault, mark.text));
  }

  /** What each sender counted; a later total for the same association, flow and stream replaces the earlier one. */
  addTotals(totals: readonly FlowTotal[]): void {
    const upsert = this.#database.prepare(
      `INSERT INTO flow_total VALUES (NULL, ?, ?, ?, ?)
       ON CONFLICT (association, flow, stream_id) DO UPDATE SET sent = excluded.sent`,
    );
    this.#write(() => {
      for (const { association = 0, flow, streamId, sent } of totals) {
        upsert.run(flow, streamId, sent, association);
      }
    });
  }

  /** Everything recorded so far, for the judge. */
  history(): History {
    this.#history ??= guarded(this.paths.sqlite, () => loadHistory(this.#database));
    return this.#history;
  }

  setVerdict(report: VerdictReport): void {
    this.#transact(() => writeVerdict(this.#database, report, nowUs()));
  }

  /**
   * Ends the recording: works out transmissions and marks, exports the pcapng, and leaves one SQLite
   * file without side files.
   */
  finish(): RunFolder {
    const { sqlite, pcapng } = this.paths;
    const history = this.history();
    this.#transact(() => {
      derive(this.#database, history);
      this.#database.prepare("UPDATE run SET state = 'finished', ended_us = ?").run(nowUs());
    });
    guarded(sqlite, () => {
      exportFrom(this.#database, pcapng, { view: "wire", comments: true });
      this.#database.exec("ANALYZE");
      this.#database.pragma("wal_checkpoint(TRUNCATE)");
      this.#database.pragma("journal_mode = DELETE");
    });
    this.close();
    this.#describe("finished");
    return this.paths;
  }

  /** Lets go of the file as it is. Without `finish` the run counts as cut off. */
  close(): void {
    this.#database.close();
  }

  /** Stores a part of the record. */
  #write(work: () => void): void {
    this.#history = undefined;
    this.#transact(work);
  }

  #transact(work: () => void): void {
    guarded(this.paths.sqlite, () => this.#database.transaction(work)());
  }

  /** `run.json`: what a person or a script wants to know without opening the SQLite file. */
  #describe(state: "recording" | "finished"): void {
    const { scenario, title, meta } = this.#run;
    const started = new Date(this.#startedUs / 1000).toISOString();
    const description = { id: this.id, scenario, title, started, state, ...meta };
    writeFileSync(join(this.paths.folder, "run.json"), `${JSON.stringify(description, undefined, 2)}\n`);
  }
}

/**
 * Begins a run in a folder of its own.
 *
 * @throws RunStoreError with one clear sentence when the folder or the file cannot be made
 */
export function createRun(run: NewRun): RunWriter {
  return new RunWriter(run);
}
