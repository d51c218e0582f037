import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import type { SFTPWrapper } from "ssh2";
import type { RemoteShell } from "./exec.ts";
import { HostError } from "./host-error.ts";

interface RemoteFile {
  readonly bytes: Uint8Array;
  readonly remotePath: string;
  readonly mode: number;
}

/** What every SFTP server takes in one request (draft-ietf-secsh-filexfer-02 section 3). */
const chunkBytes = 32 * 1024;
const requestsInFlight = 32;

/** Marks files that an interrupted upload may have left. */
export const partialSuffix = ".part-";

function openNew(sftp: SFTPWrapper, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sftp.open(path, "wx", 0o600, (error, handle) => (error ? reject(error) : resolve(handle)));
  });
}

function close(sftp: SFTPWrapper, handle: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    sftp.close(handle, (error) => (error ? reject(error) : resolve()));
  });
}

/** Keeps several writes on their way, so that the round trip does not set the pace. */
async function writeAll(sftp: SFTPWrapper, handle: Buffer, bytes: Uint8Array): Promise<void> {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < data.length) {
      const from = next;
      const length = Math.min(chunkBytes, data.length - from);
      next += length;
      await new Promise<void>((resolve, reject) => {
        sftp.write(handle, data, from, length, from, (error) => (error ? reject(error) : resolve()));
      });
    }
  };
  // Every writer must have stopped before the handle is closed: a failed one lets the others run dry.
  const ends = await Promise.allSettled(Array.from({ length: requestsInFlight }, writer));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}

/** SFTP has no word for a full disk (OpenSSH answers "Failure"), so the file system is asked. */
async function explain(host: RemoteShell, file: RemoteFile, cause: unknown): Promise<HostError> {
  const folder = posix.dirname(file.remotePath);
  const told = cause instanceof Error ? cause.message : String(cause);
  const space = await freeBytes(host, folder);
  if (space !== undefined && space < file.bytes.length) {
    const text =
      `The disk of ${host.where} is full: ${file.remotePath} needs ${kib(file.bytes.length)} and ${folder} has ${kib(space)} left; ` +
      "free some space there, or set another workdir.";
    return new HostError("disk-full", host.name, text, { cause });
  }
  const forbidden = /permission denied/i.test(told);
  return new HostError(
    forbidden ? "forbidden" : "remote",
    host.name,
    forbidden
      ? `${file.remotePath} may not be written on ${host.where}: set a workdir that belongs to that user.`
      : `${file.remotePath} could not be written on ${host.where}: ${told}.`,
    { cause },
  );
}

function kib(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}

/** Space that an ordinary user has left in a folder; undefined where `df` gives no number. */
async function freeBytes(host: RemoteShell, folder: string): Promise<number | undefined> {
  const { code, stdout } = await host.exec(["df", "-Pk", "--", folder]);
  const free = /\s(\d+)\s+\d+%\s/.exec(stdout.split("\n")[1] ?? "")?.[1];
  return code === 0 && free !== undefined ? Number(free) * 1024 : undefined;
}

export async function uploadFile(host: RemoteShell, sftp: SFTPWrapper, file: RemoteFile): Promise<void> {
  const partial = `${file.remotePath}${partialSuffix}${randomBytes(4).toString("hex")}`;
  let failure: unknown;
  try {
    const handle = await openNew(sftp, partial);
    try {
      await writeAll(sftp, handle, file.bytes);
    } finally {
      await close(sftp, handle);
    }
    const script = 'chmod -- "$1" "$2" && mv -f -- "$2" "$3"';
    const moved = await host.script(script, [file.mode.toString(8), partial, file.remotePath]);
    if (moved.code === 0) return;
    failure = new Error(moved.stderr.trim());
  } catch (error) {
    failure = error;
  }
  if (failure instanceof HostError) throw failure;
  // Asked before the partial file goes away: it is what fills the disk.
  const explained = await explain(host, file, failure);
  await host.exec(["rm", "-f", "--", partial]);
  throw explained;
}
