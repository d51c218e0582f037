import { HostError, type SshHost, connectSsh } from "../../deploy/index.ts";
import { type Lease, checkCuttable, cutAddress, cutInterface, keepKernelQuiet } from "../faults/index.ts";
import type { Cut, Lab, LabHosts, SpeakerName } from "../hosts.ts";
import { LabError, cutPlace, memberOf, speakerOf } from "../hosts.ts";
import type { Testbed } from "./parse.ts";

/** Rules that the desk never takes back go by themselves after this time, where no other was said. */
const defaultLeaseMs = 300_000;
/** For the way back to a machine that was lost: whoever waits has seen the run's error already. */
const tidyTimeoutMs = 5000;

export interface Preparation {
  /** How long the firewall rules of this run may last, whatever becomes of the desk. */
  readonly leaseMs: number;
  /** What the run will cut: refused now rather than under the load. */
  readonly cuts: readonly Cut[];
  /** Whether the outside end of this run is a cluster. */
  readonly isCluster: boolean;
  readonly signal: AbortSignal;
}

interface HeldLease {
  readonly host: SpeakerName;
  readonly lease: Lease;
}

/** Real machines: what is done to them is done over SSH, and undone by `dispose` or by the machines themselves. */
export class Machines implements Lab {
  readonly id: string;
  readonly kind = "machines" as const;
  readonly udpPort: number;
  readonly connectTimeoutMs: number;
  readonly hosts: LabHosts;
  readonly #limits: string[] = [
    "The machines have clocks of their own: figures across hosts are as good as the clocks' agreement, which the run records.",
    "The cut is made by firewall rules on the machine itself: its network card keeps its link, which a dead machine's would lose.",
  ];
  readonly #ways: Map<SpeakerName, SshHost> = new Map<SpeakerName, SshHost>();
  readonly #cuts: Map<Cut, HeldLease> = new Map<Cut, HeldLease>();
  readonly #quiet: HeldLease[] = [];
  #leaseMs: number = defaultLeaseMs;

  constructor(testbed: Testbed, hosts: LabHosts) {
    this.id = testbed.name;
    this.udpPort = testbed.udpPort;
    this.connectTimeoutMs = testbed.connectTimeoutMs;
    this.hosts = hosts;
  }

  get limits(): readonly string[] {
    return this.#limits;
  }

  /**
   * Logs in to the cluster's machines, looks whether the fault of a run can be done to them, and keeps
   * their kernels from answering for agents that have died. Rejects with a HostError or LabError.
   */
  async prepare({ leaseMs, cuts, isCluster, signal }: Preparation): Promise<void> {
    this.#leaseMs = leaseMs;
    const members: SpeakerName[] = isCluster ? ["a", "b", "peer", "peer2"] : ["a", "b"];
    const logins = await Promise.allSettled(members.map((name) => this.#wayTo(name, signal)));
    for (const login of logins) if (login.status === "rejected") throw login.reason;
    for (const place of cuts) {
      const { host, device } = this.#deviceOf(place);
      const { address } = speakerOf(this.hosts, host).management;
      await checkCuttable(await this.#wayTo(host, signal), device, address);
    }
    // Who may not set this rule on a may not cut it either: better known now than after the kill.
    await this.#silence("a", signal);
    for (const name of members.slice(1)) await this.#silenceWhereItCan(name, signal);
  }

  async #silenceWhereItCan(name: SpeakerName, signal: AbortSignal): Promise<void> {
    try {
      await this.#silence(name, signal);
    } catch (error) {
      if (!(error instanceof HostError) || error.fault === "lost") throw error;
      this.#limits.push(
        `${name}'s kernel may tell the far end by ICMP when ${name}'s agent has ended: ${error.message}`,
      );
    }
  }

  #deviceOf(place: Cut): { readonly host: SpeakerName; readonly device: string } {
    const { host, network } = cutPlace(place);
    const attachment = network === "outside" ? speakerOf(this.hosts, host).outside : undefined;
    return { host, device: (attachment ?? memberOf(this.hosts, host).intra).device };
  }

  async cut(place: Cut): Promise<void> {
    if (this.#cuts.has(place)) return;
    const { host, device } = this.#deviceOf(place);
    const { from } = cutPlace(place);
    const protectedAddress = speakerOf(this.hosts, host).management.address;
    const options = { protectedAddress, revertAfterMs: this.#leaseMs };
    const way = await this.#wayTo(host);
    const lease =
      from === undefined
        ? await cutInterface(way, device, options)
        : await cutAddress(way, device, memberOf(this.hosts, from).intra.address, options);
    this.#cuts.set(place, { host, lease });
  }

  async heal(place: Cut): Promise<void> {
    const held = this.#cuts.get(place);
    if (!held) return;
    this.#cuts.delete(place);
    await this.#release(held);
  }

  async dispose(): Promise<void> {
    const held = [...this.#cuts.values(), ...this.#quiet.splice(0)];
    this.#cuts.clear();
    const failures: unknown[] = [];
    // One after the other: two rules of one lost host share the new login.
    for (const each of held) await this.#release(each).catch((error: unknown) => failures.push(error));
    await Promise.all([...this.#ways.values()].map((way) => way.close()));
    this.#ways.clear();
    if (failures.length === 0) return;
    const told = failures.map((failure) => (failure instanceof Error ? failure.message : String(failure)));
    throw new LabError(told.join(" "), { cause: failures[0] });
  }

  async #silence(name: SpeakerName, signal: AbortSignal): Promise<void> {
    const { device } = speakerOf(this.hosts, name).outside;
    const way = await this.#wayTo(name, signal);
    const lease = await keepKernelQuiet(way, device, this.udpPort, this.#leaseMs);
    this.#quiet.push({ host: name, lease });
  }

  async #release({ host, lease }: HeldLease): Promise<void> {
    try {
      await lease.release(await this.#wayTo(host, undefined, tidyTimeoutMs));
    } catch (cause) {
      const told = cause instanceof Error ? cause.message : String(cause);
      throw new LabError(
        `A firewall rule may still be on host ${host} (${told}) It goes by itself after ${Math.ceil(this.#leaseMs / 1000)} s; or run there: for f in inet arp; do nft delete table $f ${lease.table}; done`,
        { cause },
      );
    }
  }

  /** The login that stands, or a new one. */
  async #wayTo(
    name: SpeakerName,
    signal?: AbortSignal,
    timeoutMs: number = this.connectTimeoutMs,
  ): Promise<SshHost> {
    const standing = this.#ways.get(name);
    if (standing?.isOpen) return standing;
    const way = await connectSsh(speakerOf(this.hosts, name).ssh, { timeoutMs, ...(signal && { signal }) });
    this.#ways.set(name, way);
    return way;
  }
}
