import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterSetting, Configure } from "../../../agents/control/index.ts";
import type { FlowTotal } from "../../../agents/control/records.ts";
import type { EngineName } from "../../../captures/live/index.ts";
import { judge } from "../../../captures/verdict/index.ts";
import type { VerdictReport } from "../../../captures/verdict/report.ts";
import type { Deployment, SshHost } from "../../deploy/index.ts";
import { clockOffset, connectSsh, deployAgent, preflight, undeploy } from "../../deploy/index.ts";
import type { RunFolder, RunWriter } from "../../store/index.ts";
import { createRun } from "../../store/index.ts";
import { killProcess } from "../faults/index.ts";
import type { HostName, Lab } from "../hosts.ts";
import { LabError } from "../hosts.ts";
import { AgentSession } from "./agent-session.ts";
import type { OutsideComputer } from "./outside-computer.ts";
import { AgentPeer } from "./outside-computer.ts";
import type { ClockReading } from "./recording.ts";
import { Recording } from "./recording.ts";
import type { JobSetting } from "./setting.ts";
import { clusterTiming, timerSetting } from "./setting.ts";
import { UsrsctpPeer } from "./usrsctp-peer.ts";
import { WireTaps } from "./wire-taps.ts";

export interface JobRequest {
  readonly lab: Lab;
  readonly setting: JobSetting;
  /** The agent: one ES module. */
  readonly agentBundle: Uint8Array;
  /** A Node executable for hosts that have none. */
  readonly nodeBinary: string;
  readonly runsDir: string;
  readonly captureEngine?: EngineName | undefined;
  readonly progress: JobProgress;
  /** Aborted by Ctrl-C: the job stops where it is and cleans up. */
  readonly signal: AbortSignal;
}

/** What a person is told meanwhile. */
export interface JobProgress {
  /** A step begins. */
  step(title: string): void;
  /** A sentence about the step that is under way. */
  note(text: string): void;
}

export interface JobResult {
  readonly report: VerdictReport;
  readonly folder: RunFolder;
}

const names: readonly HostName[] = ["a", "b", "peer"];
const connectMs = 10_000;
const associateMs = 10_000;
/** HB.interval may be 30 s by the defaults; a first HEARTBEAT to an unconfirmed address comes at once. */
const confirmMs = 15_000;
const takeoverMs = 10_000;
const drainMs = 30_000;
const closeMs = 5_000;
const pollMs = 100;
/** How far an agent's clock may be from the kernel's stamps on the same machine (agents/host/clock.ts). */
const anchorErrorMicros = 50;

type Connections = Readonly<Record<HostName, SshHost>>;

/**
 * The main job: deploy, associate, replicate, load, kill, capture, record, judge. Whatever happens, what
 * it started on the hosts is ended and what it deployed is removed; what was recorded stays.
 */
export class MainJob {
  readonly #request: JobRequest;
  readonly #recording: Recording;
  readonly #writer: RunWriter;
  readonly #taps: WireTaps;
  readonly #opened: SshHost[] = [];
  readonly #deployed: { readonly host: SshHost; readonly workdir: string }[] = [];
  readonly #sessions: Map<HostName, AgentSession> = new Map<HostName, AgentSession>();
  #peer: OutsideComputer | undefined;
  readonly #problems: string[] = [];

