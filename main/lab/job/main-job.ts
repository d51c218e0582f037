import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterSetting, Configure } from "../../../agents/control/index.ts";
import type { EngineName } from "../../../captures/live/index.ts";
import { judge } from "../../../captures/verdict/index.ts";
import type { VerdictReport } from "../../../captures/verdict/report.ts";
import type { Deployment, SshHost } from "../../deploy/index.ts";
import type { RunFolder, RunWriter } from "../../store/index.ts";
import { createRun } from "../../store/index.ts";
import { killProcess } from "../faults/index.ts";
import type { HostName, Lab } from "../hosts.ts";
import { LabError } from "../hosts.ts";
import { AgentSession } from "./agent-session.ts";
import { configurationOf } from "./configuration.ts";
import { drained, echoTotals, overloadOf } from "./drain.ts";
import { EarlyEnd } from "./early-end.ts";
import type { PerHost } from "./job-hosts.ts";
import { JobHosts } from "./job-hosts.ts";
import type { OutsideComputer } from "./outside-computer.ts";
import { AgentPeer } from "./outside-computer.ts";
import { Recording } from "./recording.ts";
import type { JobSetting } from "./setting.ts";
import { clusterTiming } from "./setting.ts";
import { UsrsctpPeer } from "./usrsctp-peer.ts";
import { WireTaps } from "./wire-taps.ts";

export interface JobRequest {
  readonly lab: Lab;
  readonly setting: JobSetting;
  /** The agent: one ES module. */
  readonly agentBundle: Uint8Array;
  /** A Node executable for hosts that have none. */
  readonly nodeBinary: string;
  /** Packet addons that were built on the desk, one for each architecture. */
  readonly agentAddons: readonly string[];
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

const linkMs = 10_000;
const associateMs = 10_000;
/** HB.interval may be 30 s by the defaults; a first HEARTBEAT to an unconfirmed address comes at once. */
const confirmMs = 15_000;
const takeoverMs = 10_000;
const closeMs = 5_000;

type Connections = PerHost<SshHost>;

/**
 * The main job: deploy, associate, replicate, load, kill, capture, record, judge. Whatever happens, what
 * it started on the hosts is ended and what it deployed is removed; what was recorded stays. The first
 * trouble that anything reports ends it, wherever it waits.
 */
export class MainJob {
  readonly #request: JobRequest;
  readonly #recording: Recording;
  readonly #writer: RunWriter;
  readonly #taps: WireTaps;
  readonly #end: EarlyEnd;
  readonly #hosts: JobHosts;
  readonly #sessions: Map<HostName, AgentSession> = new Map<HostName, AgentSession>();
  #peer: OutsideComputer | undefined;
  /** From here on agents and connections may end: that is no trouble any more. */
  #closing: boolean = false;

  private constructor(request: JobRequest) {
    const { setting, lab, runsDir } = request;
    this.#request = request;
    this.#end = new EarlyEnd(request.signal);
    const rawAddons = setting.transport === "raw" ? request.agentAddons : undefined;
    this.#hosts = new JobHosts(lab, rawAddons, (error) => this.#trouble(error));
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
    this.#recording = new Recording(this.#writer, (error) => this.#end.fail(error));
    this.#taps = new WireTaps(this.#recording);
  }

  /** Runs it all. Rejects with an error whose message is one sentence where a person can mend it. */
  static async run(request: JobRequest): Promise<JobResult> {
    request.signal.throwIfAborted();
    const job = new MainJob(request);
    const playing = job.#play();
    try {
      await job.#end.race(playing);
      return job.#finish();
    } catch (error) {
      await job.#keepWhatWasRecorded();
      throw error;
    } finally {
      await job.#leave(playing);
    }
  }

  /** Begins a step, unless the run is to end. */
  #step(title: string): void {
    this.#end.signal.throwIfAborted();
    this.#request.progress.step(title);
  }

