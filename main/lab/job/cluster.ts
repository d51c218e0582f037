import { randomBytes } from "node:crypto";
import type { ClusterSetting, KeeperPlace } from "../../../agents/control/index.ts";
import type { Lab, SpeakerName } from "../hosts.ts";
import { LabError, keeperOf, memberOf } from "../hosts.ts";
import { memberConfiguration } from "./configuration.ts";
import type { ClusterEnd } from "./end.ts";
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

/** A cluster of a run as the desk sees it: its two members, and its store or witness where it has one. */
export class Cluster {
  readonly end: ClusterEnd;
  readonly #context: RunContext;
  readonly #setting: ClusterSetting;
  #keeper: KeeperPlace | undefined;
  #redis: RedisServer | undefined;

  constructor(end: ClusterEnd, context: RunContext) {
    const { lab, setting } = context;
    this.end = end;
    this.#context = context;
    this.#setting = {
      linkAddress: memberOf(lab.hosts, end.second).intra.address,
      linkPort: setting.clusterLinkPort,
      linkSecretHex: randomBytes(32).toString("hex"),
      cookieKeyHex: randomBytes(32).toString("hex"),
      ...setting.beats,
    };
  }

  /** Starts the keeper, then the secondary, then the primary; resolves when the members are linked. */
  async start(): Promise<void> {
    const { setting, recording, signal } = this.#context;
    const { first, second, keeper } = this.end;
    if (keeper !== undefined) this.#keeper = await this.#startKeeper();
    await this.#startMember(second, "secondary");
    await this.#startMember(first, "primary");
    const linked = (): boolean => recording.happened(first, "secondary-connected");
    if (await recording.until(linked, linkMs, signal)) return;
    throw new LabError(
      `The primary on ${first} cannot reach the secondary at ${this.#setting.linkAddress}, TCP port ${setting.clusterLinkPort}: check the intra-cluster network and its firewall.`,
    );
  }

  async #startMember(name: SpeakerName, role: "primary" | "secondary"): Promise<void> {
    const { lab, setting, agents } = this.#context;
    const linkEnd = name === this.end.first ? ("connect" as const) : ("listen" as const);
    const cluster = { ...this.#setting, linkEnd };
    const session = await agents.start(name);
    const application = agents.application(name) ?? this.end.application;
    await session.configure(
      memberConfiguration(lab, setting, this.end, { name, role, application }, cluster, this.#keeper),
    );
  }

  async #startKeeper(): Promise<KeeperPlace> {
    const { lab, setting, agents, note, onProblem } = this.#context;
    const { address } = keeperOf(lab.hosts).intra;
    const port = setting.keeperPort;
    if (this.end.keeper === "redis") {
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
      holdsStates: this.end.placement === "store",
      maxBytes: maxStoreBytes,
    });
    return { kind: "agent", address, port };
  }

  /** The members whose agents have not ended. */
  get living(): readonly SpeakerName[] {
    const { first, second } = this.end;
    return [first, second].filter((name) => this.#context.agents.session(name).isAlive);
  }

  /** Starts the agent of a member anew, as the standby of the one that serves now. */
  async bringBack(name: SpeakerName): Promise<void> {
    await this.#startMember(name, "secondary");
  }

  /** How often a member that serves has got the other one as its standby, with all that one needs. */
  standbysOf(server: SpeakerName): number {
    // A store goes on holding everything; a standby must be given it.
    const name = this.end.placement === "store" ? "secondary-connected" : "synchronised";
    return this.#context.recording.count(server, name);
  }

  /** With a store nothing has to be given to a standby whose link outlived a cut. */
  keptStandby(server: SpeakerName): boolean {
    const { recording } = this.#context;
    const lost = recording.count(server, "secondary-lost");
    return this.end.placement === "store" && recording.count(server, "secondary-connected") > lost;
  }

  /** The process of the store or witness; its end is expected from now on. */
  keeperToDie(): number {
    const program = this.#redis ?? this.#context.agents.session("keeper");
    program.expectEnd();
    return program.pid;
  }

  /** Who serves the association, by what the members themselves have reported. */
  get serving(): SpeakerName {
    const { first, second } = this.end;
    const last = this.#context.recording.events.findLast(
      ({ host, name }) =>
        (host === first || host === second) && (name === "takeover-complete" || name === "handover-complete"),
    );
    return last?.host === second ? second : first;
  }

  /** Ends both agents in order, the standby first, so that nobody takes over. */
  async quitMembers(): Promise<void> {
    const { first, second } = this.end;
    const { agents } = this.#context;
    for (const name of this.serving === first ? [second, first] : [first, second])
      await agents.session(name).quit();
  }

  async quit(told: (error: unknown) => void): Promise<void> {
    await this.#redis?.quit().catch(told);
  }
}
