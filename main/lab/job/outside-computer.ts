import type { Configure } from "../../../agents/control/index.ts";
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

/** Our own agent in the role of the outside computer. */
export class AgentPeer implements OutsideComputer {
  readonly description: string = "understudy agent";
  readonly remarks: readonly string[] = [];
  readonly #session: AgentSession;
  readonly #configure: Configure;
  readonly #setting: JobSetting;
  readonly #clusterAddress: string;

  constructor(session: AgentSession, configure: Configure, setting: JobSetting, clusterAddress: string) {
    this.#session = session;
    this.#configure = configure;
    this.#setting = setting;
    this.#clusterAddress = clusterAddress;
  }

  async connect(): Promise<void> {
    await this.#session.configure(this.#configure);
    this.#session.send({ type: "connect", address: this.#clusterAddress, port: this.#setting.sctpPort });
  }

  startLoad(): Promise<void> {
    this.#session.send(loadMessage(this.#setting));
    return Promise.resolve();
  }

  stopLoad(): Promise<void> {
    this.#session.send({ type: "stop-load" });
    return Promise.resolve();
  }

  status(): Promise<{ readonly totals: readonly FlowTotal[]; readonly drained: boolean }> {
    return this.#session.status();
  }

  shutdown(): Promise<void> {
    this.#session.send({ type: "shutdown" });
    return Promise.resolve();
  }

  quit(): Promise<void> {
    return this.#session.quit();
  }
}
