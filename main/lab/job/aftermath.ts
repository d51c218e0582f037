import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, Outcome } from "../faults/index.ts";
import { outcomeOf } from "../faults/index.ts";
import type { MemberName } from "../hosts.ts";
import { LabError } from "../hosts.ts";
import type { Cluster, RunContext } from "./cluster.ts";
import type { FaultPlayer } from "./fault-player.ts";
import { nowMicros } from "./fault-player.ts";

/**
 * Added to the longest silence that a member bears. Both are shorter than what the outside computer bears, which with the
 * telecom timers gives up after eleven tries in a little more than a second.
 */
const beyondSilenceMs = 150;
const takeoverMs = 10_000;
const settleMs = 10_000;
/** What was under way when the fault came may still be delivered. */
const underWayMicros = 100_000;

/** Something that had to come of the fault, and whether it came. */
export interface Awaited {
  readonly what: string;
  readonly came: boolean;
}

/** What is waited for after a fault: who goes on, what becomes of a primary that returns. */
export class Aftermath {
  readonly #fault: Fault;
  readonly #context: RunContext;
  readonly #cluster: Cluster;
  readonly #player: FaultPlayer;
  readonly #awaited: Awaited[] = [];

  constructor(fault: Fault, context: RunContext, cluster: Cluster, player: FaultPlayer) {
    this.#fault = fault;
    this.#context = context;
    this.#cluster = cluster;
    this.#player = player;
  }

  /** Sees the fault through, with the load going on. Rejects with a LabError when nobody serves any more. */
  async watch(): Promise<readonly Awaited[]> {
    const { setting, signal } = this.#context;
    const outcome = outcomeOf(this.#fault, setting.fencing);
    if (outcome.healsFirst) {
      await sleep(setting.beats.takeoverAfterMs + beyondSilenceMs, undefined, { signal });
      await this.#player.heal();
    }
    await this.#untilServed(outcome);
    await sleep(setting.afterFaultMs / 2, undefined, { signal });
    if (this.#fault.healsMidway === true && !outcome.healsFirst) await this.#healMidway();
    if (this.#fault.returns === true) await this.#giveBack();
    await sleep(setting.afterFaultMs / 2, undefined, { signal });
    return this.#awaited;
  }

  async #untilServed({ server }: Outcome): Promise<void> {
    const { recording, signal, note } = this.#context;
    const sinceUs = nowMicros() + underWayMicros;
    const servedByB = (): boolean => this.#cluster.serving === "b";
    const aGoesOn = (): boolean =>
      recording.deliveredAt("a") > sinceUs && recording.deliveredAt("peer") > sinceUs;
    const served = (): boolean => servedByB() || (server !== "b" && aGoesOn());
    if (!(await recording.until(served, takeoverMs, signal))) {
      const what =
        server === "b" ? "The secondary on b does not take over" : "Nobody goes on after the fault";
      throw new LabError(`${what}: ${recording.whyLost()}.`);
    }
    const serving = this.#cluster.serving;
    const what = server === "either" ? "one of the members goes on" : goesOn(server);
    this.#saw(what, server === "either" || server === serving);
    note(goesOn(serving));
  }

  #saw(what: string, came: boolean): void {
    this.#awaited.push({ what, came });
  }

  async #sees(what: string, condition: () => boolean): Promise<void> {
    const { recording, signal, note } = this.#context;
    const came = await recording.until(condition, settleMs, signal);
    this.#saw(what, came);
    note(came ? what : `not within ${settleMs / 1000} s: ${what}`);
  }

  /** A primary that was replaced meanwhile must hear of that; else the standby must be made current again. */
  async #healMidway(): Promise<void> {
    const { recording } = this.#context;
    const before = this.#cluster.standbysOf("a");
    await this.#player.heal();
    if (this.#cluster.serving === "b") {
      await this.#sees("a learns that it was replaced", () => recording.happened("a", "fenced"));
    } else {
      await this.#sees("b is made current again", () => this.#cluster.standbysOf("a") > before);
    }
  }

  /** The computer that died comes back as the standby, is made current under the load, and gets its place back. */
  async #giveBack(): Promise<void> {
    const before = this.#cluster.standbysOf("b");
    await this.#player.heal();
    await this.#cluster.bringBack("a");
    await this.#sees("a comes back as the standby", () => this.#cluster.standbysOf("b") > before);
    await this.#player.handOver("a");
    this.#saw("a serves again", this.#cluster.serving === "a");
  }
}

function goesOn(member: MemberName): string {
  return member === "a" ? "a goes on" : "b takes over";
}
