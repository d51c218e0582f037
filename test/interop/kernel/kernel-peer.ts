import type { KernelImage } from "../../../main/lab/kernel-peer/index.ts";
import { VirtualMachine, networks } from "./virtual-machine.ts";
import { Waiter, patienceMs } from "./waiter.ts";

/** A line of the peer program that answers no command; the other fields depend on `event`. */
export interface KernelEvent {
  readonly event: string;
  readonly socket?: number;
  readonly state?: string;
  readonly [field: string]: unknown;
}

/** What arrived on one stream: `next` is the number that would be next in order. */
export interface StreamTally {
  readonly stream: number;
  readonly messages: number;
  readonly next: number;
  readonly missing: number;
  readonly late: number;
  readonly damaged: number;
  readonly bytes: number;
}

/** SCTP_STATUS, SCTP_GET_PEER_ADDR_INFO and SCTP_GET_ASSOC_STATS of an association. */
export interface KernelStatus {
  readonly phase: string;
  readonly inboundStreams: number;
  readonly outboundStreams: number;
  readonly unacknowledged: number;
  readonly primary: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly paths: readonly {
    readonly address: string;
    readonly state: "active" | "inactive" | "potentially-failed" | "unconfirmed" | "unknown";
    readonly rtoMs: number;
    readonly smoothedRttMs: number;
    readonly windowBytes: number;
    readonly mtuBytes: number;
  }[];
}

/** How long the machine itself is asked when something else was waited for in vain. */
const diagnosisMs = 5000;
const consoleEndBytes = 1000;

type Answer = Readonly<Record<string, unknown>>;

/** The program that drives the kernel's SCTP in the virtual machine (guest/peer.c). */
export class KernelPeer extends Waiter {
  readonly events: KernelEvent[] = [];
  #machine: VirtualMachine | undefined;
  readonly #asked: Map<number, (answer: Answer) => void> = new Map<number, (answer: Answer) => void>();
  #lastNumber: number = 0;
  /** What netem does to a network at the moment. */
  readonly #impaired: Map<number, string> = new Map<number, string>();

  static async boot(image: KernelImage): Promise<KernelPeer> {
    const peer = new KernelPeer();
    peer.#machine = await VirtualMachine.boot(image, (line) => peer.#take(line));
    return peer;
  }

  protected override async describe(): Promise<string> {
    return `last events of the kernel: ${JSON.stringify(this.events.slice(-8))}; ${await this.diagnose()}`;
  }

  /** Whether the machine is to blame: what answers ICMP echo, its interfaces' counters, the end of its console. */
  async diagnose(): Promise<string> {
    const [counters, ...echoes] = await Promise.all([
      this.#ask(diagnosisMs, "sh", "/sbin/ip -s -o link"),
      ...networks.map((_, at) => this.#describeNetwork(at)),
    ]);
    const interfaces = counters === undefined ? "no answer on the serial port" : String(counters["output"]);
    const consoleEnd = this.machine.consoleText().slice(-consoleEndBytes);
    return `the machine: ${echoes.join("; ")}; its interfaces: ${interfaces}; its console: ${consoleEnd}`;
  }

  async #describeNetwork(at: number): Promise<string> {
    const { kernels, kernels6 } = networks[at] ?? networks[0];
    const say = async (address: string): Promise<string> =>
      `${address} ${(await this.machine.answersEcho(address)) ? "answers" : "does not answer"} ICMP echo`;
    const netem = this.#impaired.get(at);
    const both = (await Promise.all([say(kernels), say(kernels6)])).join(", ");
    return netem === undefined ? both : `${both} (the test's doing: ${netem})`;
  }

  get machine(): VirtualMachine {
    if (this.#machine === undefined) throw new Error("the virtual machine is not up");
    return this.#machine;
  }

  #take(line: string): void {
    const said = JSON.parse(line) as Answer;
    const number = said["reply"];
    if (typeof number === "number") {
      this.#asked.get(number)?.(said);
      this.#asked.delete(number);
    } else this.events.push(said as KernelEvent);
    this.changed();
  }

  /** Rejects with the peer's sentence when it cannot do what it is told. */
  async command(...words: readonly (string | number)[]): Promise<Answer> {
    const text = words.join(" ");
    const answer = await this.#ask(patienceMs, ...words);
    if (answer === undefined) {
      throw new Error(`waited in vain for: an answer to "${text}"; ${await this.describe()}`);
    }
    if (typeof answer["error"] === "string") throw new Error(`${text}: ${answer["error"]}`);
    return answer;
  }

  /** Undefined when there was no answer in time. */
  async #ask(timeMs: number, ...words: readonly (string | number)[]): Promise<Answer | undefined> {
    const number = (this.#lastNumber += 1);
    let answer: Answer | undefined;
    this.#asked.set(number, (said) => (answer = said));
    this.machine.command(`${number} ${words.join(" ")}`);
    await this.holdsWithin(timeMs, () => answer !== undefined);
    return answer;
  }

  /** Runs shell lines in the guest; rejects when they fail. */
  async shell(script: string): Promise<string> {
    const { output, status } = await this.command("sh", script.trim().replaceAll("\n", "; "));
    if (status !== 0) throw new Error(`${script}: ${String(output)}`);
    return String(output);
  }

