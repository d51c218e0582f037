import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type {
  Agreement,
  AssociationStatistics,
  EndpointCounters,
  Notification,
  ProtocolParameters,
  Reliability,
  TsnLease,
} from "../../../agents/sctp/index.ts";
import type { KernelPeer, StreamTally } from "./kernel-peer.ts";
import { Waiter } from "./waiter.ts";

/** How our endpoint is made; the first address is the one from which it starts. */
export interface OurSetting {
  readonly addresses: readonly string[];
  /** Where it can send and receive too, but does not say so in INIT. */
  readonly spareAddresses: readonly string[];
  readonly port: number;
  readonly listening: boolean;
  /** UDP by `node:dgram` or by the addon, or raw IP protocol 132, which the addon alone can. */
  readonly way: "dgram" | "native-udp" | "raw";
  readonly udpPort: number;
  readonly echoes: boolean;
  readonly parameters: Partial<Omit<ProtocolParameters, "extensions">>;
  readonly extensions: Partial<ProtocolParameters["extensions"]>;
}

/** Numbered messages: the k-th goes on stream k modulo `streams` and has the size k modulo the sizes. */
export interface SendOrder {
  readonly count: number;
  readonly streams: number;
  readonly sizes: readonly number[];
  readonly unordered?: boolean;
  /** RFC 3758, RFC 7496. */
  readonly reliability?: Reliability;
}

export type OurCall =
  | { readonly verb: "connect"; readonly remote: string; readonly port: number }
  | { readonly verb: "send"; readonly association: number; readonly order: SendOrder }
  | { readonly verb: "received" | "facts"; readonly association: number }
  | { readonly verb: "counters" }
  | { readonly verb: "held"; readonly association: number; readonly blockTsns: number }
  | { readonly verb: "resume"; readonly held: Held; readonly lostAddresses: readonly string[] }
  | {
      readonly verb: "invoke";
      readonly method: string;
      readonly args: readonly unknown[];
      readonly timed: boolean;
    };

/** What another computer holds of an association: its state as bytes, and the lease. */
export interface Held {
  readonly state: Uint8Array;
  readonly lease: TsnLease;
}

/** What our endpoint knows of an association. */
interface OurFacts {
  readonly phase: string;
  readonly primaryAddress: string;
  readonly confirmedAddresses: readonly string[];
  readonly agreement: Agreement;
}

interface Told {
  readonly association: number;
  readonly notification: Notification;
}

const childFile = fileURLToPath(new URL("our-peer-child.ts", import.meta.url));

/** Our stack in a process of its own, on our side of the virtual machine's networks. */
export class OurPeer extends Waiter {
  readonly told: Told[] = [];
  readonly problems: string[] = [];
  readonly #child: ChildProcess;
  readonly #kernel: KernelPeer;
  readonly #asked: Map<number, (answer: unknown, failure?: string) => void> = new Map();
  #lastId: number = 0;

