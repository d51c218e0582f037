import type { FlowTotal } from "../../../agents/control/records.ts";
import type { AgentSession } from "./agent-session.ts";
import type { Cluster, RunContext } from "./cluster.ts";
import type { OutsideComputer } from "./outside-computer.ts";
import { loadMessage } from "./setting.ts";

/** The outside end of a run, where that is a cluster of two agents: whichever serves is spoken to. */
export class ClusterPeer implements OutsideComputer {
  readonly description: string = "understudy agents, a cluster of peer and peer2";
  readonly remarks: readonly string[] = [];
  readonly #cluster: Cluster;
  readonly #context: RunContext;

  constructor(cluster: Cluster, context: RunContext) {
    this.#cluster = cluster;
    this.#context = context;
  }

  get #serving(): AgentSession {
    return this.#context.agents.session(this.#cluster.serving);
  }

  async connect(): Promise<void> {
    await this.#cluster.start();
    const { lab, setting } = this.#context;
    this.#serving.send({ type: "connect", address: lab.hosts.a.outside.address, port: setting.sctpPort });
  }

  startLoad(): Promise<void> {
    this.#serving.send(loadMessage(this.#context.setting));
    return Promise.resolve();
  }

  stopLoad(): Promise<void> {
    this.#serving.send({ type: "stop-load" });
    return Promise.resolve();
  }

  status(): Promise<{ readonly totals: readonly FlowTotal[]; readonly drained: boolean }> {
    return this.#serving.status();
  }

  shutdown(): Promise<void> {
    this.#serving.send({ type: "shutdown" });
    return Promise.resolve();
  }

  quit(): Promise<void> {
    return this.#cluster.quitMembers();
  }
}
