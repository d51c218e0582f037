import { randomBytes } from "node:crypto";
import type { ClusterSetting, KeeperPlace } from "../../../agents/control/index.ts";
import type { Lab, MemberName } from "../hosts.ts";
import { LabError, keeperOf } from "../hosts.ts";
import { memberConfiguration } from "./configuration.ts";
import type { JobAgents } from "./job-agents.ts";
import type { Recording } from "./recording.ts";
import { RedisServer } from "./redis-server.ts";
import type { JobSetting } from "./setting.ts";

const linkMs = 10_000;
/** Most that the store of a run holds. */
const maxStoreBytes: number = 256 * 2 ** 20;

export interface RunContext {
  readonly lab: Lab;
  readonly setting: JobSetting;
  readonly recording: Recording;
  readonly agents: JobAgents;
  readonly note: (text: string) => void;
  readonly onProblem: (text: string) => void;
  /** Aborted when the run is to end. */
  readonly signal: AbortSignal;
}

/** The cluster of a run as the desk sees it: its two members, and its store or witness where it has one. */
export class Cluster {
  readonly #context: RunContext;
  readonly #setting: ClusterSetting;
  #keeper: KeeperPlace | undefined;
  #redis: RedisServer | undefined;

  constructor(context: RunContext) {
    const { lab, setting } = context;
    this.#context = context;
    this.#setting = {
      linkAddress: lab.hosts.b.intra.address,
      linkPort: setting.clusterLinkPort,
      linkSecretHex: randomBytes(32).toString("hex"),
      cookieKeyHex: randomBytes(32).toString("hex"),
      ...setting.beats,
    };
  }

  /** Starts the keeper, then b as the secondary, then a as the primary; resolves when the members are linked. */
  async start(): Promise<void> {
    const { lab, setting, recording, signal } = this.#context;
    if (setting.keeper !== undefined) this.#keeper = await this.#startKeeper();
    await this.#startMember("b", "secondary");
    await this.#startMember("a", "primary");
    const linked = (): boolean => recording.happened("a", "secondary-connected");
    if (await recording.until(linked, linkMs, signal)) return;
    throw new LabError(
      `The primary on a cannot reach the secondary at ${lab.hosts.b.intra.address}, TCP port ${setting.clusterLinkPort}: check the intra-cluster network and its firewall.`,
    );
  }

  async #startMember(name: MemberName, role: "primary" | "secondary"): Promise<void> {
    const { lab, setting, agents } = this.#context;
    const cluster = { ...this.#setting, linkEnd: name === "a" ? ("connect" as const) : ("listen" as const) };
    const session = await agents.start(name);
    const application = agents.application(name) ?? setting.application;
    await session.configure(
      memberConfiguration(lab, setting, name, role, cluster, this.#keeper, application),
    );
  }

  async #startKeeper(): Promise<KeeperPlace> {
    const { lab, setting, agents, note, onProblem } = this.#context;
    const { address } = keeperOf(lab.hosts).intra;
    const port = setting.keeperPort;
    if (setting.keeper === "redis") {
      const password = randomBytes(24).toString("hex");
      const place = { address, port, password, maxBytes: maxStoreBytes };
      this.#redis = await RedisServer.start(agents.connection("keeper"), place, onProblem);
      note(`Redis listens on ${address}, TCP port ${port} (host keeper)`);
      return { kind: "redis", address, port, password };
    }
    const session = await agents.start("keeper");
    await session.configure({
      type: "configure-keeper",
      linkAddress: address,
      linkPort: port,
      linkSecretHex: this.#setting.linkSecretHex,
      takeoverAfterMs: this.#setting.takeoverAfterMs,
      holdsStates: setting.placement === "store",
      maxBytes: maxStoreBytes,
    });
    return { kind: "agent", address, port };
  }

  /** The members whose agents have not ended. */
  get living(): readonly MemberName[] {
    return (["a", "b"] as const).filter((name) => this.#context.agents.session(name).isAlive);
  }

  /** Starts the agent of a member anew, as the standby of the one that serves now. */
  async bringBack(name: MemberName): Promise<void> {
    await this.#startMember(name, "secondary");
  }

  /** How often a member that serves has got the other one as its standby, with all that one needs. */
  standbysOf(server: MemberName): number {
    const { recording, setting } = this.#context;
    // A store goes on holding everything; a standby must be given it.
    return recording.count(server, setting.placement === "store" ? "secondary-connected" : "synchronised");
  }

  /** The process of the store or witness; its end is expected from now on. */
  keeperToDie(): number {
    const program = this.#redis ?? this.#context.agents.session("keeper");
    program.expectEnd();
    return program.pid;
  }

  /** Who serves the association, by what the members themselves have reported. */
  get serving(): MemberName {
    const last = this.#context.recording.events.findLast(
      ({ host, name }) =>
        (host === "a" || host === "b") && (name === "takeover-complete" || name === "handover-complete"),
    );
    return last?.host === "b" ? "b" : "a";
  }

  async quit(told: (error: unknown) => void): Promise<void> {
    await this.#redis?.quit().catch(told);
  }
}