  private constructor(child: ChildProcess, kernel: KernelPeer) {
    super();
    this.#child = child;
    this.#kernel = kernel;
    child.on("message", (message) => this.#take(message as Readonly<Record<string, unknown>>));
    child.once("exit", () => {
      for (const answer of this.#asked.values()) answer(undefined, "our peer has ended");
      this.changed();
    });
  }

  static async start(kernel: KernelPeer, setting: OurSetting): Promise<OurPeer> {
    const [command, argv] = kernel.machine.inside(process.execPath, childFile, JSON.stringify(setting));
    const child = spawn(command, argv, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    const peer = new OurPeer(child, kernel);
    await Promise.race([
      once(child, "message"),
      once(child, "exit").then(([code]) => {
        throw new Error(`our peer did not start: exit code ${String(code)}`);
      }),
    ]);
    return peer;
  }

  #take(message: Readonly<Record<string, unknown>>): void {
    const { id, answer, failure, notification, problem } = message;
    if (typeof id === "number") {
      this.#asked.get(id)?.(answer, failure as string | undefined);
      this.#asked.delete(id);
    } else if (notification !== undefined) this.told.push(message as unknown as Told);
    else if (typeof problem === "string") this.problems.push(problem);
    this.changed();
  }

  async #call(call: OurCall): Promise<unknown> {
    const id = (this.#lastId += 1);
    let answered: { readonly answer: unknown; readonly failure: string | undefined } | undefined;
    this.#asked.set(id, (answer, failure) => (answered = { answer, failure }));
    this.#child.send({ id, call });
    await this.until(`an answer of our peer to ${JSON.stringify(call)}`, () => answered !== undefined);
    if (answered?.failure !== undefined) throw new Error(answered.failure);
    return answered?.answer;
  }

  async connect(remote: string, port: number): Promise<number> {
    return (await this.#call({ verb: "connect", remote, port })) as number;
  }

  async send(association: number, order: SendOrder): Promise<void> {
    await this.#call({ verb: "send", association, order });
  }

  async received(association: number): Promise<readonly StreamTally[]> {
    return (await this.#call({ verb: "received", association })) as StreamTally[];
  }

  /** Undefined when there is no such association (any more). */
  async facts(association: number): Promise<OurFacts | undefined> {
    return (await this.#call({ verb: "facts", association })) as OurFacts | undefined;
  }

  async counters(): Promise<EndpointCounters> {
    return (await this.#call({ verb: "counters" })) as EndpointCounters;
  }

  async held(association: number, blockTsns: number): Promise<Held> {
    return (await this.#call({ verb: "held", association, blockTsns })) as Held;
  }

  /** Goes on with an association of another process, which held an older state. */
  async resume(held: Held, lostAddresses: readonly string[]): Promise<number> {
    return (await this.#call({ verb: "resume", held, lostAddresses })) as number;
  }

  /** Calls a method of the endpoint; the present time is added to the arguments. */
  async invoke(method: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#call({ verb: "invoke", method, args, timed: true });
  }

  async statistics(association: number): Promise<AssociationStatistics | undefined> {
    const args = [association];
    return (await this.#call({ verb: "invoke", method: "statistics", args, timed: false })) as
      | AssociationStatistics
      | undefined;
  }

  shutdown(association: number): Promise<unknown> {
    return this.invoke("shutdown", association);
  }

  abort(association: number, reason: string): Promise<unknown> {
    return this.invoke("abort", association, reason);
  }

  /** Association changes so far, in order: of one association, or of all. */
  changes(association?: number): readonly string[] {
    return this.told.flatMap((each) =>
      each.notification.type === "association-change" &&
      (association === undefined || each.association === association)
        ? [each.notification.state]
        : [],
    );
  }

  /** States of an address of the kernel so far, in order. */
  pathChanges(address: string): readonly string[] {
    return this.told.flatMap(({ notification }) =>
      notification.type === "peer-address-change" && notification.address === address
        ? [notification.state]
        : [],
    );
  }

  /** The handle of the association that came up last, as soon as there is one. */
  async untilUp(count: number = 1): Promise<number> {
    const ups = (): readonly Told[] =>
      this.told.filter(
        ({ notification }) => notification.type === "association-change" && notification.state === "comm-up",
      );
    await this.until("comm-up on our side", () => ups().length >= count);
    return ups()[count - 1]?.association ?? 0;
  }

  /** After the peer's restart: the handle of the association that takes the place of `association`. */
  async untilRestarted(association: number): Promise<number> {
    await this.untilChange("restart", association);
    for (const { notification } of this.told) {
      if (notification.type !== "association-change" || notification.successor === undefined) continue;
      return notification.successor;
    }
    return this.untilUp(2);
  }

  async untilChange(state: string, association?: number): Promise<void> {
    await this.until(`${state} on our side`, () => this.changes(association).includes(state));
  }

  async untilReceived(
    association: number,
    what: string,
    holds: (tallies: readonly StreamTally[]) => boolean,
  ): Promise<void> {
    await this.untilAnswered(what, () => this.received(association), holds);
  }

  async untilStatistics(
    association: number,
    what: string,
    holds: (statistics: AssociationStatistics) => boolean,
  ): Promise<void> {
    await this.untilAnswered(
      what,
      () => this.statistics(association),
      (answer) => answer !== undefined && holds(answer),
    );
  }

  protected override async describe(): Promise<string> {
    const told = JSON.stringify(this.told.slice(-8));
    return `our side was told last: ${told} ${this.problems.join(", ")}; ${await this.#kernel.diagnose()}`;
  }

  /** Ends without a word to the peer, as a machine that loses power. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
  }
}
