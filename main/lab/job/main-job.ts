import { setTimeout as sleep } from "node:timers/promises";
import type { EngineName } from "../../../captures/live/index.ts";
import { judge } from "../../../captures/verdict/index.ts";
import type { VerdictReport } from "../../../captures/verdict/report.ts";
import type { DeployRequest, Deployment, SshHost } from "../../deploy/index.ts";
import type { RunFolder, RunWriter } from "../../store/index.ts";
import { createRun } from "../../store/index.ts";
import type { Lab } from "../hosts.ts";
import { LabError } from "../hosts.ts";
import type { KernelGuest } from "../kernel-peer/index.ts";
import type { Awaited } from "./aftermath.ts";
import { planFor } from "./application-plan.ts";
import { closeAll, drainAll } from "./closing.ts";
import { Cluster, type RunContext } from "./cluster.ts";
import { confirmAddresses } from "./confirmation.ts";
import { peerConfiguration } from "./configuration.ts";
import { EarlyEnd } from "./early-end.ts";
import { nearEnd, outsideEnd } from "./end.ts";
import { JobAgents } from "./job-agents.ts";
import type { PerHost } from "./job-hosts.ts";
import { JobHosts } from "./job-hosts.ts";
import { startKernelPeer } from "./kernel-peer.ts";
import type { OutsideAgents, OutsideComputer } from "./outside-computer.ts";
import { AgentPeer } from "./outside-computer.ts";
import { Recording } from "./recording.ts";
import type { JobSetting } from "./setting.ts";
import { loadMessage, runMeta, runTitle } from "./setting.ts";
import { Struck } from "./struck.ts";
import { startUsrsctpPeer } from "./usrsctp-peer.ts";
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
  /** The user's module, where the setting's application is one. */
  readonly applicationModule?: DeployRequest["application"];
  /** What the outside computer's virtual machine starts from, where its SCTP is the kernel's. */
  readonly kernelGuest?: KernelGuest | undefined;
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
  /** What had to come of the fault. */
  readonly awaited: readonly Awaited[];
  readonly folder: RunFolder;
}

const associateMs = 10_000;
/** Where a host gives agents no priority. */
const busyText =
  "no real-time priority (chrt) on that host: when it is busy the agent may stand still for longer than beats allow";

