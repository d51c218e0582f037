import { setTimeout as sleep } from "node:timers/promises";
import { type RandomSource, seededRandom } from "../../../agents/sctp/index.ts";
import type { SpeakerName } from "../hosts.ts";
import { LabError } from "../hosts.ts";
import type { Awaited } from "./aftermath.ts";
import type { Cluster, RunContext } from "./cluster.ts";
import type { FaultPlayer } from "./fault-player.ts";
import { nowMicros } from "./now.ts";

/** Each much longer than it ever should take: what is not there then does not come. */
const takeoverMs = 30_000;
const rejoinMs = 60_000;
/** What was under way when the successor began may still be delivered. */
const underWayMicros = 100_000;

/**
 * Kills whoever serves the association, at instants drawn from a seed, under the load: from a to b to a,
 * and so on. Each time the other member must go on, and the killed one must come back as its standby and
 * have everything before the next kill is due.
 */
export class KillSeries {
  readonly #context: RunContext;
  readonly #cluster: Cluster;
  readonly #player: FaultPlayer;
  readonly #random: RandomSource;

  constructor(context: RunContext, cluster: Cluster, player: FaultPlayer) {
    this.#context = context;
    this.#cluster = cluster;
    this.#player = player;
    this.#random = seededRandom(context.setting.kills.seed);
  }

  /** Rejects with a LabError at the first kill after which the association is not served on, or nobody comes back. */
  async play(): Promise<readonly Awaited[]> {
    const { setting, signal, note } = this.#context;
    const { count, seed } = setting.kills;
    note(`${count} kills, their instants from seed ${seed}`);
    for (let kill = 1; kill <= count; kill++) {
      const waitMs = (this.#random.uint32() / 2 ** 32) * setting.beforeFaultMs;
      await sleep(waitMs, undefined, { signal });
      await this.#kill(`kill ${kill} of ${count}, ${waitMs.toFixed(0)} ms after the standby was there`);
    }
    await sleep(setting.afterFaultMs / 2, undefined, { signal });
    return [{ what: `the other member goes on, and the dead one comes back: ${count} times`, came: true }];
  }

  async #kill(which: string): Promise<void> {
    const { recording, note } = this.#context;
    const victim = this.#cluster.serving;
    const { first, second } = this.#cluster.end;
    const successor = victim === first ? second : first;
    note(`${which}: the agent on ${victim}`);
    await this.#player.kill(victim);
    await this.#until(() => this.#cluster.serving === successor, takeoverMs, [
      which,
      `${successor} does not take over`,
    ]);
    const sinceUs = nowMicros() + underWayMicros;
    await this.#until(
      () => recording.deliveredAt(successor) > sinceUs && recording.deliveredAt("peer") > sinceUs,
      takeoverMs,
      [which, `${successor} took over, but no flow goes on`],
    );
    await this.#player.heal();
    await this.#bringBack(victim, successor, which);
  }

  async #bringBack(victim: SpeakerName, successor: SpeakerName, which: string): Promise<void> {
    const before = this.#cluster.standbysOf(successor);
    await this.#cluster.bringBack(victim);
    const isBack = (): boolean => this.#cluster.standbysOf(successor) > before;
    await this.#until(isBack, rejoinMs, [which, `${victim} does not become the standby again`]);
  }

  async #until(
    condition: () => boolean,
    withinMs: number,
    [which, what]: readonly [string, string],
  ): Promise<void> {
    const { recording, signal } = this.#context;
    if (await recording.until(condition, withinMs, signal)) return;
    throw new LabError(`After ${which}, ${what} within ${withinMs / 1000} s: ${recording.whyLost()}.`);
  }
}
