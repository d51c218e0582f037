import { statSync } from "node:fs";
import type { Answer, Args, DeskLink, RequestName, StateAt } from "../api/contract.ts";
import { guarded, RunStoreError } from "./errors.ts";
import { ladderWindow } from "./ladder.ts";
import { packetDetail, packetIndexAt, packetPage } from "./packet-queries.ts";
import type { RunReader } from "./reader.ts";
import { openRun } from "./reader.ts";
import { runFolderAt } from "./run-folder.ts";
import { findRun, listRuns } from "./run-list.ts";

export interface DeskOptions {
  readonly runsDir: string;
  /** Works out the association state of both instances at an instant; may keep what it needs per reader. */
  readonly stateAt: (reader: RunReader, atUs: number, association?: number) => StateAt;
}

const maxItems = 20_000;
const maxFilterLength = 200;
const maxOpenRuns = 4;

function wholeNumber(value: number, name: string, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new RunStoreError(`${name} is ${String(value)}: it must be a whole number from ${least} to ${most}.`);
}

const instant = (value: number, name: string): number =>
  wholeNumber(Math.round(value), name, 0, Number.MAX_SAFE_INTEGER);
const limitOf = (value: number): number => wholeNumber(value, "limit", 1, maxItems);

function filterOf(value: string): string {
  if (typeof value === "string" && value.length <= maxFilterLength) return value;
  throw new RunStoreError(`The filter is too long: use at most ${maxFilterLength} characters.`);
}

/** Keeps a few runs open; opens one anew when its file has changed, because it is being recorded or was judged again. */
class OpenRuns {
  readonly #runsDir: string;
  readonly #open = new Map<string, { readonly reader: RunReader; readonly version: string }>();

  constructor(runsDir: string) {
    this.#runsDir = runsDir;
  }

  get(runId: string): RunReader {
    const folder = findRun(this.#runsDir, runId);
    if (folder === undefined) {
      throw new RunStoreError(
        `There is no run "${String(runId).slice(0, 80)}" here: choose one from the list.`,
      );
    }
    const version = versionOf(runFolderAt(folder, runId).sqlite);
    const known = this.#open.get(runId);
    // The last one used goes to the end, so that the first is the one to close.
    this.#open.delete(runId);
    if (known !== undefined && known.version === version) {
      this.#open.set(runId, known);
      return known.reader;
    }
    known?.reader.close();
    const reader = openRun(folder);
    this.#open.set(runId, { reader, version });
    this.#closeOldest();
    return reader;
  }

  #closeOldest(): void {
    if (this.#open.size <= maxOpenRuns) return;
    for (const [runId, { reader }] of this.#open) {
      reader.close();
      this.#open.delete(runId);
      return;
    }
  }
}

/** Changes whenever the run file does; the log beside it counts while a run is recorded. */
function versionOf(sqlite: string): string {
  return [sqlite, `${sqlite}-wal`]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? "-" : `${stat.mtimeMs}/${stat.size}/${stat.ino}`))
    .join(" ");
}

type Handlers = { readonly [K in RequestName]: (args: Args<K>) => Answer<K> };

function createHandlers({ runsDir, stateAt }: DeskOptions): Handlers {
  const runs = new OpenRuns(runsDir);
  const query = <T>(runId: string, ask: (reader: RunReader) => T): T => {
    const reader = runs.get(runId);
    return guarded(reader.paths.sqlite, () => ask(reader));
  };
  return {
    "runs.list": () => listRuns(runsDir),
    "run.open": ({ runId }) => query(runId, (reader) => reader.overview()),
    "run.ladder": ({ runId, fromUs, toUs, limit }) =>
      query(runId, ({ database }) => {
        const window = { fromUs: instant(fromUs, "fromUs"), toUs: instant(toUs, "toUs") };
        if (window.toUs < window.fromUs) throw new RunStoreError("The window ends before it begins.");
        return ladderWindow(database, window, limitOf(limit));
      }),
    "run.packets": ({ runId, offset, limit, filter }) =>
      query(runId, ({ database }) =>
        packetPage(database, {
          offset: wholeNumber(offset, "offset", 0, Number.MAX_SAFE_INTEGER),
          limit: limitOf(limit),
          filter: filterOf(filter),
        }),
      ),
    "run.packet": ({ runId, packetId }) =>
      query(runId, ({ database }) =>
        packetDetail(database, wholeNumber(packetId, "packetId", 1, Number.MAX_SAFE_INTEGER)),
      ),
    "run.packetIndexAt": ({ runId, atUs, filter }) =>
      query(runId, ({ database }) => ({
        index: packetIndexAt(database, instant(atUs, "atUs"), filterOf(filter)),
      })),
    "run.state": ({ runId, atUs, association }) =>
      query(runId, (reader) => stateAt(reader, instant(atUs, "atUs"), association)),
    "run.verdict": ({ runId }) =>
      query(runId, (reader) => {
        const report = reader.verdict();
        if (report === undefined)
          throw new RunStoreError("This run has not been judged yet: judge it again first.");
        return report;
      }),
  };
}

/**
 * Answers every request of the contract from the runs below `runsDir`. A request that cannot be met
 * rejects with a `RunStoreError`: one sentence for a person.
 */
export function createDesk(options: DeskOptions): DeskLink {
  const handlers = createHandlers(options);
  return {
    // A promise from the first line on, so that a refusal is always a rejection and never a throw.
    send: async <K extends RequestName>(name: K, args: Args<K>): Promise<Answer<K>> => {
      const handler: Handlers[K] | undefined = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
      if (handler === undefined) throw new RunStoreError(`The desk knows no request "${String(name)}".`);
      return await Promise.resolve(handler(args));
    },
  };
}
