import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, Outcome } from "../faults/index.ts";
import { outcomeOf } from "../faults/index.ts";
import type { SpeakerName } from "../hosts.ts";
import { LabError } from "../hosts.ts";
import type { Cluster, RunContext } from "./cluster.ts";
import type { FaultPlayer } from "./fault-player.ts";
import { nowMicros } from "./now.ts";

/**
 * Added to the longest silence that a member bears. Both are shorter than what the outside computer bears, which with the
 * telecom timers gives up after eleven tries in a little more than a second.
 */
const beyondSilenceMs = 150;
const takeoverMs = 30_000;
const settleMs = 30_000;
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
    const outcome = outcomeOf(this.#fault, this.#cluster.end.fencing);
    if (outcome.healsFirst) {
      const leftMs = setting.beats.takeoverAfterMs + beyondSilenceMs - this.#player.sinceStrikeMs;
      await sleep(Math.max(0, leftMs), undefined, { signal });
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
    const { first, second } = this.#cluster.end;
    const sinceUs = nowMicros() + underWayMicros;
    const deliversAt = (...names: SpeakerName[]): boolean =>
      names.some((name) => recording.deliveredAt(name) > sinceUs);
    const secondServes = (): boolean => this.#cluster.serving === second;
    const firstGoesOn = (): boolean =>
      deliversAt(first) && (first === "a" ? deliversAt("peer", "peer2") : deliversAt("a", "b"));
    const served = (): boolean => secondServes() || (server !== "b" && firstGoesOn());
    if (!(await recording.until(served, takeoverMs, signal))) {
      const what =
        server === "b" ? `The secondary on ${second} does not take over` : "Nobody goes on after the fault";
      throw new LabError(`${what}: ${recording.whyLost()}.`);
    }
    const serving = this.#cluster.serving;
    const expected = server === "b" ? second : first;
    const what = server === "either" ? `one of ${first} and ${second} goes on` : this.#goesOn(expected);
    this.#saw(what, server === "either" || expected === serving);
    note(this.#goesOn(serving));
  }

  #goesOn(member: SpeakerName): string {
    return member === this.#cluster.end.first ? `${member} goes on` : `${member} takes over`;
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
    const { first, second } = this.#cluster.end;
    const before = this.#cluster.standbysOf(first);
    await this.#player.heal();
    if (this.#cluster.serving === second) {
      await this.#sees(`${first} learns that it was replaced`, () => recording.happened(first, "fenced"));
    } else {
      const again = (): boolean =>
        this.#cluster.standbysOf(first) > before || this.#cluster.keptStandby(first);
      await this.#sees(`${second} is made current again`, again);
    }
  }

  /** The computer that died comes back as the standby, is made current under the load, and gets its place back. */
  async #giveBack(): Promise<void> {
    const { first, second } = this.#cluster.end;
    const before = this.#cluster.standbysOf(second);
    await this.#player.heal();
    await this.#cluster.bringBack(first);
    const current = (): boolean => this.#cluster.standbysOf(second) > before;
    await this.#sees(`${first} comes back as the standby`, current);
    await this.#player.handOver(first);
    this.#saw(`${first} serves again`, this.#cluster.serving === first);
  }
}
