import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { LabError } from "../hosts.ts";
import type { JobAgents } from "./job-agents.ts";
import type { PeerPlace } from "./peer-program.ts";
import { PeerProgram, peerArguments, peerSource } from "./peer-program.ts";
import type { JobSetting } from "./setting.ts";

const run = promisify(execFile);
const buildMs = 60_000;
const startMs = 10_000;

/** Compiles the program on this machine. Rejects with one sentence when the compiler or the library is missing. */
async function build(signal: AbortSignal): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "understudy-usrsctp-"));
  const output = join(folder, "usrsctp-peer");
  try {
    const options = ["-O2", "-Wall", "-Wextra", "-Werror", "-o", output];
    await run("gcc", [...options, peerSource, "-lusrsctp", "-lpthread"], { signal, timeout: buildMs });
    return new Uint8Array(await readFile(output));
  } catch (error) {
    signal.throwIfAborted();
    const said =
      error instanceof Error && "stderr" in error ? String(error.stderr).trim().split("\n")[0] : "";
    throw new LabError(
      `The usrsctp peer cannot be built (${said || String(error)}): install gcc and libusrsctp-dev, then try again.`,
      { cause: error },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Starts Debian's libusrsctp as the outside computer, driven by a small C program that is sent to the host. */
export async function startUsrsctpPeer(
  agents: JobAgents,
  workdir: string,
  place: PeerPlace,
  setting: JobSetting,
  signal: AbortSignal,
): Promise<PeerProgram> {
  const program = await build(signal);
  const hash = createHash("sha256").update(program).digest("hex").slice(0, 16);
  const path = `${workdir}/usrsctp-peer-${hash}`;
  const host = agents.connection("peer");
  await host.upload(program, path, 0o755);
  const process = await host.spawn(agents.command("peer", [path, ...peerArguments(place, setting)]));
  const advice = "whether libusrsctp is installed";
  return await PeerProgram.greeted(
    { host, process, name: "usrsctp peer", advice, startMs },
    setting,
    agents.handlers("peer"),
  );
}
