/** Why somebody is refused on a cluster link; each kind is told at most once in a while. */
export type RefusalKind =
  | "stranger"
  | "half-open"
  | "too-many"
  | "no-hello"
  | "version"
  | "garbage"
  | "slow"
  | "refused-by-us"
  | "refuses-us";

const quietMs = 1000;

/** Tells of refusals: the first of a kind at once, then at most one a second with how many were left out. */
export class Refusals {
  readonly #tell: (reason: string) => void;
  readonly #toldAtMs: Map<RefusalKind, number> = new Map<RefusalKind, number>();
  readonly #untold: Map<RefusalKind, number> = new Map<RefusalKind, number>();

  constructor(tell: (reason: string) => void) {
    this.#tell = tell;
  }

  add(kind: RefusalKind, reason: string): void {
    const nowMs = performance.now();
    const untold = this.#untold.get(kind) ?? 0;
    if (nowMs - (this.#toldAtMs.get(kind) ?? Number.NEGATIVE_INFINITY) < quietMs) {
      this.#untold.set(kind, untold + 1);
      return;
    }
    this.#toldAtMs.set(kind, nowMs);
    this.#untold.delete(kind);
    this.#tell(untold === 0 ? reason : `${reason} (and ${untold} more like this)`);
  }
}
