import { seededRandom } from "../../../agents/sctp/index.ts";

/** Draws of one part of a simulation, from the seed of the run and the name of the part: parts do not disturb each other. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number, part: string) {
    let mixed = seed >>> 0;
    for (let index = 0; index < part.length; index++) {
      mixed = Math.imul(mixed ^ part.charCodeAt(index), 0x01000193) >>> 0;
      mixed = (mixed ^ (mixed >>> 15)) >>> 0;
    }
    this.#next = seededRandom(mixed).uint32;
  }

  uint32(): number {
    return this.#next();
  }

  chance(probability: number): boolean {
    return probability > 0 && this.#next() / 0x1_0000_0000 < probability;
  }

  real(min: number, max: number): number {
    return min + (this.#next() / 0x1_0000_0000) * (max - min);
  }

  /** A whole number, both ends included. */
  int(min: number, max: number): number {
    return min + Math.floor((this.#next() / 0x1_0000_0000) * (max - min + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)]!;
  }
}
