import type { Deployment, SshHost } from "../../deploy/index.ts";
import type { HostName } from "../hosts.ts";
import { AgentSession, type SessionHandlers } from "./agent-session.ts";
import type { PerHost } from "./job-hosts.ts";
import { onHost } from "./job-hosts.ts";
import type { Recording } from "./recording.ts";

/** The agents that a run has started, by the hosts on which they run. */
export class JobAgents {
  readonly #connections: PerHost<SshHost>;
  readonly #deployments: PerHost<Deployment>;
  readonly #scheduling: PerHost<readonly string[]>;
  readonly #recording: Recording;
  readonly #onProblem: (text: string) => void;
  readonly #sessions: Map<HostName, AgentSession> = new Map<HostName, AgentSession>();

  constructor(
    connections: PerHost<SshHost>,
    deployments: PerHost<Deployment>,
    scheduling: PerHost<readonly string[]>,
    recording: Recording,
    onProblem: (text: string) => void,
  ) {
    this.#connections = connections;
    this.#deployments = deployments;
    this.#scheduling = scheduling;
    this.#recording = recording;
    this.#onProblem = onProblem;
  }

  /** The user's module as it lies on a host, where one was sent. */
  application(name: HostName): string | undefined {
    return onHost(this.#deployments, name).applicationPath;
  }

  connection(name: HostName): SshHost {
    return onHost(this.#connections, name);
  }

  /** Where whatever runs on a host brings its records and its troubles. */
  handlers(name: HostName): SessionHandlers {
    return {
      onRecords: (records) => this.#recording.records(name, records),
      onProblem: this.#onProblem,
    };
  }

  /** The command that runs `argv` on a host with the priority that agents have there. */
  command(name: HostName, argv: readonly string[]): readonly string[] {
    return [...onHost(this.#scheduling, name), ...argv];
  }

  /** Starts the agent that was deployed there; in the place of one that has ended. */
  async start(name: HostName): Promise<AgentSession> {
    const { nodeCommand, agentPath, addonPath } = onHost(this.#deployments, name);
    const argv = [nodeCommand, agentPath, ...(addonPath === undefined ? [] : [addonPath])];
    const command = this.command(name, argv);
    const session = await AgentSession.start(this.connection(name), command, this.handlers(name));
    this.#sessions.set(name, session);
    this.#recording.addClockError(name, session.clockErrorMicros);
    return session;
  }

  session(name: HostName): AgentSession {
    const session = this.#sessions.get(name);
    if (session === undefined) throw new Error(`broken rule: the agent on ${name} was started`);
    return session;
  }

  /** Ends those that still run; `told` hears of trouble. */
  async quit(told: (error: unknown) => void): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.quit().catch(told)));
  }
}
