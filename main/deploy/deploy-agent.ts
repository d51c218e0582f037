import { ok } from "node:assert";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { HostError } from "./host-error.ts";
import { partialSuffix } from "./sftp-upload.ts";
import type { SshHost } from "./ssh-host.ts";

export interface DeployRequest {
  /** The agent: one ES module that Node runs by itself. */
  readonly bundle: Uint8Array;
  /** A Node executable on the desk's disk, sent to a host that has none of its own that is new enough. */
  readonly nodeBinary?: string;
  /** Packet addons on the desk's disk, one for each architecture: a host gets the one that is its own, if any. */
  readonly addons?: readonly string[];
  /** A user's application: one ES module, with the ending of its name, such as `.mjs`. */
  readonly application?: { readonly bytes: Uint8Array; readonly extension: string } | undefined;
  /** Folder on the host, absolute; made if missing (mode 0700), else it must belong to the user alone. */
  readonly workdir: string;
}

export interface Deployment {
  readonly agentPath: string;
  /** The packet addon, which the agent is told of as its argument; absent where none is for that host. */
  readonly addonPath?: string;
  readonly applicationPath?: string;
  /** The command that runs `agentPath`: the host's Node or the one that was sent. */
  readonly nodeCommand: string;
  /** The host's Node version, for example `v24.21.0`. */
  readonly nodeVersion: string;
  /** False when the host already had this very agent and needed no runtime. */
  readonly uploaded: boolean;
}

/** The bundle is built for this one and later. */
export const oldestNodeMajor = 20;

/** `e_machine` of an ELF header, and what `uname -m` says there. */
const machines: ReadonlyMap<number, string> = new Map([
  [0x3e, "x86_64"],
  [0xb7, "aarch64"],
]);

/** A folder that others use too must neither be changed nor trusted: only our own or a new one is taken. */
const makeWorkdir = `
if [ -d "$1" ]; then
  [ -O "$1" ] || exit 41
  case $(ls -ld -- "$1") in ?????w*|????????w*) exit 42 ;; esac
else
  mkdir -p -- "$1" && chmod 700 -- "$1"
fi`;

async function prepareWorkdir(host: SshHost, workdir: string): Promise<void> {
  ok(workdir.startsWith("/"), "the caller gives an absolute workdir");
  const made = await host.script(makeWorkdir, [workdir]);
  if (made.code === 0) return;
  const reasons = new Map([
    [41, `it belongs to another user`],
    [42, `other users may write into it`],
  ]);
  const reason = reasons.get(made.code ?? 0) ?? made.stderr.trim();
  throw new HostError(
    "forbidden",
    host.name,
    `The workdir ${workdir} on ${host.where} cannot be used: ${reason}; set a folder of its own that belongs to ${host.target.user}.`,
  );
}

function contentHash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Asks the host itself for the hash: a damaged or half-deleted file must not count as there. */
async function hasContent(host: SshHost, path: string, hash: string): Promise<boolean> {
  const script = '[ -f "$1" ] || exit 0; sha256sum -- "$1" 2>/dev/null || shasum -a 256 -- "$1"';
  const { stdout } = await host.script(script, [path]);
  return stdout.startsWith(hash);
}

interface StoredFile {
  readonly path: string;
  readonly uploaded: boolean;
}

async function store(
  host: SshHost,
  bytes: Uint8Array,
  mode: number,
  nameFor: (prefix: string) => string,
): Promise<StoredFile> {
  const hash = contentHash(bytes);
  const path = nameFor(hash.slice(0, 16));
  if (await hasContent(host, path, hash)) return { path, uploaded: false };
  await host.upload(bytes, path, mode);
  if (await hasContent(host, path, hash)) return { path, uploaded: true };
  throw new HostError(
    "remote",
    host.name,
    `${path} on ${host.where} differs from what was sent: check the disk of that host, then deploy again.`,
  );
}

/** The host's own Node, or undefined where there is none that is new enough. */
async function nodeOfHost(host: SshHost): Promise<{ command: string; version: string } | undefined> {
  const { code, stdout } = await host.script("command -v node && node --version", []);
  const [command, version] = stdout.trim().split("\n");
  const major = Number(/^v(\d+)\./.exec(version ?? "")?.[1] ?? 0);
  if (code !== 0 || !command || !version || major < oldestNodeMajor) return undefined;
  return { command, version };
}

function machineOf(executable: Uint8Array): string | undefined {
  const isElf = Buffer.from(executable.subarray(0, 4)).toString("latin1") === "\u007fELF";
  return isElf ? machines.get(Buffer.from(executable.subarray(0, 20)).readUInt16LE(18)) : undefined;
}

