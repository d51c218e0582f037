import { setTimeout as sleep } from "node:timers/promises";
import type { HistoryHost } from "../../../captures/verdict/history.ts";
import type { DeployRequest, Deployment, PreflightNeeds, Scheduling, SshHost } from "../../deploy/index.ts";
import {
  addonMachines,
  clockOffset,
  connectSsh,
  deployAgent,
  schedulingWords,
  preflight,
  undeploy,
} from "../../deploy/index.ts";
import type { BasicHostName, HostName, Lab, LabComputer } from "../hosts.ts";
import { LabError, keeperOf, memberOf, speakerOf } from "../hosts.ts";
import type { ClockReading } from "./recording.ts";

/** Something for each host of a run; for the second outside computer and the keeper where it has one. */
export type PerHost<T> = Readonly<Record<BasicHostName, T>> & { readonly peer2?: T; readonly keeper?: T };

const roles = {
  a: "primary",
  b: "secondary",
  peer: "peer",
  peer2: "peer-secondary",
  keeper: "keeper",
} as const;
const connectMs = 10_000;
/** For tidying a host whose connection is gone: the run has failed already, and a person waits. */
const tidyConnectMs = 5000;
/** What hung on a connection ends soon after it was closed. */
const settleMs = 5000;

/** Waits for all, then fails with the first failure: nothing is left half under way. */
export async function settleAll<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

export function onHost<T>(all: PerHost<T>, name: HostName): T {
  const one = all[name];
  if (one === undefined) throw new Error(`broken rule: the run uses a host ${name}`);
  return one;
}

/** The hosts of a lab as one run uses them: logged in, looked at, agents deployed, and tidied in the end. */
export class JobHosts {
  readonly #lab: Lab;
  readonly #rawAddons: readonly string[] | undefined;
  readonly #onLost: (error: Error) => void;
  readonly #names: readonly HostName[];
  readonly #open: Map<HostName, SshHost> = new Map<HostName, SshHost>();
  /** Hosts on which something of ours may lie. */
  readonly #used: Set<HostName> = new Set<HostName>();

  /** `extra`: hosts that the run uses beside the three that every lab has. `rawAddons`: the packet addons, where a run needs them for raw IP. `onLost` hears of a connection that broke without our doing. */
  constructor(
    lab: Lab,
    extra: readonly ("peer2" | "keeper")[],
    rawAddons: readonly string[] | undefined,
    onLost: (error: Error) => void,
  ) {
    this.#lab = lab;
    this.#names = ["a", "b", "peer", ...extra];
    this.#rawAddons = rawAddons;
    this.#onLost = onLost;
  }

  #host(name: HostName): LabComputer {
    return name === "keeper" ? keeperOf(this.#lab.hosts) : speakerOf(this.#lab.hosts, name);
  }

  async #forEach<T>(work: (name: HostName) => Promise<T>): Promise<PerHost<T>> {
    const results = await settleAll(this.#names.map(async (name) => [name, await work(name)] as const));
    return Object.fromEntries(results) as PerHost<T>;
  }

