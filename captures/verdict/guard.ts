import type { HostEvent } from "./history.ts";
import type { Tenure } from "./tenures.ts";

/**
 * When a serving member had somebody who held its state, and so had to wait for that: from its event
 * `synchronised` to its event `solo`. Whoever takes over begins alone, except from a store, which goes on holding;
 * after a switch-over the former member holds everything. The first one was alone before it was synchronised,
 * where its record says when that was.
 */
export class Guard {
  readonly #changes: readonly { readonly atUs: number; readonly guarded: boolean }[];
  readonly #from: boolean;

  constructor(events: readonly HostEvent[], tenure: Tenure, placement: "standby" | "store") {
    const { host, fromUs, toUs = Number.POSITIVE_INFINITY } = tenure;
    this.#changes = events
      .filter(({ name, host: of, at }) => {
        const tells = name === "synchronised" || name === "solo";
        return tells && of === host && at >= fromUs && at < toUs;
      })
      .map(({ name, at }) => ({ atUs: at, guarded: name === "synchronised" }));
    if (tenure.began === "start") this.#from = !this.#changes.some(({ guarded }) => guarded);
    else this.#from = tenure.began === "handover" || placement === "store";
  }

  /** Whether somebody held the state at an instant. */
  at(us: number): boolean {
    return this.#changes.findLast(({ atUs }) => atUs <= us)?.guarded ?? this.#from;
  }
}
