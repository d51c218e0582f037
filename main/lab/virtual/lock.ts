import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabError } from "../hosts.ts";
import { type Owner, isAlive, ownerShape, thisProcess } from "./owner.ts";

function readOwner(text: string): Owner | undefined {
  try {
    return ownerShape.parse(JSON.parse(text));
  } catch {
    // A lock file is linked into place whole, so an unreadable one was not written by us and protects nobody.
    return undefined;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Linking is atomic and brings the content along: nobody ever sees an empty lock. */
function tryLink(path: string, text: string): boolean {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, text, { flag: "wx" });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}

/** Moves a dead owner's lock away; if another desk was quicker and a fresh lock was hit, that one is put back. */
function removeStale(path: string, stale: string): void {
  const away = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    renameSync(path, away);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  const moved = readFileSync(away, "utf8");
  if (moved !== stale) tryLink(path, moved);
  rmSync(away);
}

/**
 * One embedded lab at a time for a state folder. Returns the release.
 * @throws LabError naming who holds it. A lock whose process is gone is taken over.
 */
export function lockState(stateDir: string): () => void {
  const path = join(stateDir, "lab.lock");
  const mine = JSON.stringify({ ...thisProcess(), nonce: randomBytes(6).toString("hex") });
  for (let attempt = 0; attempt < 10; attempt++) {
    if (tryLink(path, mine)) {
      return () => {
        if (readIfThere(path) === mine) rmSync(path);
      };
    }
    const held = readIfThere(path);
    if (held === undefined) continue;
    const owner = readOwner(held);
    if (owner && isAlive(owner)) {
      throw new LabError(
        `Another lab is running in ${stateDir} (process ${owner.pid}): wait until it ends, stop that process, or use another state folder.`,
      );
    }
    removeStale(path, held);
  }
  throw new LabError(
    `The lock ${path} changes hands all the time: see which programs use this state folder.`,
  );
}