  async sysctl(settings: Readonly<Record<string, number>>): Promise<void> {
    for (const [name, value] of Object.entries(settings)) {
      await this.shell(`echo ${value} > /proc/sys/net/sctp/${name} 2>&1`);
    }
  }

  /**
   * What netem does to packets of a network, in both directions; "" removes it. In the guest, since the
   * kernels of test machines have no netem.
   */
  async impair(network: 0 | 1, netem: string): Promise<void> {
    if (netem === "" && !this.#impaired.delete(network)) return;
    const device = `eth${network}`;
    const mirror = `ifb${network}`;
    await this.shell(
      `for d in ${device} ${mirror}; do /sbin/tc qdisc del dev $d root 2>/dev/null; done
      /sbin/tc qdisc del dev ${device} ingress 2>/dev/null; true`,
    );
    if (netem === "") return;
    this.#impaired.set(network, netem);
    await this.shell(
      `set -e
      /sbin/ip link set ${mirror} up
      /sbin/tc qdisc add dev ${device} root netem ${netem} 2>&1
      /sbin/tc qdisc add dev ${mirror} root netem ${netem} 2>&1
      /sbin/tc qdisc add dev ${device} ingress 2>&1
      /sbin/tc filter add dev ${device} ingress matchall action mirred egress redirect dev ${mirror} 2>&1`,
    );
  }

  async open(style: "one" | "many", version: 4 | 6 = 4): Promise<KernelSocket> {
    const since = this.events.length;
    const { socket } = await this.command("open", style, version);
    return new KernelSocket(this, Number(socket), since);
  }

  /** The program is killed and started again; its associations end without a word where the network is cut. */
  async die(): Promise<void> {
    const since = this.events.length;
    await this.command("die");
    await this.until("the peer program starts again", () =>
      this.events.slice(since).some(({ event }) => event === "ready"),
    );
  }

  async dispose(): Promise<void> {
    await this.#machine?.dispose();
  }
}

/** One socket of the kernel and what was reported about it. */
export class KernelSocket {
  readonly #peer: KernelPeer;
  readonly #index: number;
  readonly #since: number;

  constructor(peer: KernelPeer, index: number, since: number) {
    this.#peer = peer;
    this.#index = index;
    this.#since = since;
  }

  command(verb: string, ...words: readonly (string | number)[]): Promise<Answer> {
    return this.#peer.command(verb, this.#index, ...words);
  }

  /** See set_option in guest/options.h for the names. */
  async set(option: string, ...values: readonly (string | number)[]): Promise<void> {
    await this.command("set", option, ...values);
  }

  async bind(port: number, ...addresses: readonly string[]): Promise<void> {
    await this.command("bind", port, addresses.join(","));
  }

  async connect(port: number, ...addresses: readonly string[]): Promise<void> {
    await this.command("connect", port, addresses.join(","));
  }

  /** Numbered messages: the k-th goes on stream k modulo `streams` and has the size k modulo the sizes. */
  async send(
    count: number,
    streams: number,
    sizes: readonly number[],
    ...how: readonly string[]
  ): Promise<void> {
    await this.command("send", count, streams, sizes.join(","), ...how);
  }

  async received(): Promise<readonly StreamTally[]> {
    return (await this.command("received"))["streams"] as StreamTally[];
  }

  async status(): Promise<KernelStatus> {
    return (await this.command("status")) as unknown as KernelStatus;
  }

  events(name?: string): readonly KernelEvent[] {
    return this.#peer.events
      .slice(this.#since)
      .filter(({ event, socket }) => socket === this.#index && (name === undefined || event === name));
  }

  /** Association changes so far, in order. */
  get changes(): readonly string[] {
    return this.events("association-change").map(({ state }) => state ?? "");
  }

  /** States of an address of ours so far, in order. */
  pathChanges(address: string): readonly string[] {
    return this.events("peer-address-change")
      .filter((event) => event["address"] === address)
      .map(({ state }) => state ?? "");
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    await this.#peer.until(`${what} (socket ${this.#index})`, holds);
  }

  async untilChange(state: string): Promise<void> {
    await this.until(state, () => this.changes.includes(state));
  }

  /** The socket of the next association that a listening one-to-one socket has accepted. */
  async accepted(): Promise<KernelSocket> {
    const mine = (event: KernelEvent): boolean =>
      event.event === "accepted" && event["listener"] === this.#index;
    await this.until("accepted", () => this.#peer.events.slice(this.#since).some(mine));
    const at = this.#peer.events.findIndex((event, index) => index >= this.#since && mine(event));
    return new KernelSocket(this.#peer, Number(this.#peer.events[at]?.socket), at);
  }

  /** Polls what arrived until it holds: the kernel announces no single message. */
  async untilReceived(what: string, holds: (tallies: readonly StreamTally[]) => boolean): Promise<void> {
    await this.#peer.untilAnswered(what, () => this.received(), holds);
  }

  async untilStatus(what: string, holds: (status: KernelStatus) => boolean): Promise<void> {
    await this.#peer.untilAnswered(what, () => this.status(), holds);
  }

  /** Removes the socket; aborting, or by an orderly shutdown in the background. */
  async close(how: "abort" | "shutdown" = "abort"): Promise<void> {
    await (how === "abort" ? this.command("close", "abort") : this.command("close"));
  }
}
