import { chunkTypeName } from "../../agents/sctp/wire/index.ts";
import { chunkTypes } from "./raw-chunks.ts";

/** States of RFC 9260 section 4, with those in which there is no association yet. */
export const states = [
  "closed",
  "cookie-wait",
  "cookie-echoed",
  "established",
  "shutdown-pending",
  "shutdown-sent",
  "shutdown-received",
  "shutdown-ack-sent",
] as const;
export type State = (typeof states)[number];

/** How often a chunk of each type came first in a packet, with the right tag, in each state. */
export class Coverage {
  readonly #cells: Map<string, number> = new Map<string, number>();
  /** The most packets that anything took until all was quiet again. */
  mostPackets: number = 0;
  findings: number = 0;

  count(type: number, state: State): void {
    const key = `${type} ${state}`;
    this.#cells.set(key, (this.#cells.get(key) ?? 0) + 1);
  }

  /** Cells that nothing came into. */
  empty(): string[] {
    return chunkTypes.flatMap((type) =>
      states
        .filter((state) => !this.#cells.has(`${type} ${state}`))
        .map((state) => `${chunkTypeName(type)} in ${state}`),
    );
  }

  table(): string {
    const head = `${"".padEnd(18)}${states.map((state) => state.padStart(18)).join("")}`;
    const rows = chunkTypes.map((type) => {
      const cells = states.map((state) => String(this.#cells.get(`${type} ${state}`) ?? 0).padStart(18));
      return `${chunkTypeName(type).padEnd(18)}${cells.join("")}`;
    });
    return [head, ...rows].join("\n");
  }
}
