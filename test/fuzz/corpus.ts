import { readFileSync, writeFileSync } from "node:fs";
import { PropertyViolation } from "../sim/sctp/checker/violation.ts";
import { readPacket, summary } from "../sim/sctp/checker/packet-reader.ts";
import { simulate } from "../sim/sctp/simulate.ts";

const file: URL = new URL("corpus/packets.hex", import.meta.url);

/** Packets of our own simulator, one of each kind: a line each in hexadecimal; lines with # are remarks. */
export function readCorpus(): Uint8Array[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => new Uint8Array(Buffer.from(line, "hex")));
}

/** Writes the corpus anew from the first packet of each kind in these seeds; answers how many there are. */
export function collectCorpus(seeds: number): number {
  const kinds = new Map<string, Uint8Array>();
  const trace = {
    sending: (_atMs: number, _side: string, datagram: { readonly bytes: Uint8Array }): void => {
      const kind = summary(readPacket(datagram.bytes)).replaceAll(/\d+/g, "");
      if (datagram.bytes.length < 400 && !kinds.has(kind)) kinds.set(kind, datagram.bytes.slice());
    },
    fate: (): void => undefined,
    note: (): void => undefined,
  };
  for (let seed = 1; seed <= seeds && kinds.size < 150; seed++) {
    try {
      simulate(seed, { trace });
    } catch (error) {
      // A run that failed has sent packets as well.
      if (!(error instanceof PropertyViolation)) throw error;
    }
  }
  const lines = [...kinds.values()].map((bytes) => Buffer.from(bytes).toString("hex"));
  writeFileSync(
    file,
    ["# packets of the simulator, one of each kind: npm run fuzz:sctp -- --collect SEEDS", ...lines, ""].join(
      "\n",
    ),
  );
  return kinds.size;
}