  async connect(signal: AbortSignal): Promise<PerHost<SshHost>> {
    return await this.#forEach(async (name) => {
      const { ssh, sharesFiles } = this.#host(name);
      const timeoutMs = this.#lab.connectTimeoutMs ?? connectMs;
      const host = await connectSsh(ssh, { timeoutMs, signal, sharesFiles });
      this.#open.set(name, host);
      void host.lost.then(this.#onLost);
      return host;
    });
  }

  /** Looks whether the hosts are ready for a run. */
  async inspect(connections: PerHost<SshHost>): Promise<void> {
    const machines = this.#rawAddons && (await addonMachines(this.#rawAddons));
    await this.#forEach(async (name) => {
      const flaw = (await preflight(onHost(connections, name), this.#needs(name, machines))).find(
        (item) => !item.ok,
      );
      if (flaw === undefined) return;
      const fix = (flaw.fix ?? "mend that").replace(/^[A-Z]/, (first) => first.toLowerCase());
      throw new LabError(
        `Host ${name} is not ready: ${flaw.check}: ${flaw.detail}; ${fix.replace(/\.$/, "")}.`,
      );
    });
  }

  /** The hosts for the run's record, and how their clocks stand to the desk's. */
  async readClocks(
    connections: PerHost<SshHost>,
    deployments: PerHost<Deployment>,
  ): Promise<{ readonly hosts: readonly HistoryHost[]; readonly clocks: ReadonlyMap<string, ClockReading> }> {
    const clocks = await this.#forEach((name) =>
      this.#clockOf(onHost(connections, name), onHost(deployments, name).nodeCommand),
    );
    const hosts = this.#names.map((name) => ({
      name,
      role: roles[name],
      outsideAddress: name === "keeper" ? "" : speakerOf(this.#lab.hosts, name).outside.address,
      clockErrorMicros: onHost(clocks, name).errorMicros,
    }));
    return { hosts, clocks: new Map(Object.entries(clocks)) };
  }

  #needs(name: HostName, addonMachines: readonly string[] | undefined): PreflightNeeds {
    const { workdir } = this.#host(name);
    // Loopback hosts share one kernel: every address is there, and a port is taken on one of them only.
    const isMember = name !== "keeper" && (name !== "peer" || this.#names.includes("peer2"));
    const raw = name === "keeper" ? undefined : addonMachines && { raw: { addonMachines, quiet: isMember } };
    if (this.#lab.kind === "loopback") return { workdir, nodeCanBeSent: true, ...raw };
    if (name === "keeper")
      return { workdir, interfaces: [keeperOf(this.#lab.hosts).intra], nodeCanBeSent: true };
    const udpPorts = raw === undefined ? [this.#lab.udpPort] : [];
    const { outside } = speakerOf(this.#lab.hosts, name);
    const interfaces = isMember ? [outside, memberOf(this.#lab.hosts, name).intra] : [outside];
    return { workdir, interfaces, udpPorts, nodeCanBeSent: true, ...raw };
  }

  async #clockOf(host: SshHost, node: string): Promise<ClockReading> {
    // Virtual hosts read the very clock of this machine.
    if (this.#lab.kind !== "machines") return { offsetMicros: 0, errorMicros: 0 };
    const clock = await clockOffset(host, node);
    if (clock === undefined)
      throw new LabError(`Node on ${host.where} does not tell the time: run it there by hand.`);
    return clock;
  }

  async deploy(
    connections: PerHost<SshHost>,
    bundle: Uint8Array,
    nodeBinary: string,
    addons: readonly string[],
    application?: DeployRequest["application"],
  ): Promise<PerHost<Deployment>> {
    return await this.#forEach(async (name) => {
      this.#used.add(name);
      const { workdir } = this.#host(name);
      const own = name === "a" || name === "b" ? application : undefined;
      const request = { bundle, nodeBinary, addons, application: own, workdir };
      return await deployAgent(onHost(connections, name), request);
    });
  }

  /** The words that give a program the priority wanted, on each host. */
  async scheduling(connections: PerHost<SshHost>, wanted: Scheduling): Promise<PerHost<readonly string[]>> {
    return await this.#forEach(async (name) => schedulingWords(onHost(connections, name), wanted));
  }

  /** Closes all connections, which ends whatever is still under way on them, and waits for that. */
  async breakOff(underWay: Promise<unknown>): Promise<void> {
    await Promise.all([...this.#open.values()].map((host) => host.close()));
    const settled = underWay.then(
      () => undefined,
      () => undefined,
    );
    await Promise.race([settled, sleep(settleMs, undefined, { ref: false })]);
  }

  /** Removes what was deployed, over a new login where the old one is gone, and logs out. `told` hears of trouble. */
  async leave(told: (error: unknown) => void): Promise<void> {
    const tidy = async (name: HostName): Promise<void> => {
      const { ssh, workdir } = this.#host(name);
      const standing = this.#open.get(name);
      let host: SshHost;
      try {
        host = standing?.isOpen ? standing : await connectSsh(ssh, { timeoutMs: tidyConnectMs });
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new LabError(
          `What was deployed to ${workdir} on host ${name} is still there: remove that folder by hand. ${reason}`,
          { cause },
        );
      }
      try {
        await undeploy(host, workdir);
      } finally {
        await host.close();
      }
    };
    await Promise.all([...this.#used].map((name) => tidy(name).catch(told)));
    this.#used.clear();
    await Promise.all([...this.#open.values()].map((host) => host.close().catch(told)));
  }
}
