import type { Knobs } from "./knobs.ts";
import { play } from "./simulate.ts";
import type { WorldOptions } from "./world.ts";

export interface Shrunk {
  readonly knobs: Knobs;
  /** What the smaller run violates. */
  readonly message: string;
}

function failure(knobs: Knobs, options: WorldOptions): string | undefined {
  try {
    play(knobs, options);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Leaves out one thing after the other as long as the run still fails, until nothing more can be left out. */
export function shrink(knobs: Knobs, options: WorldOptions = {}): Shrunk {
  let best: Shrunk = { knobs, message: failure(knobs, options) ?? "nothing" };
  for (let before: Shrunk | undefined; before !== best;) {
    before = best;
    for (const smaller of candidates(best.knobs)) {
      const message = failure(smaller, options);
      if (message === undefined) continue;
      best = { knobs: smaller, message };
      break;
    }
  }
  return best;
}

const without = <T>(things: readonly T[]): T[][] =>
  things.map((_, index) => things.filter((_each, at) => at !== index));

/** Every run that is a bit simpler than this one. */
function* candidates(knobs: Knobs): Generator<Knobs> {
  for (const happenings of without(knobs.happenings)) yield { ...knobs, happenings };
  for (const crashes of without(knobs.crashes)) yield { ...knobs, crashes };
  for (const pauses of without(knobs.pauses)) yield { ...knobs, pauses };
  const { network, link, clocks } = knobs;
  const calm = {
    ...network,
    loss: { ...network.loss, enterBad: 0, lossGood: 0 },
    duplication: 0,
    corruption: 0,
    reordering: 0,
  };
  if (JSON.stringify(calm) !== JSON.stringify(network)) yield { ...knobs, network: calm };
  if (network.jitterMs > 0) yield { ...knobs, network: { ...network, jitterMs: 0 } };
  if (link.jitterMs > 0) yield { ...knobs, link: { ...link, jitterMs: 0 } };
  const clock = { aheadMs: 0, rate: 1 };
  if (Object.values(clocks).some(({ aheadMs, rate }) => aheadMs !== 0 || rate !== 1))
    yield { ...knobs, clocks: { a: clock, b: clock, k: clock } };
  if (knobs.tsnNearWrap) yield { ...knobs, tsnNearWrap: false };
  if (knobs.ssnNearWrap) yield { ...knobs, ssnNearWrap: false };
  if (knobs.peerAddresses.length > 1) yield { ...knobs, peerAddresses: knobs.peerAddresses.slice(0, 1) };
  if (knobs.activeMs > 100) yield { ...knobs, activeMs: knobs.activeMs / 2 };
}
