import type { Cell, Row, System, Times } from "./round.ts";
import { buildUsrsctpEnd, measureCell } from "./round.ts";
import { median } from "../figures.ts";

export const rows: readonly Row[] = [
  { id: "64", title: "64 B", sizeBytes: 64, pingPong: false },
  { id: "1k", title: "1 KB", sizeBytes: 1024, pingPong: false },
  { id: "8k", title: "8 KB", sizeBytes: 8192, pingPong: false },
  { id: "64k", title: "64 KB", sizeBytes: 65_536, pingPong: false },
  { id: "pingpong", title: "64 B ping-pong on one core", sizeBytes: 64, pingPong: true },
];

export const systems: readonly System[] = [
  { id: "ours", title: "ours, node:dgram" },
  { id: "native", title: "ours, addon" },
  { id: "usrsctp", title: "usrsctp (C)" },
  { id: "werift", title: "werift-sctp" },
  { id: "npm-sctp", title: "npm sctp" },
  { id: "dgram", title: "node:dgram, no SCTP" },
];

export interface SpeedOptions extends Times {
  readonly rounds: number;
  readonly rows: readonly Row[];
  readonly systems: readonly System[];
}

/** All cells of a system in a row, one for each round that went well. */
export type SpeedResult = ReadonlyMap<string, readonly Cell[]>;

const key = (system: System, row: Row): string => `${system.id} ${row.id}`;

/** Interleaved: a round measures every system once in a row before the next round begins. */
export async function measureSpeed(options: SpeedOptions, say: (line: string) => void): Promise<SpeedResult> {
  const cells = new Map<string, Cell[]>();
  const built = options.systems.some(({ id }) => id === "usrsctp") ? await buildUsrsctpEnd() : undefined;
  try {
    for (let round = 0; round < options.rounds; round++) {
      for (const row of options.rows) {
        for (const system of options.systems) {
          try {
            const cell = await measureCell(system, built?.program ?? "", row, options);
            cells.set(key(system, row), [...(cells.get(key(system, row)) ?? []), cell]);
            say(`round ${round + 1}, ${row.title}, ${system.title}: ${plain(cell, row)}`);
          } catch (error) {
            say(`round ${round + 1}: ${error instanceof Error ? error.message : String(error)}`);
          }
        }
      }
    }
  } finally {
    await built?.dispose();
  }
  return cells;
}

/** The middle rate and the middle cost of the rounds, each by itself. */
function middle(result: SpeedResult, system: System, row: Row): Cell | undefined {
  const cells = result.get(key(system, row));
  if (cells === undefined) return undefined;
  return {
    messagesPerSecond: median(cells.map((cell) => cell.messagesPerSecond)),
    cpuMicrosPerMessage: median(cells.map((cell) => cell.cpuMicrosPerMessage)),
  };
}

const megabits = (cell: Cell, row: Row): number => (cell.messagesPerSecond * row.sizeBytes * 8) / 1e6;

/** Small messages by their number, large ones by their bits. */
function rate(cell: Cell, row: Row): string {
  if (row.sizeBytes >= 1024) return `${megabits(cell, row).toFixed(0)} Mbit/s`;
  const thousands = cell.messagesPerSecond / 1000;
  return `${thousands.toFixed(thousands < 10 ? 1 : 0)} k/s`;
}

const micros = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

function plain(cell: Cell, row: Row): string {
  const perMegabit = (cell.cpuMicrosPerMessage * 1e6) / (row.sizeBytes * 8);
  return `${rate(cell, row)}, CPU ${micros(cell.cpuMicrosPerMessage)} us a message, ${perMegabit.toFixed(0)} us a megabit`;
}

/**
 * A table in Markdown: a line for each row, a column for each system: rate, in brackets CPU of both ends in
 * microseconds a message, and in bulk a megabit, then the rate as a ratio to that of usrsctp.
 */
export function speedTable(options: SpeedOptions, result: SpeedResult): string {
  const lines = [
    `| messages of | ${options.systems.map(({ title }) => title).join(" | ")} |`,
    `| --- |${" --- |".repeat(options.systems.length)}`,
  ];
  const usrsctp = systems.find(({ id }) => id === "usrsctp");
  for (const row of options.rows) {
    const base = usrsctp === undefined ? undefined : middle(result, usrsctp, row);
    const cells = options.systems.map((system) => {
      const cell = middle(result, system, row);
      if (cell === undefined) return "failed";
      const perMegabit = (cell.cpuMicrosPerMessage * 1e6) / (row.sizeBytes * 8);
      const cost = row.sizeBytes >= 1024 ? `, ${perMegabit.toFixed(0)}/Mbit` : "";
      const ratio =
        base === undefined ? "" : ` **${(cell.messagesPerSecond / base.messagesPerSecond).toFixed(2)}**`;
      return `${rate(cell, row)} [${micros(cell.cpuMicrosPerMessage)}${cost}]${ratio}`;
    });
    lines.push(`| ${row.title} | ${cells.join(" | ")} |`);
  }
  return `${lines.join("\n")}\n`;
}
