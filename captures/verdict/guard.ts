import type { HostEvent } from "./history.ts";
import type { Tenure } from "./tenures.ts";

/**
 * When a serving member had somebody who held its state: from the moment at which all was synchronised to
 * the next time that it went on alone. Recorded by its own events `synchronised` and `solo`. A member that
 * took over begins alone; the first one, where it never says when it was synchronised, was so from the start.
 */
export class Guard {
  readonly #changes: readonly { readonly atUs: number; readonly guarded: boolean }[];
  readonly #from: boolean;

  constructor(events: readonly HostEvent[], tenure: Tenure) {
    const { host, fromUs, toUs = Number.POSITIVE_INFINITY } = tenure;
    this.#changes = events
      .filter(({ name, host: of, at }) => {
        const tells = name === "synchronised" || name === "solo";
        return tells && of === host && at >= fromUs && at < toUs;
      })
      .map(({ name, at }) => ({ atUs: at, guarded: name === "synchronised" }));
    this.#from = tenure.began === "start" && !this.#changes.some(({ guarded }) => guarded);
  }

  /** Whether somebody held the state at an instant. */
  at(us: number): boolean {
    return this.#changes.findLast(({ atUs }) => atUs <= us)?.guarded ?? this.#from;
  }

  /** The first full synchronisation at or after an instant: what was known by then is held from it on. */
  synchronisedAfter(us: number): number | undefined {
    return this.#changes.find(({ atUs, guarded }) => guarded && atUs >= us)?.atUs;
  }
}