  async #play(): Promise<void> {
    const { progress, lab, setting } = this.#request;
    this.#step("Connect to the hosts over SSH and look at them");
    const connections = await this.#hosts.connect(this.#end.signal);
    await this.#hosts.inspect(connections);
    this.#step("Deploy the agent");
    const deployments = await this.#deploy(connections);
    const { hosts, clocks } = await this.#hosts.readClocks(connections, deployments);
    this.#recording.setHosts(hosts, clocks);
    const widest = Math.max(...hosts.map((host) => host.clockErrorMicros));
    if (lab.kind === "machines") progress.note(`clocks are known to ${(widest / 1000).toFixed(2)} ms`);
    this.#step("Start the captures on the outside interfaces");
    const engines = await this.#taps.start(lab, connections, this.#request.captureEngine, (text) =>
      progress.note(text),
    );
    for (const engine of engines) progress.note(engine);
    this.#step("Start the agents: secondary instance on b, primary instance on a");
    await this.#startCluster(connections, deployments);
    this.#step("Associate: the outside computer connects to the cluster's endpoint");
    await this.#associate(connections, deployments);
    this.#step(`Load: ${setting.ratePerSecond} messages a second each way on ${setting.streams} streams`);
    await this.#load();
    this.#step("Fault: kill the agent on a and cut a off the outside network");
    await this.#fault(connections);
    this.#step("Takeover: the load goes on against b");
    await this.#awaitTakeover();
    this.#step("Drain, count and shut the association down");
    await this.#drainAndClose();
    this.#step("Stop the captures");
    await this.#taps.stop();
  }

  async #deploy(connections: Connections): Promise<PerHost<Deployment>> {
    const { agentBundle, nodeBinary, agentAddons, progress } = this.#request;
    const deployments = await this.#hosts.deploy(connections, agentBundle, nodeBinary, agentAddons);
    for (const [name, { uploaded, nodeVersion, addonPath }] of Object.entries(deployments)) {
      const packets = addonPath === undefined ? "node:dgram" : "its addon";
      const agent = `the agent ${uploaded ? "sent" : "was there already"}`;
      progress.note(`${name}: ${agent}, Node ${nodeVersion}, packets by ${packets}`);
    }
    return deployments;
  }

  async #startAgent(name: HostName, host: SshHost, deployment: Deployment): Promise<AgentSession> {
    const { nodeCommand, agentPath, addonPath } = deployment;
    const command = [nodeCommand, agentPath, ...(addonPath === undefined ? [] : [addonPath])];
    const session = await AgentSession.start(host, command, this.#handlers(name));
    this.#sessions.set(name, session);
    this.#recording.addClockError(name, session.clockErrorMicros);
    return session;
  }

  #handlers(name: HostName) {
    return {
      onRecords: (records: Parameters<Recording["records"]>[1]) => this.#recording.records(name, records),
      onProblem: (text: string) => this.#trouble(new LabError(text)),
    };
  }

  #trouble(error: Error): void {
    if (this.#closing) this.#request.progress.note(error.message);
    else this.#end.fail(error);
  }

  #configuration(role: Configure["role"], cluster?: ClusterSetting): Configure {
    return configurationOf(this.#request.lab, this.#request.setting, role, cluster);
  }

  async #startCluster(connections: Connections, deployments: PerHost<Deployment>): Promise<void> {
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
      linkMs,
      this.#end.signal,
    );
    if (!linked) {
      const { address } = lab.hosts.b.intra;
      throw new LabError(
        `The primary on a cannot reach the secondary at ${address}, TCP port ${setting.clusterLinkPort}: check the intra-cluster network and its firewall.`,
      );
    }
  }

  async #associate(connections: Connections, deployments: PerHost<Deployment>): Promise<void> {
    const { lab, setting, progress } = this.#request;
    const clusterAddress = lab.hosts.a.outside.address;
    if (setting.peer === "usrsctp") {
      const { workdir, outside } = lab.hosts.peer;
      const place = { workdir, ownAddress: outside.address, clusterAddress, udpPort: lab.udpPort };
      const handlers = this.#handlers("peer");
      this.#peer = await UsrsctpPeer.start(connections.peer, place, setting, handlers, this.#end.signal);
    } else {
      const session = await this.#startAgent("peer", connections.peer, deployments.peer);
      this.#peer = new AgentPeer(session, this.#configuration("peer"), setting, clusterAddress);
    }
    progress.note(`outside computer: ${this.#peer.description}`);
    await this.#peer.connect();
    const up = (): boolean => this.#recording.happened("peer", "association-up");
    if (!(await this.#recording.until(up, associateMs, this.#end.signal)))
      throw this.#lost("The association does not come up");
    const address = lab.hosts.b.outside.address;
    const confirmed = (): boolean => this.#recording.happened("peer", "address-confirmed", { address });
    if (!(await this.#recording.until(confirmed, confirmMs, this.#end.signal))) {
      throw this.#lost(`The outside computer does not confirm b's address ${address}`);
    }
    progress.note(`one association, both addresses confirmed: ${clusterAddress} (a) and ${address} (b)`);
  }

  async #load(): Promise<void> {
    const { setting } = this.#request;
    const { ratePerSecond, sizeBytes, streams } = setting;
    this.#session("a").send({ type: "load", ratePerSecond, sizeBytes, streams });
    await this.#outsideComputer().startLoad();
    await sleep(setting.beforeFaultMs, undefined, { signal: this.#end.signal });
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
    const { setting, progress } = this.#request;
    const done = (): boolean => this.#recording.happened("b", "takeover-complete");
    if (!(await this.#recording.until(done, takeoverMs, this.#end.signal)))
      throw this.#lost("The secondary on b does not take over");
    progress.note("b has taken over");
    await sleep(setting.afterFaultMs, undefined, { signal: this.#end.signal });
  }

  async #drainAndClose(): Promise<void> {
    const b = this.#session("b");
    const peer = this.#outsideComputer();
    b.send({ type: "stop-load" });
    // The cluster first: what it sent last is still echoed by the outside computer.
    const note = (text: string): void => this.#request.progress.note(text);
    const { signal } = this.#end;
    const cluster = await drained("b", () => b.status(), note, signal);
    await peer.stopLoad();
    const outside = await drained("peer", () => peer.status(), note, signal);
    const overload = overloadOf(this.#recording.events, this.#request.setting);
    if (overload !== undefined) throw new LabError(overload);
    this.#writer.addTotals([...cluster, ...outside, ...echoTotals(cluster)]);
    if (peer instanceof UsrsctpPeer) {
      const counts = Object.entries(peer.counts).map(([name, count]) => `${count} ${name}`);
      this.#request.progress.note(`the usrsctp peer counted for itself: ${counts.join(", ")}`);
    }
    this.#closing = true;
    await peer.shutdown();
    const closed = await this.#recording.until(
      () => this.#recording.happened("b", "association-closed"),
      closeMs,
      this.#end.signal,
    );
    if (!closed) this.#request.progress.note("the association did not end by SHUTDOWN in time");
    await peer.quit();
    await b.quit();
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

  #lost(what: string): LabError {
    const lost = this.#recording.events.filter((event) => event.name === "association-lost");
    const because =
      lost.length === 0
        ? "nobody reported a reason; check the outside network and its firewalls, and look at the run's packets"
        : lost.map((event) => `${event.host}: ${event.text}`).join("; ");
    return new LabError(`${what}: ${because}.`);
  }

  #finish(): JobResult {
    this.#request.progress.step("Judge and record");
    this.#recording.flush();
    const report = judge(this.#writer.history());
    this.#writer.setVerdict(report);
    return { report, folder: this.#writer.finish() };
  }

  #told(prefix: string): (error: unknown) => void {
    return (error) =>
      this.#request.progress.note(`${prefix}: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** A run that failed on the way stays as it is: it opens later, and says that it was cut off. */
  async #keepWhatWasRecorded(): Promise<void> {
    const incomplete = this.#told("the record is incomplete");
    await this.#taps.stop().catch(incomplete);
    try {
      this.#recording.flush();
    } catch (error) {
      incomplete(error);
    }
    this.#recording.close();
    this.#writer.close();
    this.#request.progress.note(`what was recorded until then: ${this.#writer.paths.folder}`);
  }

  /** Ends what was started and removes what was deployed; trouble on the way is told, not thrown. */
  async #leave(playing: Promise<void>): Promise<void> {
    const told = this.#told("clean-up");
    this.#closing = true;
    this.#recording.close();
    await this.#taps.stop().catch(told);
    const programs = [...this.#sessions.values(), ...(this.#peer === undefined ? [] : [this.#peer])];
    await Promise.all(programs.map((each) => each.quit().catch(told)));
    if (this.#end.signal.aborted) await this.#hosts.breakOff(playing);
    await this.#hosts.leave(told);
  }
}
