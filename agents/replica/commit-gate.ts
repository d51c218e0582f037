/** Something that may leave once the secondary holds an update of its association. */
export interface Gated<T> {
  readonly association: number;
  /** 0: it depends on nothing. */
  readonly dependsOn: number;
  readonly item: T;
}

/**
 * Output commit: holds what depends on updates until the secondary has acknowledged them. What depends
 * on nothing passes at once, and may overtake; the rest leaves in the order in which it came.
 */
export class CommitGate<T> {
  readonly #held: Map<number, number> = new Map<number, number>();
  #waiting: Gated<T>[] = [];
  readonly #open: boolean;

  /** `open`: there is no secondary to wait for. */
  constructor(open: boolean) {
    this.#open = open;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** What may leave at once: the thing itself, or nothing for the moment. */
  submit(gated: Gated<T>): Gated<T>[] {
    if (this.#maySend(gated)) return [gated];
    this.#waiting.push(gated);
    return [];
  }

  /** The secondary holds all updates of an association up to `sequence`: answers what may leave now. */
  acknowledge(association: number, sequence: number): Gated<T>[] {
    if (sequence <= this.heldUpTo(association)) return [];
    this.#held.set(association, sequence);
    return this.#release();
  }

  heldUpTo(association: number): number {
    return this.#held.get(association) ?? 0;
  }

  /** Call when the secondary holds the end of an association: nothing of it comes any more. */
  forget(association: number): void {
    this.#held.delete(association);
  }

  #maySend(gated: Gated<T>): boolean {
    return this.#open || gated.dependsOn <= this.heldUpTo(gated.association);
  }

  #release(): Gated<T>[] {
    const released = this.#waiting.filter((gated) => this.#maySend(gated));
    if (released.length > 0) this.#waiting = this.#waiting.filter((gated) => !this.#maySend(gated));
    return released;
  }
}