/** What `uname -m` says on hosts that one of these packet addons is for. */
export async function addonMachines(addons: readonly string[]): Promise<string[]> {
  const machinesOf = await Promise.all(addons.map(async (path) => machineOf(await readFile(path))));
  return machinesOf.filter((machine) => machine !== undefined);
}

async function shipNode(host: SshHost, request: DeployRequest): Promise<StoredFile & { version: string }> {
  const refuse = (reason: string): HostError =>
    new HostError(
      "no-node",
      host.name,
      `${host.where} has no Node ${oldestNodeMajor} or later, and ${reason}.`,
    );
  if (request.nodeBinary === undefined) throw refuse("none was given to send: install Node there");
  const bytes = await readFile(request.nodeBinary);
  const system = (await host.exec(["uname", "-sm"])).stdout.trim();
  const machine = machineOf(bytes);
  if (system !== `Linux ${machine ?? ""}`) {
    throw refuse(
      `the one that could be sent is for Linux ${machine ?? "of another kind"} while the host is ${system}: install Node there`,
    );
  }
  const file = await store(host, bytes, 0o755, (prefix) => `${request.workdir}/node-${prefix}`);
  const run = await host.exec([file.path, "--version"]);
  if (run.code === 0) return { ...file, version: run.stdout.trim() };
  const told = run.stderr.trim().split("\n")[0] ?? "";
  throw refuse(`the one that was sent does not run there (${told}): install Node there`);
}

/** The addon for the host's architecture: without one the agent works as well, only slower. */
async function storeAddon(host: SshHost, request: DeployRequest): Promise<StoredFile | undefined> {
  if (request.addons === undefined || request.addons.length === 0) return undefined;
  const system = (await host.exec(["uname", "-sm"])).stdout.trim();
  for (const path of request.addons) {
    const bytes = await readFile(path);
    if (system !== `Linux ${machineOf(bytes) ?? ""}`) continue;
    return await store(host, bytes, 0o600, (prefix) => `${request.workdir}/understudy-io-${prefix}.node`);
  }
  return undefined;
}

async function storeApplication(
  host: SshHost,
  { application, workdir }: DeployRequest,
): Promise<StoredFile | undefined> {
  if (application === undefined) return undefined;
  const { bytes, extension } = application;
  return await store(host, bytes, 0o600, (prefix) => `${workdir}/application-${prefix}${extension}`);
}

/**
 * Brings the agent to a host, and a runtime where one is needed. Files are named after their content,
 * so doing it again sends nothing. Rejects with a HostError.
 */
export async function deployAgent(host: SshHost, request: DeployRequest): Promise<Deployment> {
  await prepareWorkdir(host, request.workdir);
  const agent = await store(
    host,
    request.bundle,
    0o600,
    (prefix) => `${request.workdir}/agent-${prefix}.mjs`,
  );
  const addon = await storeAddon(host, request);
  const application = await storeApplication(host, request);
  const paths = {
    agentPath: agent.path,
    ...(addon !== undefined && { addonPath: addon.path }),
    ...(application !== undefined && { applicationPath: application.path }),
  };
  const sent = agent.uploaded || addon?.uploaded === true || application?.uploaded === true;
  const own = await nodeOfHost(host);
  if (own) {
    return {
      ...paths,
      nodeCommand: own.command,
      nodeVersion: own.version,
      uploaded: sent,
    };
  }
  const shipped = await shipNode(host, request);
  return {
    ...paths,
    nodeCommand: shipped.path,
    nodeVersion: shipped.version,
    uploaded: sent || shipped.uploaded,
  };
}

/** Removes every agent, runtime and outside computer that was ever deployed into the folder, and the folder when nothing else is in it. */
export async function undeploy(host: SshHost, workdir: string): Promise<void> {
  ok(workdir.startsWith("/"), "the caller gives an absolute workdir");
  const hex = "[0-9a-f]".repeat(16);
  const files = [
    `agent-${hex}.mjs`,
    `understudy-io-${hex}.node`,
    `node-${hex}`,
    `usrsctp-peer-${hex}`,
    `application-${hex}.*`,
  ];
  const script = `
cd -- "$1" 2>/dev/null || exit 0
rm -f -- ${files.join(" ")} ${files.map((file) => `${file}${partialSuffix}*`).join(" ")}
cd / && { rmdir -- "$1" 2>/dev/null || true; }`;
  const { code, stderr } = await host.script(script, [workdir]);
  if (code === 0) return;
  throw new HostError(
    "forbidden",
    host.name,
    `What was deployed to ${workdir} on ${host.where} could not be removed: ${stderr.trim()}.`,
  );
}
