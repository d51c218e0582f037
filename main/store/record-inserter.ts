import type Database from "better-sqlite3";
import type { AgentRecord } from "../../agents/control/records.ts";
import { unreachable } from "../../agents/sctp/index.ts";

/** Stores what agents wrote down, one table for each kind of record. */
export class RecordInserter {
  readonly #update: Database.Statement;
  readonly #acked: Database.Statement;
  readonly #sent: Database.Statement;
  readonly #message: Database.Statement;
  readonly #event: Database.Statement;

  constructor(database: Database.Database) {
    const prepare = (table: string, columns: number): Database.Statement =>
      database.prepare(`INSERT INTO ${table} VALUES (NULL${", ?".repeat(columns)})`);
    this.#update = prepare("update_log", 9);
    this.#acked = prepare("acked", 4);
    this.#sent = prepare("sent", 8);
    this.#message = prepare("message", 10);
    this.#event = prepare("event", 5);
  }

  insert(host: string, record: AgentRecord): void {
    const at = Math.round(record.at);
    const association = record.kind === "event" ? 0 : (record.association ?? 0);
    switch (record.kind) {
      case "update": {
        const { act, sequence, epoch, change, tsn, bytes } = record;
        this.#update.run(host, at, act, sequence, epoch, change, tsn ?? null, bytes, association);
        break;
      }
      case "acked":
        this.#acked.run(host, at, record.sequence, association);
        break;
      case "sent": {
        const { local, remote, checksum, reason, dependsOn } = record;
        this.#sent.run(host, at, local, remote, checksum, reason, dependsOn, association);
        break;
      }
      case "message": {
        const { act, flow, streamId, number, sizeBytes, intact, sequence } = record;
        const whole = intact ? 1 : 0;
        const about = [flow, streamId, number, sizeBytes, whole] as const;
        this.#message.run(host, at, act, ...about, sequence ?? null, association);
        break;
      }
      case "event":
        this.#event.run(host, at, record.name, record.text, JSON.stringify(record.detail));
        break;
      default:
        unreachable(record);
    }
  }
}
