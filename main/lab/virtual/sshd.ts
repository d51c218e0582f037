import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { generateSshKeyPair } from "../../deploy/index.ts";
import { LabError } from "../hosts.ts";
import { widePath } from "./run.ts";

const startTimeoutMs = 10_000;

/** sshd insists on being started by its full path. */
function findProgram(name: string): string | undefined {
  return widePath
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Those of `names` that are not installed. */
export function missingPrograms(...names: string[]): string[] {
  return names.filter((name) => findProgram(name) === undefined);
}

export interface SshdRequest {
  readonly namespace: string;
  readonly address: string;
  /** For its keys and configuration; made here. */
  readonly folder: string;
  readonly authorizedKeysFile: string;
}

export interface Sshd {
  /** Public host key: type and base64. */
  readonly hostKey: string;
}

function configuration(request: SshdRequest, hostKeyFile: string): string {
  return [
    `ListenAddress ${request.address}`,
    "Port 22",
    `HostKey ${hostKeyFile}`,
    `AuthorizedKeysFile ${request.authorizedKeysFile}`,
    "AuthenticationMethods publickey",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "UsePAM no",
    // The lab's folder may lie below a folder that others can write, such as /tmp.
    "StrictModes no",
    "PidFile none",
    "UseDNS no",
    "PrintMotd no",
    "X11Forwarding no",
    "AllowTcpForwarding no",
    "AllowAgentForwarding no",
    "MaxSessions 100",
    "MaxStartups 100:30:200",
    "Subsystem sftp internal-sftp",
    "",
  ].join("\n");
}

/**
 * Without PAM sshd refuses a root whose password is locked with "!", as it is in most containers; and
 * root's own shell would run that user's start-up files at each command. So a host gets its own view of
 * both files; `ip netns exec` has already put it into a mount namespace of its own.
 * `$1` folder with the two files, `$2` sshd, `$3` its configuration.
 */
const startScript = `
for file in shadow passwd; do [ ! -e /etc/$file ] || mount --bind "$1/$file" /etc/$file; done
exec "$2" -D -e -f "$3"`;

function writeAccounts(folder: string): void {
  const accounts = readFileSync("/etc/passwd", "utf8");
  writeFileSync(join(folder, "passwd"), accounts.replace(/^(root(?::[^:\n]*){5}):.*$/m, "$1:/bin/sh"));
  writeFileSync(join(folder, "shadow"), "root:*:19000:0:99999:7:::\n", { mode: 0o600 });
}

/** Settles once sshd says that it listens. */
function listening(child: ChildProcess, namespace: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new LabError(`sshd did not start in ${namespace}: ${reason} (${said.slice(-3).join("; ")}).`));
    };
    const timer = setTimeout(() => fail(`not ready within ${startTimeoutMs / 1000} s`), startTimeoutMs);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code) => fail(`it ended with code ${code ?? "none"}`));
    if (!child.stderr) return;
    // Read on after the start: sshd must never wait for a full pipe.
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (said.length < 20) said.push(line);
      if (!line.startsWith("Server listening on")) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Starts a real OpenSSH server inside a namespace, with a fresh host key. It ends with the namespace. */
export async function startSshd(request: SshdRequest): Promise<Sshd> {
  const program = findProgram("sshd");
  if (!program) throw new LabError("There is no sshd: install openssh-server.");
  mkdirSync(request.folder, { recursive: true, mode: 0o700 });
  // The package makes this folder only when its own service starts.
  if (!existsSync("/run/sshd")) mkdirSync("/run/sshd", { mode: 0o755 });
  const keys = generateSshKeyPair(request.namespace);
  const hostKeyFile = join(request.folder, "host_key");
  const configFile = join(request.folder, "sshd_config");
  writeFileSync(hostKeyFile, keys.privateKey, { mode: 0o600 });
  writeFileSync(configFile, configuration(request, hostKeyFile));
  writeAccounts(request.folder);
  // A session of its own: a Ctrl-C at the desk must not take the way to the hosts before they are tidied.
  const child = spawn(
    "ip",
    ["netns", "exec", request.namespace, "sh", "-c", startScript, "sh", request.folder, program, configFile],
    { env: { PATH: widePath }, cwd: "/", detached: true, stdio: ["ignore", "ignore", "pipe"] },
  );
  child.unref();
  await listening(child, request.namespace);
  // A desk that ends without disposing must be able to end: the reaper does the rest.
  const { stderr } = child;
  if (stderr instanceof Socket) stderr.unref();
  return { hostKey: keys.publicKey };
}
