import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type {
  ClusterSetting,
  Configure,
  DeskMessage,
  KeeperPlace,
  TimerSetting,
} from "../../agents/control/index.ts";
import type { BeatTiming } from "../../main/lab/job/beats.ts";
import { addresses, clusterPort } from "./ends/messages.ts";
import { BenchProcess } from "./process.ts";

/** In the place of a policy: no standby, nothing is replicated. */
export const unreplicated = "unreplicated";

export type ProcessName = "a" | "b" | "keeper" | "peer";

export interface ClusterOptions {
  /** In its text form, or `unreplicated`. */
  readonly policy: string;
  readonly timers: TimerSetting;
  /** Default: so patient that nobody takes over because a busy machine answers late. */
  readonly beats?: BeatTiming | undefined;
  /** Where the members' CPU profiles go, if they are wanted. */
  readonly profileFolder?: string | undefined;
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0);
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, addresses.b);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** The computers of a cluster as processes of this machine, with the outside computers in one more. */
export class BenchCluster {
  readonly processes: Map<ProcessName, BenchProcess> = new Map<ProcessName, BenchProcess>();
  readonly #options: ClusterOptions;
  readonly udpPort: Promise<number> = freeUdpPort();

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  get a(): BenchProcess {
    const found = this.processes.get("a");
    if (found === undefined) throw new Error("the cluster was not started");
    return found;
  }

  get b(): BenchProcess | undefined {
    return this.processes.get("b");
  }

  async startOutside(program: string): Promise<BenchProcess> {
    return await this.#start("peer", "the outside computer", program);
  }

  /** Resolves when the primary serves and its holder has everything. Rejects with one sentence. */
  async start(): Promise<void> {
    const { policy, timers, profileFolder } = this.#options;
    const profile = profileFolder === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
    const endpoint = {
      type: "configure",
      sctpPort: clusterPort,
      udpPort: await this.udpPort,
      localAddresses: [addresses.a, addresses.b],
      ownAddress: addresses.a,
      timers,
    } as const;
    if (policy === unreplicated) {
      const alone = await this.#start("a", "the cluster", "member", profile);
      await configure(alone, { ...endpoint, role: "primary" });
      return;
    }
    const cluster = await clusterSetting(this.#options.beats);
    const keeper = policy === "shared" ? await this.#startStore(cluster) : undefined;
    const member: Omit<Configure, "role"> = {
      ...endpoint,
      cluster,
      replication: policy,
      ...(keeper && { keeper }),
    };
    const b = await this.#start("b", "the standby", "member", profile);
    await configure(b, { ...member, role: "secondary", ownAddress: addresses.b });
    const a = await this.#start("a", "the primary", "member", profile);
    await configure(a, { ...member, role: "primary" });
    await a.next("synchronised");
  }

  async #start(
    name: ProcessName,
    title: string,
    program: string,
    nodeOptions: readonly string[] = [],
  ): Promise<BenchProcess> {
    const started = await BenchProcess.start(title, program, nodeOptions);
    this.processes.set(name, started);
    return started;
  }

  async #startStore({ linkSecretHex, takeoverAfterMs }: ClusterSetting): Promise<KeeperPlace> {
    const keeper = await this.#start("keeper", "the store", "member");
    const place = { address: addresses.b, port: await freeTcpPort() };
    const link = { linkAddress: place.address, linkPort: place.port, linkSecretHex };
    const limits = { takeoverAfterMs, holdsStates: true, maxBytes: 2 ** 28 };
    await configure(keeper, { type: "configure-keeper", ...link, ...limits });
    return { kind: "agent", ...place };
  }

  async end(): Promise<void> {
    await Promise.all([...this.processes.values()].map((each) => each.end()));
  }
}

async function configure(member: BenchProcess, message: DeskMessage): Promise<void> {
  member.tell({ order: "handle", message });
  await member.next("ready");
}

const patientBeats: BeatTiming = { beatIntervalMs: 25, leaseMs: 2000, takeoverAfterMs: 5000 };

async function clusterSetting(beats: BeatTiming = patientBeats): Promise<ClusterSetting> {
  return {
    linkAddress: addresses.b,
    linkPort: await freeTcpPort(),
    linkSecretHex: randomBytes(32).toString("hex"),
    cookieKeyHex: randomBytes(32).toString("hex"),
    ...beats,
  };
}
