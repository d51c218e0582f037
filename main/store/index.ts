/** Recorded runs: a folder each, with one SQLite file. The only home of `better-sqlite3`. */
export { createDesk } from "./desk.ts";
export type { DeskOptions } from "./desk.ts";
export { RunStoreError } from "./errors.ts";
export { exportPcapng } from "./export-pcapng.ts";
export type { ExportOptions } from "./export-pcapng.ts";
export type { RawPacket } from "./packet-inserter.ts";
export { openRun } from "./reader.ts";
export type { RunReader } from "./reader.ts";
export { rejudge } from "./rejudge.ts";
export type { RunFolder } from "./run-folder.ts";
export { createRun } from "./writer.ts";
export type { NewRun, RunMeta, RunWriter } from "./writer.ts";
