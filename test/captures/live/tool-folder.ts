import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localRunner, type ProcessRunner } from "../../../captures/live/index.ts";

/** A host that has exactly the given programs: this machine, with a PATH of one folder. */
export interface ToolFolder {
  readonly runner: ProcessRunner;
  remove(): Promise<void>;
}

/** `scripts` are the bodies of shell scripts by program name; an empty body makes a file that is not executable. */
export async function toolFolder(
  scripts: Readonly<Record<string, string>>,
  sharesFiles: boolean,
): Promise<ToolFolder> {
  const folder = await mkdtemp(join(tmpdir(), "understudy-tools-"));
  for (const tool of ["sh", "sleep"]) await symlink(`/bin/${tool}`, join(folder, tool));
  for (const [name, body] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: body === "" ? 0o644 : 0o755 });
  }
  const local = localRunner();
  return {
    runner: {
      where: "host t",
      sharesFiles,
      spawn: (argv) => local.spawn(["env", `PATH=${folder}`, ...argv]),
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
