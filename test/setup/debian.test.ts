import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stubProject } from "./stub-project.ts";
import type { StubProject } from "./stub-project.ts";

const LAB = "iproute2 nftables openssh-server tcpdump libpcap-dev g++ make python3 ethtool procps";
const USRSCTP = "gcc libc6-dev libusrsctp-dev";
const REDIS = "redis-server";
const ALL = `${LAB} ${USRSCTP} ${REDIS} chromium tshark wireshark-common qemu-system-x86 busybox-static cpio kmod lz4`;
const APT = "apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0";

let project: StubProject;
beforeEach(() => {
  project = stubProject();
});
afterEach(() => project.remove());

test.each([
  ["demo", [], LAB],
  ["demo", ["--peer", "usrsctp"], `${LAB} ${USRSCTP}`],
  ["demo", ["--peer=usrsctp"], `${LAB} ${USRSCTP}`],
  ["demo", ["--peer", "understudy"], LAB],
  ["demo", ["--policy", "shared", "--store", "redis"], `${LAB} ${REDIS}`],
  ["test", [], ALL],
])("a bare Debian: %s %j installs what it needs", async (verb, args, packages) => {
  const { stderr } = await project.installDebian(verb, args, true);
  expect(project.calls()).toEqual([
    `${APT} install --no-install-recommends ${packages} (services held back)`,
    "systemctl disable ssh.service ssh.socket",
    ...(packages.includes(REDIS) ? ["systemctl disable redis-server.service"] : []),
  ]);
  expect(stderr).toBe(`Installing Debian packages: ${packages}\n`);
});

test("a container without systemd: its SSH server is kept from starting, too", async () => {
  rmSync(join(project.folder, "stubs/systemctl"));
  const { stderr } = await project.installDebian("demo", [], true);
  expect(project.calls().at(-1)).toBe("update-rc.d ssh disable");
  expect(stderr).toBe(`Installing Debian packages: ${LAB}\n`);
});

test("an SSH server that cannot be kept down is told with the command to type", async () => {
  rmSync(join(project.folder, "stubs/systemctl"));
  const { stderr } = await project.installDebian("demo", [], true, { DISABLE_FAILS: "error: read-only" });
  expect(stderr.trimEnd().split("\n").at(-1)).toBe(
    "The system's own SSH server may start at the next boot (error: read-only); stop it with: update-rc.d ssh disable",
  );
});

test.each(["start", "check"])("%s needs no Debian package", async (verb) => {
  const { stderr } = await project.installDebian(verb, [], true);
  expect([project.calls(), stderr]).toEqual([[], ""]);
});

test("only what is missing is installed, and a system SSH server of the owner's is left alone", async () => {
  const installed = ALL.replace("ethtool ", "").replace(" tshark", "");
  await project.installDebian("test", [], true, { INSTALLED: installed });
  expect(project.calls()).toEqual([
    `${APT} install --no-install-recommends ethtool tshark (services held back)`,
  ]);
});

test("nothing missing: nothing done, nothing said", async () => {
  const { stderr } = await project.installDebian("test", [], true, { INSTALLED: ALL });
  expect([project.calls(), stderr]).toEqual([[], ""]);
});

test.each([
  ["with sudo", "sudo", {}, "  sudo apt-get install --no-install-recommends PACKAGES"],
  ["without sudo", "", {}, "  su -c 'apt-get install --no-install-recommends PACKAGES'"],
  [
    "with sudo, where apt has no lists yet",
    "sudo",
    { NO_LISTS: "1" },
    "  sudo sh -c 'apt-get update && apt-get install --no-install-recommends PACKAGES'",
  ],
  [
    "without sudo, where apt has no lists yet",
    "",
    { NO_LISTS: "1" },
    "  su -c 'apt-get update && apt-get install --no-install-recommends PACKAGES'",
  ],
])("an ordinary user %s gets the one command to type", async (_, tool, env, command) => {
  if (tool !== "") project.command(tool);
  const installed = LAB.replace("ethtool procps", "").replace("iproute2 ", "");
  const { stderr, code } = await project.installDebian("demo", [], false, { ...env, INSTALLED: installed });
  expect(stderr.split("\n")[1]).toBe(command.replace("PACKAGES", "iproute2 ethtool procps"));
  expect([project.calls(), code]).toEqual([[], 0]);
});

test("who types that command is told of the SSH server that Debian then starts", async () => {
  const told = "Debian starts its SSH server with openssh-server";
  const all = await project.installDebian("demo", [], false);
  expect(all.stderr).toContain(told);
  const withSshd = await project.installDebian("demo", [], false, { INSTALLED: "openssh-server" });
  expect(withSshd.stderr).not.toContain(told);
});

test("services are let go again after the installation, also when it fails", async () => {
  await project.installDebian("demo", [], true);
  expect(existsSync(project.policyFile)).toBe(false);
  await project.installDebian("demo", [], true, { INSTALL_FAILS: "E: dpkg was interrupted" });
  expect(existsSync(project.policyFile)).toBe(false);
});

test("a policy of the system's owner stays as it is", async () => {
  writeFileSync(project.policyFile, "#!/bin/sh\nexit 0\n");
  await project.installDebian("demo", [], true);
  expect(readFileSync(project.policyFile, "utf8")).toBe("#!/bin/sh\nexit 0\n");
});

test("a policy that a killed set-up left behind is removed", async () => {
  writeFileSync(
    project.policyFile,
    "#!/bin/sh\n# Written by the set-up of Understudy; removed when it ends.\n",
  );
  await project.installDebian("demo", [], true);
  expect(existsSync(project.policyFile)).toBe(false);
});

test("lists are fetched first where there are none", async () => {
  await project.installDebian("demo", [], true, { NO_LISTS: "1", INSTALLED: LAB.replace("make", "") });
  expect(project.calls().map((call) => call.replace(APT, "").trim())).toEqual([
    "update (services held back)",
    "install --no-install-recommends make (services held back)",
  ]);
});

test("lists that are too old are fetched anew, once", async () => {
  await project.installDebian("demo", [], true, { NEEDS_UPDATE: "1", INSTALLED: LAB.replace("make", "") });
  expect(project.calls().map((call) => call.split(" ")[7])).toEqual(["install", "update", "install"]);
});

test("without a network: one sentence, and the work goes on", async () => {
  const { stderr, code } = await project.installDebian("demo", [], true, {
    NO_LISTS: "1",
    UPDATE_FAILS: "E: Failed to fetch http://deb.example/ Temporary failure resolving 'deb.example'",
  });
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    /^apt-get cannot reach Debian's archive: is there a network\?/,
  );
  expect(code).toBe(0);
});

test("a failure names apt's own reason", async () => {
  const { stderr } = await project.installDebian("demo", [], true, {
    INSTALL_FAILS: "E: No space left on device",
  });
  expect(stderr).toContain("could not install them (E: No space left on device)");
});

test("not Debian: it says what is wanted and goes on", async () => {
  rmSync(join(project.folder, "stubs/dpkg-query"));
  rmSync(join(project.folder, "stubs/apt-get"));
  const { stderr, code } = await project.installDebian("demo", [], true);
  expect(stderr).toMatch(/^This system is not Debian and lacks .*g\+\+.*; install them with its own tools\./);
  expect(code).toBe(0);
});
