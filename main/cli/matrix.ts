import { rm } from "node:fs/promises";
import type { JobProgress, PeerKind } from "../lab/job/index.ts";
import { chooseSetting } from "./choose-setting.ts";
import { errColours } from "./colours.ts";
import { UsageError, exitCodes, failure, isInterruption } from "./exit-codes.ts";
import { type Cell, allCells, isMeant, nameOf, smallSelection } from "./matrix-cells.ts";
import { type Outcome, type Played, matrixTable, outcomeOfPlayed } from "./matrix-table.ts";
import { type DemoOptions, play } from "./play.ts";

export interface MatrixOptions {
  readonly small: boolean;
  readonly only: readonly string[];
  readonly peer: readonly PeerKind[];
  readonly repeat: number;
  readonly keep: "all" | "failed" | "none";
  readonly seconds: number;
  readonly rate: number;
  readonly size: number;
  readonly streams: number;
}

/** There and back, and there again. */
const killsOfACell = 3;

/** Of a run that ended early. */
const lastWords = 8;

/** What a run says on its way is shown only when it goes wrong. */
class RememberedProgress implements JobProgress {
  readonly lines: string[] = [];

  step(title: string): void {
    this.lines.push(title);
  }

  note(text: string): void {
    this.lines.push(`  ${text}`);
  }
}

function chooseCells({ small, only, peer }: MatrixOptions): Cell[] {
  const cells = small ? smallSelection.filter((cell) => peer.includes(cell.peer)) : allCells(peer);
  const chosen = cells.filter(
    (cell) => only.length === 0 || only.some((text) => isMeant(cell, text.split(" "))),
  );
  if (chosen.length > 0) return chosen;
  throw new UsageError(
    `No combination is meant by --only ${only.join(" --only ")}: give words such as "shared crash usrsctp"; without it all are played.`,
  );
}

function demoOptions(cell: Cell, { seconds, rate, size, streams }: MatrixOptions): DemoOptions {
  const series = cell.fault === "kills" ? { kills: killsOfACell } : {};
  // Who takes over while all is cut asks for the peer's ARP entry in vain, and again a second later.
  const timers = cell.fault.startsWith("everything-cut") ? "rfc9260" : "telecom";
  return { ...cell, ...series, timers, lab: "netns", seconds, rate, size, streams };
}

async function playCell(
  cell: Cell,
  matrix: MatrixOptions,
  signal: AbortSignal,
): Promise<{ readonly played: Played; readonly said: readonly string[] }> {
  const options = demoOptions(cell, matrix);
  const setting = chooseSetting(options, undefined);
  const progress = new RememberedProgress();
  try {
    const result = await play({ options, setting, testbed: undefined, progress, signal });
    const { report, awaited } = result;
    const played: Played = { kind: "judged", report, awaited, folder: result.folder.folder };
    const keeps = matrix.keep === "all" || (matrix.keep === "failed" && outcomeOfPlayed(played) !== "pass");
    if (keeps) return { played, said: progress.lines };
    await rm(result.folder.folder, { recursive: true });
    return { played: { ...played, folder: undefined }, said: progress.lines };
  } catch (error) {
    if (signal.aborted && isInterruption(error)) throw error;
    const { text, code } = failure(error);
    if (code === exitCodes.internal) throw error;
    return { played: { kind: "trouble", text }, said: progress.lines };
  }
}

const colourOf: Readonly<Record<Outcome, (text: string) => string>> = {
  pass: errColours.green,
  fail: errColours.red,
  trouble: errColours.red,
  unknown: errColours.yellow,
};

/** Where a run that ended early was, what of it did not hold, and where its record is. */
function details(played: Played, said: readonly string[]): readonly string[] {
  if (played.kind === "trouble") return said.slice(-lastWords);
  const { report, awaited, folder } = played;
  const checks = report.checks.filter((check) => check.outcome !== "pass");
  return [
    ...awaited.filter(({ came }) => !came).map(({ what }) => `not seen: ${what}`),
    ...checks.flatMap(({ outcome, title, summary, evidence }) => [
      `${outcome}: ${title}: ${summary}`,
      ...evidence.slice(0, 1).map(({ text }) => `  ${text}`),
    ]),
    ...(folder === undefined ? [] : [folder]),
  ];
}

/** One line on stderr for each run, and more where it did not pass. */
function tell(title: string, played: Played, said: readonly string[]): void {
  const outcome = outcomeOfPlayed(played);
  const [told] = (played.kind === "trouble" ? played.text : played.report.headline).split("\n");
  process.stderr.write(`${colourOf[outcome](outcome.padEnd(7))}  ${title}: ${told}\n`);
  if (outcome === "pass") return;
  for (const line of details(played, said)) process.stderr.write(`           ${errColours.dim(line)}\n`);
}

function codeOfAll(outcomes: ReadonlySet<Outcome>): number {
  if (outcomes.has("fail")) return exitCodes.checkFailed;
  if (outcomes.has("trouble")) return exitCodes.labError;
  return outcomes.has("unknown") ? exitCodes.inconclusive : exitCodes.passed;
}

/**
 * Plays policies against faults against peers, each a run of its own in an embedded lab, and prints one
 * table. Round after round, so that an interruption leaves something of every cell. Answers the exit code.
 */
export async function matrix(options: MatrixOptions, signal: AbortSignal): Promise<number> {
  const cells = chooseCells(options);
  const results = new Map<Cell, Played[]>(cells.map((cell) => [cell, []]));
  const total = cells.length * options.repeat;
  const outcomes: Outcome[] = [];
  try {
    for (let round = 0; round < options.repeat; round++) {
      for (const [cell, all] of results) {
        signal.throwIfAborted();
        const { played, said } = await playCell(cell, options, signal);
        all.push(played);
        outcomes.push(outcomeOfPlayed(played));
        tell(`${outcomes.length}/${total} ${nameOf(cell)}`, played, said);
      }
    }
  } finally {
    const played = new Map([...results].filter(([, all]) => all.length > 0));
    const passed = outcomes.filter((outcome) => outcome === "pass").length;
    process.stdout.write(`\n${matrixTable(played)}\n\n${passed} of ${outcomes.length} runs passed\n`);
  }
  return codeOfAll(new Set(outcomes));
}
