import { type FileHandle, open } from "node:fs/promises";
import ssh2 from "ssh2";
import type { SFTPWrapper } from "ssh2";

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;
const openHandlesLimit = 64;

function statusOf(error: unknown): number {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return STATUS_CODE.NO_SUCH_FILE;
  if (code === "EACCES" || code === "EPERM") return STATUS_CODE.PERMISSION_DENIED;
  return STATUS_CODE.FAILURE;
}

/** The part of SFTP version 3 that an upload needs: open, write, close. Everything else is answered with "unsupported". */
export function serveSftp(sftp: SFTPWrapper): void {
  const handles = new Map<number, FileHandle>();
  let lastHandle = 0;
  const answer = (request: number, work: Promise<unknown>): void => {
    work.then(
      () => sftp.status(request, STATUS_CODE.OK),
      (error: unknown) => sftp.status(request, statusOf(error)),
    );
  };
  const find = (handle: Buffer): FileHandle | undefined =>
    handle.length === 4 ? handles.get(handle.readUInt32BE(0)) : undefined;

  sftp.on("OPEN", (request, path, flags, attributes) => {
    const isNewFile = (flags & OPEN_MODE.WRITE) !== 0 && (flags & OPEN_MODE.EXCL) !== 0;
    if (!isNewFile || handles.size >= openHandlesLimit) {
      sftp.status(request, STATUS_CODE.OP_UNSUPPORTED);
      return;
    }
    open(path, "wx", attributes.mode || 0o600).then(
      (file) => {
        const handle = Buffer.alloc(4);
        handle.writeUInt32BE(++lastHandle);
        handles.set(lastHandle, file);
        sftp.handle(request, handle);
      },
      (error: unknown) => sftp.status(request, statusOf(error)),
    );
  });
  sftp.on("WRITE", (request, handle, offset, data) => {
    const file = find(handle);
    if (file) answer(request, file.write(data, 0, data.length, offset));
    else sftp.status(request, STATUS_CODE.FAILURE);
  });
  sftp.on("CLOSE", (request, handle) => {
    const file = find(handle);
    if (!file) {
      sftp.status(request, STATUS_CODE.FAILURE);
      return;
    }
    handles.delete(handle.readUInt32BE(0));
    answer(request, file.close());
  });
  sftp.once("close", () => {
    for (const file of handles.values()) void file.close();
    handles.clear();
  });
}
