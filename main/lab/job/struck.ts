import { setTimeout as sleep } from "node:timers/promises";
import type { RunWriter } from "../../store/index.ts";
import { faultNamed } from "../faults/index.ts";
import { Aftermath, type Awaited } from "./aftermath.ts";
import type { Cluster, RunContext } from "./cluster.ts";
import { struckEnds } from "./end.ts";
import { FaultPlayer } from "./fault-player.ts";
import { KillSeries } from "./kill-series.ts";

/** The ends of a run to which its fault is done: strikes them, each at its instant, and sees what comes of it. */
export class Struck {
  readonly #context: RunContext;
  readonly #ends: readonly {
    readonly cluster: Cluster;
    readonly player: FaultPlayer;
    readonly aftermath: Aftermath;
  }[];

  /** @param clusters all that the run has */
  constructor(context: RunContext, clusters: readonly Cluster[], writer: RunWriter) {
    this.#context = context;
    const { setting } = context;
    const fault = faultNamed(setting.fault.name);
    const firsts = new Set(struckEnds(setting).map(({ first }) => first));
    this.#ends = clusters
      .filter(({ end }) => firsts.has(end.first))
      .map((cluster) => {
        const player = new FaultPlayer(fault, context, cluster, writer);
        return { cluster, player, aftermath: new Aftermath(fault, context, cluster, player) };
      });
  }

  /** What happens, for a person. */
  get text(): string {
    const { name, end, peerAfterMs } = this.#context.setting.fault;
    const { text } = faultNamed(name);
    if (end === "cluster") return text;
    const where = end === "peer" ? "to the outside cluster" : "to both clusters";
    const when = end === "peer" ? "" : peerAfterMs === 0 ? " at once" : `, ${peerAfterMs} ms apart`;
    return `${text} (${where}${when}; a stands for peer there, b for peer2)`;
  }

  /** With the load going on; answers what had to come of it. Rejects with a LabError when nobody serves any more. */
  async play(step: (title: string) => void): Promise<readonly Awaited[]> {
    const { fault } = this.#context.setting;
    if (faultNamed(fault.name).repeats === true) {
      const series = this.#ends.map(({ cluster, player }) =>
        new KillSeries(this.#context, cluster, player).play(),
      );
      return (await Promise.all(series)).flat();
    }
    await this.#strike();
    step("What comes of it: the load goes on");
    return (await Promise.all(this.#ends.map(({ aftermath }) => aftermath.watch()))).flat();
  }

  async #strike(): Promise<void> {
    const { setting, signal } = this.#context;
    const struck = this.#ends.map(async ({ player }, index) => {
      if (index > 0) await sleep(setting.fault.peerAfterMs, undefined, { signal });
      await player.strike();
    });
    await Promise.all(struck);
  }

  async heal(): Promise<void> {
    for (const { player } of this.#ends) await player.heal();
  }
}
