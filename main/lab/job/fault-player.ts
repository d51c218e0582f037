import type { RunWriter } from "../../store/index.ts";
import type { Fault, FaultStep, ProcessSignal, Victim } from "../faults/index.ts";
import { signalProcess } from "../faults/index.ts";
import type { Cut, SpeakerName } from "../hosts.ts";
import { LabError, cutPlace } from "../hosts.ts";
import type { Cluster, RunContext } from "./cluster.ts";
import { cutAt, memberAt } from "./end.ts";
import { nowMicros } from "./now.ts";

/** How long a handover may take, and a process to end when it is told to. */
const answerMs = 10_000;
/** Between the announcement of a failure and the failure. */
const noticeMs = 2000;

const marks: Readonly<Record<ProcessSignal, { readonly fault: string; readonly verb: string }>> = {
  KILL: { fault: "kill", verb: "SIGKILL of" },
  TERM: { fault: "terminate", verb: "SIGTERM to" },
  STOP: { fault: "freeze", verb: "SIGSTOP of" },
  CONT: { fault: "heal", verb: "SIGCONT of" },
};

/**
 * What is one event is done on all hosts side by side, since each cut takes a tenth of a second on a busy computer; on one
 * host one after the other.
 */
async function onAllHosts<T>(
  all: readonly T[],
  hostOf: (each: T) => string,
  act: (each: T) => Promise<void>,
): Promise<void> {
  const byHost = Map.groupBy(all, hostOf);
  const inTurn = [...byHost.values()].map(async (ofHost) => {
    for (const each of ofHost) await act(each);
  });
  await Promise.all(inTurn);
}

/** Does a fault to a cluster of a run, whose members stand where the fault says a and b; marks the instants in its record, and undoes it. */
export class FaultPlayer {
  readonly #fault: Fault;
  readonly #context: RunContext;
  readonly #cluster: Cluster;
  readonly #writer: RunWriter;
  readonly #undo: (() => Promise<void>)[] = [];
  /** What is cut, in the order in which it was. */
  readonly #cuts: Cut[] = [];
  #struckAtMs: number = 0;

  constructor(fault: Fault, context: RunContext, cluster: Cluster, writer: RunWriter) {
    this.#fault = fault;
    this.#context = context;
    this.#cluster = cluster;
    this.#writer = writer;
  }

  async strike(): Promise<void> {
    this.#struckAtMs = performance.now();
    const { strike } = this.#fault;
    const cuts = strike.filter((step) => step.kind === "cut");
    const { end } = this.#cluster;
    if (cuts.length < strike.length) for (const step of strike) await this.#carryOut(step);
    else
      await onAllHosts(
        cuts,
        (cut) => cutPlace(cutAt(end, cut.place)).host,
        (cut) => this.#carryOut(cut),
      );
  }

  /** How long ago the strike began: on a busy computer a cut takes a tenth of a second, and a strike has several. */
  get sinceStrikeMs(): number {
    return performance.now() - this.#struckAtMs;
  }

  /** Kills the agent of a member and cuts the member off the outside network, as a dead machine is. */
  async kill(member: SpeakerName): Promise<void> {
    await this.#signalMember(member, "KILL");
    await this.#cut(`${member}:outside`, true);
  }

  /** Undoes what was cut, then what was frozen, the last first; harmless when there is nothing to undo. */
  async heal(): Promise<void> {
    const cuts = this.#cuts.splice(0).toReversed();
    await onAllHosts(
      cuts,
      (place) => cutPlace(place).host,
      (place) => this.#heal(place),
    );
    for (const undo of this.#undo.splice(0).toReversed()) await undo();
  }

  async #carryOut(step: FaultStep): Promise<void> {
    switch (step.kind) {
      case "signal":
        return await this.#signal(step.victim, step.signal);
      case "cut":
        return await this.#cut(cutAt(this.#cluster.end, step.place), step.whereItCan === true);
      case "announce":
        return await this.#announce();
      case "handover":
        return await this.handOver(this.#cluster.end.second);
    }
  }

  async #signal(victim: Victim, signal: ProcessSignal): Promise<void> {
    if (victim !== "keeper") return await this.#signalMember(memberAt(this.#cluster.end, victim), signal);
    await this.#send(victim, this.#cluster.keeperToDie(), signal);
    this.#context.note("the store or witness is dead");
  }

