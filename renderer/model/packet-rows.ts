import type { PacketRow, Transmission } from "../../main/api/contract.ts";
import type { HistoryHost } from "../../captures/verdict/history.ts";

/** Which way a packet passed the interface where it was seen. */
export function directionOf(row: PacketRow, hosts: readonly HistoryHost[]): "out" | "in" | "other" {
  const own = hosts.find((host) => host.name === row.host)?.outsideAddress;
  if (own === row.source) return "out";
  return own === row.destination ? "in" : "other";
}

/** Seconds with six decimals and a sign: columns of it line up, as readers of Wireshark expect. */
export function formatTableTime(us: number): string {
  const magnitude = Math.abs(us);
  const text = (magnitude / 1_000_000).toFixed(6);
  return `${us < 0 ? "\u2212" : "+"}${text}`;
}

export function isMalformed(row: PacketRow): boolean {
  return row.chunks.some((chunk) => chunk.malformed !== undefined);
}

const KIND_BY_TYPE: Readonly<Record<string, Transmission["kind"]>> = {
  DATA: "data",
  I_DATA: "data",
  SACK: "sack",
  HEARTBEAT: "heartbeat",
  HEARTBEAT_ACK: "heartbeat",
  INIT: "setup",
  INIT_ACK: "setup",
  COOKIE_ECHO: "setup",
  COOKIE_ACK: "setup",
  SHUTDOWN: "shutdown",
  SHUTDOWN_ACK: "shutdown",
  SHUTDOWN_COMPLETE: "shutdown",
  ABORT: "abort",
};

/** The kind by which the ladder colours the packet: DATA before SACK before the rest. */
export function kindOfRow(row: PacketRow): Transmission["kind"] {
  const kinds = row.chunks.map((chunk) => KIND_BY_TYPE[chunk.type] ?? "other");
  if (kinds.includes("abort")) return "abort";
  if (kinds.includes("data")) return "data";
  return kinds.includes("sack") ? "sack" : (kinds[0] ?? "other");
}
