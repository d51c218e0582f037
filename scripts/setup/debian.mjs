import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { hasCommand, lastLines, run, saysNoNetwork } from "./shell.mjs";
import { PROVIDES } from "./verbs.mjs";

const POLICY_MARK = "# Written by the set-up of Understudy; removed when it ends.";
const POLICY = `#!/bin/sh\n${POLICY_MARK}\nexit 101\n`;
const LISTS = "/var/lib/apt/lists";
const INSTALL = "apt-get install --no-install-recommends";
const UPDATE_AND_INSTALL = `apt-get update && ${INSTALL}`;

/** Those of `packages` that the system lacks. Debian's own books decide; elsewhere commands and files do. */
export async function missingPackages(packages, { env }) {
  if (packages.length === 0) return [];
  if (!hasCommand("dpkg-query", env)) {
    return packages.filter((name) => {
      const proof = PROVIDES[name];
      return proof.startsWith("/") ? !existsSync(proof) : !hasCommand(proof, env);
    });
  }
  const format = "${Package} ${db:Status-Status}\\n";
  const { output } = await run("dpkg-query", ["-W", "-f", format, ...packages], { env });
  const installed = new Set(
    output
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return packages.filter((name) => !installed.has(name));
}

/**
 * While `work` runs, packages that are unpacked start no service: we want sshd's program, not a
 * second SSH server on this machine. A policy that was there before is left alone.
 */
async function withoutServices(policyFile, work) {
  const ours = !existsSync(policyFile) || readFileSync(policyFile, "utf8").includes(POLICY_MARK);
  if (!ours) return work();
  const remove = () => rmSync(policyFile, { force: true });
  const interrupted = (signal) => {
    remove();
    process.kill(process.pid, signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.once(signal, interrupted);
  writeFileSync(policyFile, POLICY, { mode: 0o755 });
  try {
    return await work();
  } finally {
    remove();
    for (const signal of signals) process.off(signal, interrupted);
  }
}

function haveLists() {
  try {
    return readdirSync(LISTS).some((name) => name.includes("_Packages"));
  } catch {
    return false;
  }
}

/** apt-get install; the package lists are fetched only where there are none or where they proved too old. */
async function aptInstall(packages, { env, log, listsFolderFilled }) {
  const quiet = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" }, log };
  const common = ["-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"];
  const update = () => {
    log("apt-get update");
    return run("apt-get", [...common, "update"], { ...quiet, title: "apt-get update" });
  };
  const install = () => {
    const args = [...common, "install", "--no-install-recommends", ...packages];
    return run("apt-get", args, { ...quiet, title: "apt-get install" });
  };
  if (!listsFolderFilled()) {
    const updated = await update();
    return updated.code === 0 ? install() : updated;
  }
  const first = await install();
  if (first.code === 0) return first;
  const updated = await update();
  return updated.code === 0 ? install() : updated;
}

/** Packages whose service would run from the next boot on: labs start servers of their own. */
const SERVICES = {
  "openssh-server": { what: "SSH server", units: ["ssh.service", "ssh.socket"], script: "ssh" },
  "redis-server": { what: "Redis server", units: ["redis-server.service"], script: "redis-server" },
};

async function keepDown({ what, units, script }, env, log) {
  // Without systemd there is still the init system of the machine, or one that is installed later.
  const [command, args] = hasCommand("systemctl", env)
    ? ["systemctl", ["disable", ...units]]
    : ["update-rc.d", [script, "disable"]];
  // A root who came by `su` may have an ordinary user's PATH.
  const PATH = `${env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
  const { code, output } = await run(command, args, { env: { ...env, PATH } });
  // A system without units for it has nothing that could start it.
  if (code !== 0 && !/does not exist|no such file|not found|ENOENT/i.test(output)) {
    const again = [command, ...args].join(" ");
    log(
      `The system's own ${what} may start at the next boot (${lastLines(output, 1)}); stop it with: ${again}`,
    );
  }
}

/** What an ordinary user types to have a command run by root; a bare Debian has no sudo. */
function asRoot(command, env) {
  if (!hasCommand("sudo", env)) return `su -c '${command}'`;
  return command.includes("&&") ? `sudo sh -c '${command}'` : `sudo ${command}`;
}

/**
 * Installs what is missing, or says in one sentence what to type. Never fails: the verb goes on with
 * what works and says itself what it lacks.
 *
 * @param packages names of Debian packages
 * @param options env; log(line); isRoot; policyFile and listsFolderFilled are given by tests
 */
export async function installPackages(packages, options) {
  const { env, log, isRoot, policyFile = "/usr/sbin/policy-rc.d", listsFolderFilled = haveLists } = options;
  const missing = await missingPackages(packages, { env });
  if (missing.length === 0) return;
  const names = missing.join(" ");
  if (!hasCommand("apt-get", env)) {
    const proofs = missing.map((name) => PROVIDES[name]).join(", ");
    log(`This system is not Debian and lacks ${proofs}; install them with its own tools. Going on without.`);
    return;
  }
  if (!isRoot) {
    log(`Not root, so going on without some Debian packages; to install them, type:`);
    log(`  ${asRoot(listsFolderFilled() ? `${INSTALL} ${names}` : `${UPDATE_AND_INSTALL} ${names}`, env)}`);
    if (missing.includes("openssh-server"))
      log("Debian starts its SSH server with openssh-server; if you want none: systemctl disable --now ssh");
    return;
  }
  log(`Installing Debian packages: ${names}`);
  const { code, output } = await withoutServices(policyFile, () =>
    aptInstall(missing, { env, log, listsFolderFilled }),
  );
  if (code === 0) {
    for (const [name, service] of Object.entries(SERVICES))
      if (missing.includes(name)) await keepDown(service, env, log);
    return;
  }
  const typeThis = `${UPDATE_AND_INSTALL} ${names}`;
  if (saysNoNetwork(output)) {
    log(
      `apt-get cannot reach Debian's archive: is there a network? Going on without; later type: ${typeThis}`,
    );
    return;
  }
  const reason = /^E: .*$/m.exec(output)?.[0] ?? lastLines(output, 1);
  log(`apt-get could not install them (${reason}). Going on without; to see why, type: ${typeThis}`);
}