/**
 * The main job: deploy, associate, replicate, load, break, capture, record, judge. Whatever happens, what
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
  #agents: JobAgents | undefined;
  /** The one that the run is about, and the outside end where that is one, too. */
  readonly #clusters: Cluster[] = [];
  #peer: OutsideComputer | undefined;
  readonly #awaited: Awaited[] = [];
  /** From here on agents and connections may end: that is no trouble any more. */
  #closing: boolean = false;

  private constructor(request: JobRequest) {
    const { setting, lab, runsDir } = request;
    this.#request = request;
    this.#end = new EarlyEnd(request.signal);
    const rawAddons = setting.transport === "raw" ? request.agentAddons : undefined;
    const extra = [
      ...(setting.peer === "cluster" ? (["peer2"] as const) : []),
      ...(setting.keeper === undefined ? [] : (["keeper"] as const)),
    ];
    this.#hosts = new JobHosts(lab, extra, rawAddons, (error) => this.#trouble(error));
    this.#writer = createRun({
      runsDir,
      scenario: "main-job",
      udpPort: lab.udpPort,
      title: runTitle(setting),
      meta: { ...runMeta(setting), lab: lab.kind },
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
    const { setting } = this.#request;
    const context = await this.#prepare();
    this.#step("Start the agents: secondary instance on b, primary instance on a");
    const cluster = new Cluster(nearEnd(setting), context);
    this.#clusters.push(cluster);
    await cluster.start();
    this.#step("Associate: the outside computer connects to the cluster's endpoint");
    const peer = await this.#associate(context);
    const each = setting.associations > 1 ? ` of each of ${setting.associations} associations` : "";
    this.#step(
      `Load: ${setting.ratePerSecond} messages a second each way on ${setting.streams} streams${each}`,
    );
    await this.#load(context, peer);
    const struck = new Struck(context, this.#clusters, this.#writer);
    this.#step(`Fault: ${struck.text}`);
    this.#awaited.push(...(await struck.play((title) => this.#step(title))));
    this.#step("Drain, count and shut the association down");
    this.#writer.addTotals(await drainAll(context, cluster.serving, peer));
    this.#closing = true;
    await struck.heal();
    await closeAll(context, this.#clusters, peer);
    this.#step("Stop the captures");
    await this.#taps.stop();
  }

  /** Everything up to the start of the cluster: logged in, looked at, deployed, capturing. */
  async #prepare(): Promise<RunContext> {
    const { progress, lab, setting } = this.#request;
    const note = (text: string): void => progress.note(text);
    this.#step("Connect to the hosts over SSH and look at them");
    const connections = await this.#hosts.connect(this.#end.signal);
    await this.#hosts.inspect(connections);
    this.#step("Deploy the agent");
    const deployments = await this.#deploy(connections);
    const scheduling = await this.#hosts.scheduling(connections, setting.scheduling);
    if (setting.scheduling === "real-time") {
      for (const [name, words] of Object.entries(scheduling))
        if (words.length === 0) note(`${name}: ${busyText}`);
    }
    const { hosts, clocks } = await this.#hosts.readClocks(connections, deployments);
    this.#recording.setHosts(hosts, clocks);
    const widest = Math.max(...hosts.map((host) => host.clockErrorMicros));
    if (lab.kind === "machines") note(`clocks are known to ${(widest / 1000).toFixed(2)} ms`);
    this.#step("Start the captures on the outside interfaces");
    const choice = { wish: this.#request.captureEngine, sharesAddresses: setting.addressTakeover };
    for (const engine of await this.#taps.start(lab, connections, choice, note)) note(engine);
    const onProblem = (text: string): void => this.#trouble(new LabError(text));
    const agents = new JobAgents(connections, deployments, scheduling, this.#recording, onProblem);
    this.#agents = agents;
    return { lab, setting, recording: this.#recording, agents, note, onProblem, signal: this.#end.signal };
  }

  async #deploy(connections: PerHost<SshHost>): Promise<PerHost<Deployment>> {
    const { agentBundle, nodeBinary, agentAddons, applicationModule, progress } = this.#request;
    const deployments = await this.#hosts.deploy(
      connections,
      agentBundle,
      nodeBinary,
      agentAddons,
      applicationModule,
    );
    for (const [name, { uploaded, nodeVersion, addonPath }] of Object.entries(deployments)) {
      const packets = addonPath === undefined ? "node:dgram" : "its addon";
      const agent = `the agent ${uploaded ? "sent" : "was there already"}`;
      progress.note(`${name}: ${agent}, Node ${nodeVersion}, packets by ${packets}`);
    }
    return deployments;
  }

  #trouble(error: Error): void {
    if (this.#closing) this.#request.progress.note(error.message);
    else this.#end.fail(error);
  }

  async #startPeer(context: RunContext): Promise<OutsideComputer> {
    const { lab, setting, agents, signal } = context;
    const outside = outsideEnd(setting);
    const clusterAddress = lab.hosts.a.outside.address;
    if (outside !== undefined) {
      const cluster = new Cluster(outside, context);
      this.#clusters.push(cluster);
      const pair: OutsideAgents = {
        description: "understudy agents, a cluster of peer and peer2",
        serving: () => agents.session(cluster.serving),
        start: () => cluster.start(),
        quit: () => cluster.quitMembers(),
      };
      return new AgentPeer(pair, setting, clusterAddress);
    }
    const { peer } = lab.hosts;
    const place = { ownAddress: peer.outside.address, clusterAddress, udpPort: lab.udpPort };
    const [host, handlers] = [agents.connection("peer"), agents.handlers("peer")];
    if (setting.peer === "usrsctp")
      return await startUsrsctpPeer(agents, peer.workdir, place, setting, signal);
    const { kernelGuest } = this.#request;
    if (kernelGuest !== undefined) {
      const program = await startKernelPeer(host, peer, kernelGuest, place, setting, handlers);
      this.#recording.addClockError("peer", await program.alignClock());
      return program;
    }
    const session = await agents.start("peer");
    const one: OutsideAgents = {
      description: "understudy agent",
      serving: () => session,
      start: () => session.configure(peerConfiguration(lab, setting)),
      quit: () => session.quit(),
    };
    return new AgentPeer(one, setting, clusterAddress);
  }

  async #associate(context: RunContext): Promise<OutsideComputer> {
    const { setting, note, signal } = context;
    const { associations } = setting;
    const peer = await this.#startPeer(context);
    this.#peer = peer;
    note(`outside computer: ${peer.description}`);
    await peer.connect();
    const up = (): boolean => this.#recording.count("peer", "association-up") >= associations;
    if (!(await this.#recording.until(up, associateMs, signal)))
      throw this.#lost(
        associations === 1 ? "The association does not come up" : "Not all associations come up",
      );
    await confirmAddresses(context);
    return peer;
  }

  async #load({ setting, agents, note, signal }: RunContext, peer: OutsideComputer): Promise<void> {
    const { beforeFaultMs, switchTo } = setting;
    const { clusterSends, peerSends } = planFor(setting.application);
    if (clusterSends) agents.session("a").send(loadMessage(setting));
    if (peerSends) await peer.startLoad();
    await sleep(beforeFaultMs / 2, undefined, { signal });
    if (switchTo !== undefined) {
      agents.session("a").send({ type: "set-policy", replication: switchTo });
      note(`the policy is ${switchTo} from now on`);
    }
    await sleep(beforeFaultMs / 2, undefined, { signal });
    const early = this.#recording.events.find(({ name }) => name === "primary-lost");
    if (early === undefined) return;
    throw new LabError(
      `${early.host} took over before there was a fault (${early.text}): look at the load of both computers and at their link.`,
    );
  }

  #lost(what: string): LabError {
    return new LabError(`${what}: ${this.#recording.whyLost()}.`);
  }

  #finish(): JobResult {
    this.#request.progress.step("Judge and record");
    this.#recording.flush();
    const report = judge(this.#writer.history());
    this.#writer.setVerdict(report);
    return { report, awaited: this.#awaited, folder: this.#writer.finish() };
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
    await Promise.all([this.#agents?.quit(told), this.#peer?.quit().catch(told)]);
    await Promise.all(this.#clusters.map((cluster) => cluster.quit(told)));
    if (this.#end.signal.aborted) await this.#hosts.breakOff(playing);
    await this.#hosts.leave(told);
  }
}
