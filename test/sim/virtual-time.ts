/** A world whose clock stands still between its events. */
export interface VirtualWorld {
  nowMs: number;
}

export interface VirtualTurns {
  readonly forMs: number;
  /** When something happens next; Infinity: never. */
  readonly nextMs: () => number;
  /** Carries out what is due now. */
  readonly step: () => void;
  readonly done: () => boolean;
}

/** Lets a world go from event to event for so long, or until it is done; answers whether it was done. */
export function runVirtually(world: VirtualWorld, { forMs, nextMs, step, done }: VirtualTurns): boolean {
  const endMs = world.nowMs + forMs;
  while (!done()) {
    const next = nextMs();
    if (next > endMs) {
      world.nowMs = endMs;
      return done();
    }
    world.nowMs = Math.max(world.nowMs, next);
    step();
  }
  return true;
}