  async #signalMember(host: SpeakerName, signal: ProcessSignal): Promise<void> {
    const { agents, note } = this.#context;
    const session = agents.session(host);
    const { pid } = session;
    if (signal === "KILL" || signal === "TERM") session.expectEnd();
    await this.#send(host, pid, signal);
    if (signal === "STOP") this.#undo.push(() => this.#send(host, pid, "CONT"));
    if (signal === "TERM") await this.#until(session.exited, `The agent on ${host} does not end`);
    note(`the agent on ${host} is ${signal === "STOP" ? "frozen" : "dead"}`);
  }

  async #send(host: SpeakerName | "keeper", pid: number, signal: ProcessSignal): Promise<void> {
    const { agents, recording } = this.#context;
    const at = recording.deskMicros(host, await signalProcess(agents.connection(host), pid, signal));
    const { fault, verb } = marks[signal];
    const whom = host === "keeper" ? "the store or witness on keeper" : `the agent on ${host}`;
    this.#writer.addFault({ at, host, fault, text: `${verb} ${whom}` });
  }

  async #cut(place: Cut, whereItCan: boolean): Promise<void> {
    const { lab, note } = this.#context;
    const { host } = cutPlace(place);
    if (lab.kind === "loopback" && whereItCan) {
      note(`this lab cannot cut ${host}'s outside link: the agent is only killed`);
      return;
    }
    // The instant at which it was asked for: what comes through after it came through the cut's own delay.
    const at = nowMicros();
    await lab.cut(place);
    this.#cuts.push(place);
    this.#writer.addFault({ at, host, fault: "link-cut", text: textOf(place, "is cut") });
  }

  async #heal(place: Cut): Promise<void> {
    const { host } = cutPlace(place);
    const at = nowMicros();
    await this.#context.lab.heal(place);
    this.#writer.addFault({ at, host, fault: "heal", text: textOf(place, "is healed") });
  }

  async #announce(): Promise<void> {
    const { agents, recording, note, signal } = this.#context;
    const { first, policy } = this.#cluster.end;
    // Under a policy that replicates all the time there is nothing to be made up for.
    const syncs = policy.startsWith("impending-failure") ? recording.count(first, "synchronised") + 1 : 0;
    const reason = "the operator expects this computer to fail";
    const text = `the operator announces that ${first} is about to fail`;
    this.#writer.addFault({ at: nowMicros(), host: first, fault: "announce", text });
    agents.session(first).send({ type: "announce", reason });
    const acted = (): boolean =>
      recording.happened(first, "impending-failure") && recording.count(first, "synchronised") >= syncs;
    // A machine that is about to fail does not wait for long.
    const inTime = await recording.until(acted, noticeMs, signal);
    note(inTime ? "the primary has acted on it" : `the primary has not acted on it within ${noticeMs} ms`);
  }

  /** Has the member that serves make the other one the primary, and waits for that. */
  async handOver(to: SpeakerName): Promise<void> {
    const { agents, note } = this.#context;
    const { first, second } = this.#cluster.end;
    const from = to === first ? second : first;
    const text = `the operator hands over from ${from} to ${to}`;
    this.#writer.addFault({ at: nowMicros(), host: from, fault: "handover", text });
    agents.session(from).send({ type: "handover" });
    await this.#untilHappened(() => this.#cluster.serving === to, `${to} does not take over as planned`);
    note(`${to} has taken over as planned`);
  }

  async #untilHappened(condition: () => boolean, what: string): Promise<void> {
    const { recording, signal } = this.#context;
    if (await recording.until(condition, answerMs, signal)) return;
    throw new LabError(`${what} within ${answerMs / 1000} s: look at its events in the run.`);
  }

  async #until(end: Promise<void>, what: string): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new LabError(`${what} within ${answerMs / 1000} s.`)),
      answerMs,
    );
    try {
      await Promise.race([end, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function textOf(place: Cut, verb: string): string {
  const { host, network, from } = cutPlace(place);
  if (from !== undefined) return `the cluster link between ${host} and ${from} ${verb}`;
  return `the way of ${host} to the ${network === "outside" ? "outside" : "intra-cluster"} network ${verb}`;
}
