import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectNode } from "./npm.mjs";

const STALLED_MS = 20_000;
const LONGEST_MS = 15 * 60_000;
const LOOK_EVERY_MS = 1_000;

/** True when the Electron binary lies in node_modules. */
function electronReady(root) {
  const folder = join(root, "node_modules", "electron");
  try {
    const binary = readFileSync(join(folder, "path.txt"), "utf8").trim();
    return existsSync(join(folder, "dist", binary));
  } catch {
    return existsSync(join(folder, "dist", process.platform === "win32" ? "electron.exe" : "electron"));
  }
}

function bytesIn(folder) {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true })) {
    // A file of a running download may be renamed between the listing and the look at it.
    bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

/**
 * Lets Electron's own installer fetch the binary. It is given up when nothing has arrived for 20 s:
 * a slow network is no failure, an absent one must not hold up the start.
 */
export async function fetchElectron(root, { env, log }) {
  if (electronReady(root)) return;
  const installer = join(root, "node_modules", "electron", "install.js");
  if (!existsSync(installer)) return;
  log("Fetching the Electron binary");
  const temporary = mkdtempSync(join(tmpdir(), "understudy-electron-"));
  const started = Date.now();
  const child = spawn(projectNode(root), [installer], {
    env: { ...env, TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    stdio: "ignore",
  });
  let seenBytes = 0;
  let movedAt = started;
  const watcher = setInterval(() => {
    const bytes = bytesIn(temporary);
    if (bytes !== seenBytes) {
      seenBytes = bytes;
      movedAt = Date.now();
    }
    // Unpacking, which follows the download, writes elsewhere and is short.
    if (Date.now() - movedAt > STALLED_MS || Date.now() - started > LONGEST_MS) child.kill("SIGKILL");
  }, LOOK_EVERY_MS);
  await new Promise((resolve) => {
    child.once("error", resolve);
    child.once("close", resolve);
  });
  clearInterval(watcher);
  rmSync(temporary, { recursive: true, force: true });
  if (electronReady(root)) return;
  log("The Electron binary could not be fetched (no network?); the interface opens in the browser instead.");
}
