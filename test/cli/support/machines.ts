import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SshHost, connectSsh } from "../../../main/deploy/index.ts";
import type { ClusterHost, BasicHostName, Lab, LabHost } from "../../../main/lab/hosts.ts";
import { createVirtualLab } from "../../../main/lab/virtual/index.ts";
import { commandsWith } from "../../lab/support/lab.ts";

const names: readonly BasicHostName[] = ["a", "b", "peer"];

/** What a test changes in the testbed file; every other value fits the machines. */
export interface TestbedChanges {
  /** Instead of a host's own lines under `ssh`, for example `{ b: "host: 192.0.2.1" }`. */
  readonly ssh?: Partial<Record<BasicHostName, string>>;
  readonly workdir?: Partial<Record<BasicHostName, string>>;
  readonly knownHosts?: string;
  readonly identity?: string;
  readonly udpPort?: number;
}

/** Three virtual hosts that a testbed file describes as if they were machines in a rack. */
export interface TestMachines {
  readonly lab: Lab;
  /** Removed with everything in it. */
  readonly folder: string;
  readonly admin: Readonly<Record<BasicHostName, SshHost>>;
  /** For the program: runs and state below `folder`. */
  readonly env: NodeJS.ProcessEnv;
  /** Writes a testbed file; answers its path. */
  testbed(changes?: TestbedChanges): string;
  workdirOf(name: BasicHostName): string;
  /** Processes, firewall tables and files that a run has left on the hosts. */
  leftovers(): Promise<string[]>;
  dispose(): Promise<void>;
}

function hostLines(host: LabHost | ClusterHost, workdir: string, ssh: string): string {
  const place = ({ device, address }: { readonly device: string; readonly address: string }): string =>
    `{dev: ${device}, ip: ${address}/24}`;
  const ic = "intra" in host ? `, ic: ${place(host.intra)}` : "";
  return `  ${host.name}: {ssh: {${ssh}}, agent: {workdir: ${workdir}}, interfaces: {out: ${place(host.outside)}${ic}}}`;
}

export async function makeMachines(): Promise<TestMachines> {
  const folder = mkdtempSync(join(tmpdir(), "understudy-machines-"));
  const lab = await createVirtualLab({ stateDir: join(folder, "lab"), kind: "netns", log: () => {} });
  const login = (name: BasicHostName): Promise<SshHost> =>
    connectSsh(lab.hosts[name].ssh, { timeoutMs: 8000 });
  const [a, b, peer] = await Promise.all([login("a"), login("b"), login("peer")]);
  const admin = { a, b, peer };
  const { auth } = lab.hosts.a.ssh;
  if ("agent" in auth) throw new Error("the lab has keys of its own");
  const identity = join(folder, "identity");
  writeFileSync(identity, auth.privateKey, { mode: 0o600 });
  const known = join(folder, "known_hosts");
  writeFileSync(known, names.map((name) => `${lab.hosts[name].ssh.hostKeys.knownHosts}\n`).join(""));
  const workdirOf = (name: BasicHostName): string => join(folder, `work-${name}`);
  let files = 0;

  const tables = async (name: BasicHostName): Promise<string[]> => {
    const { stdout } = await admin[name].exec(["nft", "list", "tables"]);
    return stdout.split("\n").filter((line) => /understudy_[0-9a-f]{12}/.test(line));
  };
  return {
    lab,
    folder,
    admin,
    env: {
      ...process.env,
      UNDERSTUDY_RUNS_DIR: join(folder, "runs"),
      NO_COLOR: "1",
      UNDERSTUDY_STATE_DIR: join(folder, "state"),
    },
    workdirOf,
    testbed(changes = {}) {
      const path = join(folder, `rack-${files++}.testbed.yaml`);
      const hosts = names.map((name) =>
        hostLines(
          lab.hosts[name],
          changes.workdir?.[name] ?? workdirOf(name),
          changes.ssh?.[name] ?? `host: ${lab.hosts[name].ssh.host}`,
        ),
      );
      const ssh = `{user: root, identityFile: ${changes.identity ?? identity}, knownHosts: ${changes.knownHosts ?? known}, connectTimeout: 8s}`;
      const head = [
        "version: 1",
        "name: rack",
        "defaults:",
        `  ssh: ${ssh}`,
        `  agent: {udpPort: ${changes.udpPort ?? 9899}}`,
      ];
      writeFileSync(path, [...head, "hosts:", ...hosts, ""].join("\n"));
      return path;
    },
    async leftovers() {
      const left = await Promise.all(names.map(tables));
      const work = names.filter((name) => existsSync(workdirOf(name)));
      return [
        ...left.flat(),
        ...commandsWith(`${folder}/work-`),
        ...commandsWith("nft delete table $f"),
        ...commandsWith("/work-").filter((line) => line.includes(folder)),
        ...work.map((name) => `${workdirOf(name)}: ${readdirSync(workdirOf(name)).join(", ")}`),
      ];
    },
    async dispose() {
      await Promise.all(names.map((name) => admin[name].close()));
      await lab.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
