import type { FlowTotal } from "../../../agents/control/records.ts";
import type { AgentSession } from "./agent-session.ts";
import type { JobSetting } from "./setting.ts";
import { loadMessage } from "./setting.ts";

/** The outside computer of a run, whoever wrote its SCTP. */
export interface OutsideComputer {
  /** For the record, for example `understudy agent` or `usrsctp 0.9.5.0`. */
  readonly description: string;
  /** What it has to say for itself once the load is over; one sentence each. */
  readonly remarks: readonly string[];
  connect(): Promise<void>;
  startLoad(): Promise<void>;
  stopLoad(): Promise<void>;
  /** What it gave out, and whether all of that is acknowledged. */
  status(): Promise<{ readonly totals: readonly FlowTotal[]; readonly drained: boolean }>;
  shutdown(): Promise<void>;
  quit(): Promise<void>;
}

/** One of our own agents, or two that are a cluster: then whichever serves is spoken to. */
export interface OutsideAgents {
  readonly description: string;
  serving(): AgentSession;
  start(): Promise<unknown>;
  quit(): Promise<void>;
}

/** Our own agents in the role of the outside computer. */
export class AgentPeer implements OutsideComputer {
  readonly remarks: readonly string[] = [];
  readonly #agents: OutsideAgents;
  readonly #setting: JobSetting;
  readonly #clusterAddress: string;

  constructor(agents: OutsideAgents, setting: JobSetting, clusterAddress: string) {
    this.#agents = agents;
    this.#setting = setting;
    this.#clusterAddress = clusterAddress;
  }

  get description(): string {
    return this.#agents.description;
  }

  async connect(): Promise<void> {
    await this.#agents.start();
    const { sctpPort: port } = this.#setting;
    this.#agents.serving().send({ type: "connect", address: this.#clusterAddress, port });
  }

  startLoad(): Promise<void> {
    this.#agents.serving().send(loadMessage(this.#setting));
    return Promise.resolve();
  }

  stopLoad(): Promise<void> {
    this.#agents.serving().send({ type: "stop-load" });
    return Promise.resolve();
  }

  status(): Promise<{ readonly totals: readonly FlowTotal[]; readonly drained: boolean }> {
    return this.#agents.serving().status();
  }

  shutdown(): Promise<void> {
    this.#agents.serving().send({ type: "shutdown" });
    return Promise.resolve();
  }

  quit(): Promise<void> {
    return this.#agents.quit();
  }
}
