import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, renameSync, statSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { RunStoreError } from "./errors.ts";

/** Where everything of a run lies. */
export interface RunFolder {
  readonly id: string;
  readonly folder: string;
  readonly sqlite: string;
  readonly captures: string;
  readonly pcapng: string;
}

const runIdPattern = /^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}$/;
const scenarioPattern = /^[a-z0-9][a-z0-9-]{0,63}$/;

export const isRunId = (text: string): boolean => runIdPattern.test(text);
export const isScenarioName = (text: string): boolean => scenarioPattern.test(text);

/** The paths of a run in its folder; nothing is looked at or made. */
export function runFolderAt(folder: string, id: string): RunFolder {
  const captures = join(folder, "captures");
  return {
    id,
    folder,
    sqlite: join(folder, "run.sqlite"),
    captures,
    pcapng: join(captures, `${id}.pcapng`),
  };
}

/** Points `latest` in `folder` to the run; by a rename, so that it never dangles in between. */
function pointLatest(folder: string, target: string): void {
  const link = join(folder, "latest");
  const entry = lstatSync(link, { throwIfNoEntry: false });
  if (entry !== undefined && !entry.isSymbolicLink()) return;
  const fresh = join(folder, `.latest-${randomBytes(4).toString("hex")}`);
  symlinkSync(relative(folder, target), fresh, "dir");
  renameSync(fresh, link);
}

/**
 * Makes `<runsDir>/<scenario>/<UTC>-<id>/` with its captures folder and points the `latest` links of
 * the scenario and of all runs to it.
 *
 * @throws RunStoreError when the name does not fit or the folder cannot be made
 */
export function makeRunFolder(runsDir: string, scenario: string, startedMs: number): RunFolder {
  if (!isScenarioName(scenario)) {
    throw new RunStoreError(
      `"${scenario}" is no scenario name: use up to 64 of a-z, 0-9 and "-", with a letter or digit first.`,
    );
  }
  const stamp = new Date(startedMs).toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
  const id = `${stamp}-${randomBytes(3).toString("hex")}`;
  const paths = runFolderAt(join(runsDir, scenario, id), id);
  try {
    mkdirSync(paths.captures, { recursive: true });
    pointLatest(join(runsDir, scenario), paths.folder);
    pointLatest(runsDir, paths.folder);
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new RunStoreError(
      `The run folder ${paths.folder} cannot be made (${reason}): check that the folder for runs may be written.`,
      { cause },
    );
  }
  return paths;
}

/** The run that a person named: its folder, a link to it, or its `run.sqlite`. */
export function locateRun(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new RunStoreError(`There is no run at ${path}: check the path.`);
  if (!found.isDirectory()) return path;
  const file = join(path, "run.sqlite");
  if (statSync(file, { throwIfNoEntry: false }) === undefined) {
    throw new RunStoreError(`The folder ${path} holds no run.sqlite: it is not a run.`);
  }
  return file;
}
