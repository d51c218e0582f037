import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A lock that cannot be left behind: a listening socket, which the system takes away with its
 * process. Linux has names without a file for it, Windows has pipes.
 */
function lockAddress(root) {
  const name = `understudy-setup-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`;
  if (process.platform === "linux") return `\0${name}`;
  return process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), name);
}

function tryListen(address) {
  return new Promise((resolve, reject) => {
    const visitors = new Set();
    const server = createServer((visitor) => {
      visitors.add(visitor);
      visitor.on("error", () => visitor.destroy());
    });
    server.once("error", (error) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(address, () => {
      resolve(() => {
        server.close();
        for (const visitor of visitors) visitor.destroy();
      });
    });
  });
}

/** Resolves when the owner of the lock is gone; false: nobody answers there any more. */
function waitForOwner(address) {
  return new Promise((resolve) => {
    const visitor = connect(address);
    let connected = false;
    visitor.once("connect", () => {
      connected = true;
    });
    // The reason does not matter: `close` follows, and the lock is tried again.
    visitor.on("error", () => {});
    visitor.once("close", () => resolve(connected));
    visitor.resume();
  });
}

/** Runs `work` while no other set-up of the same folder runs on this machine. */
export async function withLock(root, log, work) {
  const address = lockAddress(root);
  let release = await tryListen(address);
  if (release === undefined) log("Another set-up of this folder is at work; waiting for it.");
  while (release === undefined) {
    const wasAlive = await waitForOwner(address);
    // Only a socket that is a file can outlive its process.
    if (!wasAlive && !address.startsWith("\0") && process.platform !== "win32")
      rmSync(address, { force: true });
    release = await tryListen(address);
  }
  try {
    return await work();
  } finally {
    release();
  }
}
