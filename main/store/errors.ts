import Database from "better-sqlite3";

/** Something about a run that a person must know or mend: one clear sentence. */
export class RunStoreError extends Error {
  override readonly name: string = "RunStoreError";
}

export const damaged = (path: string): string =>
  `The run file ${path} is damaged: take it from a backup, or run again.`;

const sentences: Readonly<Record<string, (path: string) => string>> = {
  SQLITE_FULL: (path) => `The disk is full: ${path} could not be written. Free some space and run again.`,
  SQLITE_NOTADB: (path) =>
    `${path} is not a run file (or its beginning is damaged). Take it from a backup, or run again.`,
  SQLITE_CORRUPT: damaged,
  SQLITE_CANTOPEN: (path) => `The run file ${path} cannot be opened: check that it exists and may be read.`,
  SQLITE_READONLY: (path) => `The run file ${path} cannot be written: check the permissions of its folder.`,
  SQLITE_BUSY: (path) => `The run file ${path} is in use by another program: try again when that has ended.`,
  SQLITE_IOERR: (path) => `Reading or writing ${path} failed: check the disk.`,
};

/** The operator's sentence for what SQLite reports; our own mistakes are thrown on unchanged. */
function asRunStoreError(error: unknown, path: string): unknown {
  if (!(error instanceof Database.SqliteError)) return error;
  // Extended codes such as SQLITE_IOERR_READ begin with the primary one.
  const code = Object.keys(sentences).find((primary) => error.code.startsWith(primary));
  const sentence = code === undefined ? undefined : sentences[code];
  return sentence === undefined ? error : new RunStoreError(sentence(path), { cause: error });
}

/** Runs `work` on the run file at `path`; what SQLite says of the file becomes a `RunStoreError`. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asRunStoreError(error, path);
  }
}