  private constructor(request: JobRequest) {
    const { setting, lab, runsDir } = request;
    this.#request = request;
    this.#writer = createRun({
      runsDir,
      scenario: "main-job",
      udpPort: lab.udpPort,
      title: `Kill the primary under load, peer ${setting.peer}`,
      meta: {
        peer: setting.peer,
        policy: "every-update",
        lab: lab.kind,
        timers: setting.timers,
        ratePerSecond: setting.ratePerSecond,
        sizeBytes: setting.sizeBytes,
        streams: setting.streams,
      },
    });
    this.#recording = new Recording(this.#writer);
    this.#taps = new WireTaps(this.#recording);
  }

  /** Runs it all. Rejects with an error whose message is one sentence where a person can mend it. */
  static async run(request: JobRequest): Promise<JobResult> {
    const job = new MainJob(request);
    try {
      await job.#play();
      return job.#finish();
    } catch (error) {
      await job.#keepWhatWasRecorded();
      throw error;
    } finally {
      job.#recording.close();
      await job.#leave();
    }
  }

  async #play(): Promise<void> {
    const { progress, lab, setting, signal } = this.#request;
    progress.step("Connect to the hosts over SSH and look at them");
    const connections = await this.#connect();
    progress.step("Deploy the agent");
    const deployments = await this.#deploy(connections);
    signal.throwIfAborted();
    progress.step("Start the captures on the outside interfaces");
    const engines = await this.#taps.start(lab, connections, this.#request.captureEngine, (text) =>
      progress.note(text),
    );
    for (const engine of engines) progress.note(engine);
    progress.step("Start the agents: secondary instance on b, primary instance on a");
    await this.#startCluster(connections, deployments);
    progress.step("Associate: the outside computer connects to the cluster's endpoint");
    await this.#associate(connections, deployments);
    progress.step(`Load: ${setting.ratePerSecond} messages a second each way on ${setting.streams} streams`);
    await this.#load();
    progress.step("Fault: kill the agent on a and cut a off the outside network");
    await this.#fault(connections);
    progress.step("Takeover: the load goes on against b");
    await this.#awaitTakeover();
    progress.step("Drain, count and shut the association down");
    await this.#drainAndClose();
    progress.step("Stop the captures");
    await this.#taps.stop();
  }

  async #connect(): Promise<Connections> {
    const { lab, signal } = this.#request;
    const connect = async (name: HostName): Promise<SshHost> => {
      const { ssh, sharesFiles } = lab.hosts[name];
      const host = await connectSsh(ssh, { timeoutMs: connectMs, signal, sharesFiles });
      this.#opened.push(host);
      void host.lost.then((error) => this.#problems.push(error.message));
      return host;
    };
    const [a, b, peer] = await settleAll([connect("a"), connect("b"), connect("peer")]);
    const connections = { a: a!, b: b!, peer: peer! };
    await this.#inspect(connections);
    return connections;
  }

  async #inspect(connections: Connections): Promise<void> {
    const { lab } = this.#request;
    const clocks = new Map<string, ClockReading>();
    for (const name of names) {
      const { workdir, outside } = lab.hosts[name];
      const interfaces = lab.kind === "loopback" ? [] : [outside];
      const needs = {
        workdir,
        interfaces,
        udpPorts: lab.kind === "loopback" ? [] : [lab.udpPort],
        nodeCanBeSent: true,
      };
      const flaws = (await preflight(connections[name], needs)).filter((item) => !item.ok);
      const [flaw] = flaws;
      if (flaw !== undefined) {
        throw new LabError(
          `Host ${name} is not ready: ${flaw.check}: ${flaw.detail}. ${flaw.fix ?? ""}`.trim(),
        );
      }
      // Virtual hosts read the very clock of this machine, each program through an anchor of its own.
      const clock = lab.kind === "machines" ? await clockOffset(connections[name]) : undefined;
      clocks.set(name, clock ?? { offsetMicros: 0, errorMicros: anchorErrorMicros });
    }
    const hosts = names.map((name) => ({
      name,
      role: name === "a" ? ("primary" as const) : name === "b" ? ("secondary" as const) : ("peer" as const),
      outsideAddress: lab.hosts[name].outside.address,
      clockErrorMicros: clocks.get(name)?.errorMicros ?? 0,
    }));
    this.#recording.setHosts(hosts, clocks);
  }

  async #deploy(connections: Connections): Promise<Readonly<Record<HostName, Deployment>>> {
    const { lab, agentBundle, nodeBinary, progress } = this.#request;
    const deploy = async (name: HostName): Promise<Deployment> => {
      const { workdir } = lab.hosts[name];
      this.#deployed.push({ host: connections[name], workdir });
      const deployment = await deployAgent(connections[name], { bundle: agentBundle, nodeBinary, workdir });
      const how = deployment.uploaded ? "sent" : "was there already";
      progress.note(`${name}: the agent ${how}, Node ${deployment.nodeVersion}`);
      return deployment;
    };
    const [a, b, peer] = await settleAll([deploy("a"), deploy("b"), deploy("peer")]);
    return { a: a!, b: b!, peer: peer! };
  }

  async #startAgent(name: HostName, host: SshHost, deployment: Deployment): Promise<AgentSession> {
    const session = await AgentSession.start(
      host,
      [deployment.nodeCommand, deployment.agentPath],
      this.#handlers(name),
    );
    this.#sessions.set(name, session);
    return session;
  }

  #handlers(name: HostName) {
    return {
      onRecords: (records: Parameters<Recording["records"]>[1]) => this.#recording.records(name, records),
      onProblem: (text: string) => {
        this.#problems.push(text);
        this.#request.progress.note(text);
      },
    };
  }

  #configuration(role: Configure["role"], cluster: ClusterSetting | undefined): Configure {
    const { lab, setting } = this.#request;
    const { a, b, peer } = lab.hosts;
    const own = role === "primary" ? a : role === "secondary" ? b : peer;
    const isPeer = role === "peer";
    return {
      type: "configure",
      role,
      sctpPort: isPeer ? setting.peerSctpPort : setting.sctpPort,
      udpPort: lab.udpPort,
      localAddresses: isPeer ? [peer.outside.address] : [a.outside.address, b.outside.address],
      ownAddress: own.outside.address,
      timers: timerSetting(setting.timers),
      ...(cluster === undefined ? {} : { cluster }),
    };
  }

  async #startCluster(
    connections: Connections,
    deployments: Readonly<Record<HostName, Deployment>>,
  ): Promise<void> {
    const { lab, setting } = this.#request;
    const cluster: ClusterSetting = {
      linkAddress: lab.hosts.b.intra.address,
      linkPort: setting.clusterLinkPort,
      linkSecretHex: randomBytes(32).toString("hex"),
      cookieKeyHex: randomBytes(32).toString("hex"),
      ...clusterTiming,
    };
    const b = await this.#startAgent("b", connections.b, deployments.b);
    await b.configure(this.#configuration("secondary", cluster));
    const a = await this.#startAgent("a", connections.a, deployments.a);
    await a.configure(this.#configuration("primary", cluster));
    const linked = await this.#recording.until(
      () => this.#recording.happened("a", "secondary-connected"),
      connectMs,
    );
    if (!linked) {
      const { address } = lab.hosts.b.intra;
      throw new LabError(
        `The primary on a cannot reach the secondary at ${address}, TCP port ${setting.clusterLinkPort}: check the intra-cluster network and its firewall.`,
      );
    }
  }

  async #associate(
    connections: Connections,
    deployments: Readonly<Record<HostName, Deployment>>,
  ): Promise<void> {
    const { lab, setting, progress } = this.#request;
    const clusterAddress = lab.hosts.a.outside.address;
    if (setting.peer === "usrsctp") {
      const { workdir, outside } = lab.hosts.peer;
      const place = { workdir, ownAddress: outside.address, clusterAddress, udpPort: lab.udpPort };
      this.#peer = await UsrsctpPeer.start(connections.peer, place, setting, this.#handlers("peer"));
    } else {
      const session = await this.#startAgent("peer", connections.peer, deployments.peer);
      this.#peer = new AgentPeer(session, this.#configuration("peer", undefined), setting, clusterAddress);
    }
    progress.note(`outside computer: ${this.#peer.description}`);
    await this.#peer.connect();
    const up = (): boolean => this.#recording.happened("peer", "association-up");
    if (!(await this.#recording.until(up, associateMs))) throw this.#lost("The association does not come up");
    const address = lab.hosts.b.outside.address;
    const confirmed = (): boolean => this.#recording.happened("peer", "address-confirmed", { address });
    if (!(await this.#recording.until(confirmed, confirmMs))) {
      throw this.#lost(`The outside computer does not confirm b's address ${address}`);
    }
    progress.note(`one association, both addresses confirmed: ${clusterAddress} (a) and ${address} (b)`);
  }

  async #load(): Promise<void> {
    const { setting, signal } = this.#request;
    const { ratePerSecond, sizeBytes, streams } = setting;
    this.#session("a").send({ type: "load", ratePerSecond, sizeBytes, streams });
    await this.#outsideComputer().startLoad();
    await sleep(setting.beforeFaultMs, undefined, { signal });
    this.#failOnProblem();
  }

  async #fault(connections: Connections): Promise<void> {
    const { lab, progress } = this.#request;
    const a = this.#session("a");
    a.expectEnd();
    const killedAtUs = this.#recording.deskMicros("a", await killProcess(connections.a, a.pid));
    this.#writer.addFault({ at: killedAtUs, host: "a", fault: "kill", text: "SIGKILL of the agent on a" });
    const cutAtUs = await this.#cutOutside();
    if (cutAtUs !== undefined) {
      const text = `a is cut off the outside network (${lab.hosts.a.outside.device})`;
      this.#writer.addFault({ at: cutAtUs, host: "a", fault: "link-cut", text });
    }
    progress.note("the agent on a is dead");
  }

  /** The instant at which the cut was asked for; undefined where this lab cannot cut. */
  async #cutOutside(): Promise<number | undefined> {
    const { lab, progress } = this.#request;
    if (lab.kind === "loopback") {
      progress.note("this lab cannot cut a's outside link: the agent is only killed");
      return undefined;
    }
    const atUs = Math.round((performance.timeOrigin + performance.now()) * 1000);
    await lab.cutOutside("a");
    return atUs;
  }

  async #awaitTakeover(): Promise<void> {
    const { setting, signal, progress } = this.#request;
    const done = (): boolean => this.#recording.happened("b", "takeover-complete");
    if (!(await this.#recording.until(done, takeoverMs)))
      throw this.#lost("The secondary on b does not take over");
    progress.note("b has taken over");
    await sleep(setting.afterFaultMs, undefined, { signal });
    this.#failOnProblem();
  }

  async #drainAndClose(): Promise<void> {
    const b = this.#session("b");
    const peer = this.#outsideComputer();
    b.send({ type: "stop-load" });
    // The cluster first: what it sent last is still echoed by the outside computer.
    const cluster = await this.#drained("b", () => b.status());
    await peer.stopLoad();
    const outside = await this.#drained("peer", () => peer.status());
    this.#writer.addTotals([...cluster, ...outside, ...echoTotals(cluster)]);
    if (peer instanceof UsrsctpPeer) {
      const counts = Object.entries(peer.counts).map(([name, count]) => `${count} ${name}`);
      this.#request.progress.note(`the usrsctp peer counted for itself: ${counts.join(", ")}`);
    }
    await peer.shutdown();
    const closed = await this.#recording.until(
      () => this.#recording.happened("b", "association-closed"),
      closeMs,
    );
    if (!closed) this.#request.progress.note("the association did not end by SHUTDOWN in time");
    await peer.quit();
    await b.quit();
  }

  /** Waits until everything that a side gave out is acknowledged; answers its totals either way. */
  async #drained(
    name: HostName,
    ask: () => Promise<{ readonly totals: readonly FlowTotal[]; readonly drained: boolean }>,
  ): Promise<readonly FlowTotal[]> {
    const endMs = performance.now() + drainMs;
    for (;;) {
      const status = await ask();
      if (status.drained) return status.totals;
      if (performance.now() > endMs) {
        this.#request.progress.note(`${name} still has unacknowledged data after ${drainMs / 1000} s`);
        return status.totals;
      }
      await sleep(pollMs, undefined, { signal: this.#request.signal });
    }
  }

  #session(name: HostName): AgentSession {
    const session = this.#sessions.get(name);
    if (session === undefined) throw new Error(`broken rule: the agent on ${name} was started`);
    return session;
  }

  #outsideComputer(): OutsideComputer {
    if (this.#peer === undefined) throw new Error("broken rule: the outside computer was started");
    return this.#peer;
  }

  #failOnProblem(): void {
    const [problem] = this.#problems;
    if (problem !== undefined) throw new LabError(problem);
  }

  #lost(what: string): LabError {
    const reasons = [
      ...this.#problems,
      ...this.#recording.events
        .filter((event) => event.name === "association-lost")
        .map((event) => event.text),
    ];
    const because =
      reasons.length === 0 ? "no reason was reported; look at the captures of the run" : reasons.join("; ");
    return new LabError(`${what}: ${because}.`);
  }

  #finish(): JobResult {
    this.#request.progress.step("Judge and record");
    this.#recording.flush();
    const report = judge(this.#writer.history());
    this.#writer.setVerdict(report);
    return { report, folder: this.#writer.finish() };
  }

  /** A run that failed on the way stays as it is: it opens later, and says that it was cut off. */
  async #keepWhatWasRecorded(): Promise<void> {
    const { progress } = this.#request;
    try {
      await this.#taps.stop();
      this.#recording.flush();
      progress.note(`what was recorded until then: ${this.#writer.paths.folder}`);
    } catch (error) {
      progress.note(`the record is incomplete: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      this.#recording.close();
      this.#writer.close();
    }
  }

  /** Ends what was started and removes what was deployed; trouble on the way is told, not thrown. */
  async #leave(): Promise<void> {
    const told = (error: unknown): void =>
      this.#request.progress.note(`clean-up: ${error instanceof Error ? error.message : String(error)}`);
    await this.#taps.stop().catch(told);
    await this.#peer?.quit().catch(told);
    for (const session of this.#sessions.values()) await session.quit().catch(told);
    for (const { host, workdir } of this.#deployed) await undeploy(host, workdir).catch(told);
    for (const host of this.#opened) await host.close().catch(told);
  }
}

/** Every `down` message comes back as an `echo` with its number. */
function echoTotals(totals: readonly FlowTotal[]): FlowTotal[] {
  return totals.filter((each) => each.flow === "down").map((each) => ({ ...each, flow: "echo" }));
}

/** Waits for all, then fails with the first failure: nothing is left half under way. */
async function settleAll<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
