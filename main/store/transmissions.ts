import type Database from "better-sqlite3";
import { infoLine } from "../../captures/dissect/index.ts";
import type { ChunkSummary, SctpSummary } from "../../captures/dissect/summary.ts";
import type { History } from "../../captures/verdict/history.ts";
import { clockSlackMicros, joinTransmissions } from "../../captures/verdict/index.ts";
import type { Lane, Transmission } from "../api/contract.ts";

const laneOfRole = {
  primary: "a-address",
  secondary: "b-address",
  peer: "peer",
  "peer-secondary": "peer2",
} as const;

const isOutside = (lane: Lane | null): boolean => lane === "peer" || lane === "peer2";

const isData = (chunk: ChunkSummary): boolean => chunk.type === "DATA" || chunk.type === "I_DATA";

/** Kinds in the order of how much they say about a packet. */
const kindRules: readonly (readonly [Transmission["kind"], (type: string) => boolean])[] = [
  ["data", (type) => type === "DATA" || type === "I_DATA"],
  ["sack", (type) => type === "SACK"],
  ["abort", (type) => type === "ABORT"],
  ["shutdown", (type) => type.startsWith("SHUTDOWN")],
  ["setup", (type) => type.startsWith("INIT") || type.startsWith("COOKIE")],
  ["heartbeat", (type) => type.startsWith("HEARTBEAT")],
];

function kindOf(sctp: SctpSummary): Transmission["kind"] {
  for (const [kind, fits] of kindRules) {
    if (sctp.chunks.some(({ type }) => fits(type))) return kind;
  }
  return "other";
}

/** Finds the transmission that carried a TSN first, for each direction of each association by itself. */
class FirstCopies {
  readonly #first = new Map<string, Map<number, number>>();

  /** Notes the TSNs of a transmission; answers with the first of them that was seen before. */
  note(
    side: string,
    id: number,
    chunks: readonly ChunkSummary[],
  ): { repeats: number; tsn: number } | undefined {
    let known = this.#first.get(side);
    if (known === undefined) {
      known = new Map();
      this.#first.set(side, known);
    }
    let repeated: { repeats: number; tsn: number } | undefined;
    for (const chunk of chunks) {
      if (!isData(chunk) || chunk.tsn === undefined) continue;
      const repeats = known.get(chunk.tsn);
      if (repeats === undefined) known.set(chunk.tsn, id);
      else repeated ??= { repeats, tsn: chunk.tsn };
    }
    return repeated;
  }
}

/** Joins the packets of all hosts and writes one row for each transmission, in order of time. */
export function writeTransmissions(database: Database.Database, history: History): void {
  const lanes = new Map<string, Lane>(
    history.hosts.flatMap(({ role, outsideAddress }): [string, Lane][] =>
      role === "keeper" ? [] : [[outsideAddress, laneOfRole[role]]],
    ),
  );
  const firstCopies = new FirstCopies();
  const insert = database.prepare("INSERT INTO transmission VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  let id = 0;
  for (const { packet, received } of joinTransmissions(history.packets, clockSlackMicros(history.hosts))) {
    id += 1;
    const { sctp } = packet;
    const from = lanes.get(sctp.sourceAddress) ?? null;
    const to = lanes.get(sctp.destinationAddress) ?? null;
    // Both addresses of a cluster are one side: a TSN repeated from the other address is a repetition.
    const sender = isOutside(from) ? "peer" : isOutside(to) ? "cluster" : sctp.sourceAddress;
    const side = `${sender}/${sctp.sourcePort}/${sctp.destinationPort}`;
    const repeated = firstCopies.note(side, id, sctp.chunks);
    insert.run(
      id,
      packet.id,
      received?.id ?? null,
      from,
      to,
      packet.at,
      received?.at ?? null,
      kindOf(sctp),
      infoLine(sctp),
      repeated?.repeats ?? null,
      repeated?.tsn ?? null,
    );
  }
}
